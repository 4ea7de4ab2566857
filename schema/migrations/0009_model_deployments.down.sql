DELETE FROM ledger_privileges WHERE object_name IN (
    'model_deployments', 'model_slots', 'promotion_policies', 'v_deployments', 'production_at');
DROP FUNCTION production_at(text, timestamptz, text);
DROP VIEW v_deployments;
DROP TRIGGER model_versions_guard_stage ON model_versions;
DROP FUNCTION model_versions_guard_stage();
DROP FUNCTION ledger_use_action(model_deployments, text, boolean);
DROP TABLE model_deployments;
DROP FUNCTION model_deployments_set_stage();
DROP FUNCTION model_deployments_check_policy();
DROP FUNCTION model_deployments_check_decision();
DROP FUNCTION model_deployments_only_close();
DROP FUNCTION model_deployments_refuse_future();
DROP TABLE promotion_policies;
DROP FUNCTION promotion_policies_before_write();
DROP TRIGGER model_versions_take_turn ON model_versions;
DROP FUNCTION model_versions_take_turn();
DROP FUNCTION ledger_lock_slot(text, text);
DROP TABLE model_slots;
