DELETE FROM ledger_privileges WHERE object_name IN ('monitoring_metrics');
DROP TABLE monitoring_metrics;
DROP FUNCTION monitoring_metrics_before_insert();
DROP FUNCTION ledger_version_at(text, timestamptz);
