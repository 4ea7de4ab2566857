DROP VIEW v_monitors;
DROP VIEW v_open_alerts;
DROP VIEW v_recent_monitoring;
DROP VIEW v_pending_actions;
DROP VIEW v_decision_history;
DROP VIEW v_model_timeline;
