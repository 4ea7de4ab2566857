DELETE FROM ledger_privileges WHERE object_name IN ('drift_reports');
DROP TABLE drift_reports;
DROP FUNCTION drift_reports_before_insert();
DROP FUNCTION ledger_require_feature_results(jsonb);
