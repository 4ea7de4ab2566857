DELETE FROM ledger_privileges WHERE object_name IN (
    'agent_actions', 'approve_action', 'execute_action', 'expire_actions', 'reject_action', 'v_pending_actions');
DROP VIEW v_pending_actions;
DROP FUNCTION expire_actions();
DROP FUNCTION execute_action(uuid, text, jsonb, boolean);
DROP FUNCTION reject_action(uuid, text, text);
DROP FUNCTION approve_action(uuid, text, text);
DROP FUNCTION ledger_review_action(uuid, text, text, text);
DROP FUNCTION ledger_lock_action(uuid);
DROP FUNCTION ledger_action_state(agent_actions);
DROP FUNCTION ledger_action_status(text, timestamptz);
DROP FUNCTION ledger_login();
DROP TABLE agent_actions;
DROP FUNCTION agent_actions_before_update();
DROP FUNCTION agent_actions_before_insert();
DROP FUNCTION ledger_is_same_person(text, text);
