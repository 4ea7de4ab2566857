DELETE FROM ledger_privileges WHERE object_name IN ('model_counters', 'model_versions');
DROP TABLE model_versions;
DROP TABLE model_counters;
DROP FUNCTION model_versions_keep_name();
DROP FUNCTION model_versions_before_write();
DROP FUNCTION ledger_require_known_model(text, timestamptz);
