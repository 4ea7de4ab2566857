DROP FUNCTION ledger_check_decision(uuid, uuid);
DROP TABLE retraining_decisions;
DROP FUNCTION retraining_decisions_before_insert();
