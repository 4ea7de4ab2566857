DELETE FROM ledger_privileges WHERE object_name IN (
    'acknowledge_alert', 'raise_alert', 'resolve_alert', 'snooze_alert');
DROP FUNCTION snooze_alert(uuid, timestamptz, text);
DROP FUNCTION resolve_alert(uuid, text, text, text, timestamptz);
DROP FUNCTION acknowledge_alert(uuid, text, text, timestamptz);
DROP FUNCTION raise_alert(text, text, text, text, jsonb, text, text, timestamptz, uuid, uuid);
DROP FUNCTION ledger_refuse_closed_alert(alerts);
DROP FUNCTION ledger_lock_alert(uuid);
DROP FUNCTION ledger_lock_open_alert(text);
DROP FUNCTION ledger_alert_timestamp(timestamptz, timestamptz);
