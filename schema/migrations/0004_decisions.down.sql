DROP TRIGGER model_deployments_check_decision ON model_deployments;
DROP FUNCTION model_deployments_check_decision();
DROP FUNCTION ledger_check_decision(uuid, uuid);
ALTER TABLE model_deployments DROP CONSTRAINT model_deployments_decision_fkey;
DROP TABLE retraining_decisions;
DROP FUNCTION retraining_decisions_before_insert();
