DELETE FROM ledger_privileges WHERE object_name IN ('monitor_states', 'run_monitors', 'v_monitors');
DROP VIEW v_monitors;
DROP FUNCTION run_monitors(text, timestamptz);
DROP FUNCTION ledger_run_monitor(monitors, timestamptz);
DROP FUNCTION ledger_raise_by_monitor(monitors, text, jsonb, timestamptz);
DROP FUNCTION ledger_monitor_rank(monitors, double precision, double precision);
DROP FUNCTION ledger_monitor_points(monitors, timestamptz);
DROP TABLE monitor_states;
