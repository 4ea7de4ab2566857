DELETE FROM ledger_privileges WHERE object_name IN (
    'v_decision_history', 'v_lineage', 'v_model_timeline', 'v_recent_monitoring');
DROP VIEW v_lineage;
DROP VIEW v_recent_monitoring;
DROP VIEW v_decision_history;
DROP VIEW v_model_timeline;
