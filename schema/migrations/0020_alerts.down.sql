DELETE FROM ledger_privileges WHERE object_name IN ('alert_occurrences', 'alerts', 'v_open_alerts');
DROP VIEW v_open_alerts;
DROP TABLE alert_occurrences;
DROP TABLE alerts;
DROP FUNCTION alerts_before_update();
DROP FUNCTION alerts_check_monitor();
DROP FUNCTION alerts_before_insert();
DROP FUNCTION ledger_severity_rank(text);
