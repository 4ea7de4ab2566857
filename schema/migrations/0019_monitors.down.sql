DELETE FROM ledger_privileges WHERE object_name IN ('monitors', 'add_default_monitors', 'remove_monitor');
DROP FUNCTION remove_monitor(uuid, text);
DROP FUNCTION ledger_lock_monitor(uuid);
DROP FUNCTION add_default_monitors(text, interval, text);
DROP TABLE monitors;
DROP FUNCTION monitors_before_update();
DROP FUNCTION monitors_before_insert();
