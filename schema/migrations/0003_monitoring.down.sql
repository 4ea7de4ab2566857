DROP TABLE monitoring_metrics;
DROP FUNCTION monitoring_metrics_before_insert();
DROP FUNCTION ledger_require_known_model(text, timestamptz);
