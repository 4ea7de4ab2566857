DROP FUNCTION retire(text, text, text, text, timestamptz, uuid);
DROP FUNCTION rollback(text, text, text, text, timestamptz, uuid);
DROP FUNCTION promote(text, text, text, text, text, uuid, timestamptz, uuid, uuid);
DROP FUNCTION ledger_deploy(model_slots, uuid, text, text, uuid, uuid, uuid, timestamptz, uuid);
DROP FUNCTION ledger_slot_moment(integer, timestamptz);
DROP FUNCTION ledger_lock_slot(text, text);
DROP TRIGGER model_deployments_check_policy ON model_deployments;
DROP FUNCTION model_deployments_check_policy();
DROP FUNCTION ledger_use_action(model_deployments, text, boolean);
ALTER TABLE model_deployments
    DROP CONSTRAINT model_deployments_action_key,
    DROP CONSTRAINT model_deployments_action_fkey;
DROP TABLE promotion_policies;
DROP FUNCTION promotion_policies_before_write();
