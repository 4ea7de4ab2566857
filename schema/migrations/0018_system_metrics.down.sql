DELETE FROM ledger_privileges WHERE object_name IN ('system_metrics');
DROP TABLE system_metrics;
DELETE FROM partition_policies WHERE table_name = 'system_metrics';
