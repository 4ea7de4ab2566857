DROP TABLE system_metrics;
DELETE FROM partition_policies WHERE table_name = 'system_metrics';
