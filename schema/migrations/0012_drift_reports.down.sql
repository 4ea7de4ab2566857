DROP TABLE drift_reports;
DROP FUNCTION drift_reports_before_insert();
DROP FUNCTION ledger_require_feature_results(jsonb);
