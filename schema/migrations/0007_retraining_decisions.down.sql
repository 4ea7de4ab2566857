DELETE FROM ledger_privileges WHERE object_name IN ('retraining_decisions');
DROP TABLE retraining_decisions;
DROP FUNCTION retraining_decisions_before_insert();
