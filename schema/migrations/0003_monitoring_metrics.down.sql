DROP TABLE monitoring_metrics;
DROP FUNCTION monitoring_metrics_before_insert();
