DELETE FROM ledger_privileges WHERE object_name IN ('performance_metrics', 'latest_performance_metrics');
DROP FUNCTION latest_performance_metrics(uuid);
DROP TABLE performance_metrics;
DROP FUNCTION performance_metrics_before_insert();
