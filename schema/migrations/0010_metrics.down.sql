DROP TABLE system_metrics;
DELETE FROM partition_policies WHERE table_name = 'system_metrics';
DROP FUNCTION latest_performance_metrics(uuid);
DROP TABLE performance_metrics;
DROP FUNCTION performance_metrics_before_insert();
