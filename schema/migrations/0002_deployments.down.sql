DROP FUNCTION production_at(text, timestamptz, text);
DROP VIEW v_deployments;
DROP TRIGGER model_versions_guard_stage ON model_versions;
DROP FUNCTION model_versions_guard_stage();
DROP TABLE model_deployments;
DROP FUNCTION model_deployments_set_stage();
DROP FUNCTION model_deployments_only_close();
DROP FUNCTION ledger_refuse_change();
DROP TABLE model_slots;
