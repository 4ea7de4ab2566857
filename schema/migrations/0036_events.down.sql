DELETE FROM ledger_privileges
WHERE object_name IN ('v_event_types', 'v_events', 'event_head') OR (role, object_name) = ('reader', 'audit_head');
DROP TRIGGER audit_log_notify ON audit_log;
DROP FUNCTION audit_log_notify();
DROP FUNCTION event_head();
DROP VIEW v_events;
DROP VIEW v_event_types;
