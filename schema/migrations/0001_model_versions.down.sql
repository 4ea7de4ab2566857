DROP TABLE model_versions;
DROP FUNCTION model_versions_before_write();
DROP FUNCTION ledger_metric(jsonb, text);
DROP FUNCTION ledger_uuid();
