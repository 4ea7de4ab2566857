DELETE FROM ledger_privileges WHERE object_name IN ('model_counters', 'model_versions');
DROP TRIGGER model_versions_before_write ON model_versions;
DROP FUNCTION model_versions_before_write();
DROP FUNCTION ledger_complete_task(model_versions);
DROP TABLE model_versions;
DROP TABLE model_counters;
DROP FUNCTION ledger_positive_label(text[]);
DROP FUNCTION model_versions_keep_name();
DROP FUNCTION ledger_require_known_model(text, timestamptz);
