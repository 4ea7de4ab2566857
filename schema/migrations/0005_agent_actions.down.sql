DROP VIEW v_pending_actions;
DROP TRIGGER model_deployments_check_policy ON model_deployments;
DROP FUNCTION model_deployments_check_policy();
DROP FUNCTION ledger_use_action(model_deployments, text, boolean);
ALTER TABLE model_deployments
    DROP CONSTRAINT model_deployments_action_key,
    DROP CONSTRAINT model_deployments_action_fkey;
DROP TABLE promotion_policies;
DROP FUNCTION promotion_policies_before_write();
DROP FUNCTION expire_actions();
DROP FUNCTION execute_action(uuid, text, jsonb, boolean);
DROP FUNCTION reject_action(uuid, text, text);
DROP FUNCTION approve_action(uuid, text, text);
DROP FUNCTION ledger_review_action(uuid, text, text, text);
DROP FUNCTION ledger_lock_action(uuid);
DROP FUNCTION ledger_action_state(agent_actions);
DROP FUNCTION ledger_action_status(text, timestamptz);
DROP TABLE agent_actions;
DROP FUNCTION agent_actions_before_update();
DROP FUNCTION agent_actions_before_insert();
DROP FUNCTION ledger_person(text);
