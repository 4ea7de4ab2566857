DROP VIEW v_lineage;
DROP VIEW v_recent_monitoring;
DROP VIEW v_decision_history;
DROP VIEW v_model_timeline;
