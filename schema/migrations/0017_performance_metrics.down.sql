DELETE FROM ledger_privileges WHERE object_name IN ('performance_metrics', 'latest_performance_metrics');
DROP FUNCTION latest_performance_metrics(uuid);
DROP TRIGGER model_versions_keep_measured_renamed ON model_versions;
DROP TRIGGER model_versions_keep_measured_deleted ON model_versions;
DROP FUNCTION model_versions_keep_measured();
DROP TABLE performance_metrics;
DROP FUNCTION performance_metrics_check_versions();
DROP FUNCTION performance_metrics_before_insert();
