DELETE FROM ledger_privileges WHERE object_name = 'match_ground_truth';
DROP TRIGGER prediction_batches_after_insert ON prediction_batches;
DROP FUNCTION prediction_batches_after_insert();
DROP FUNCTION ledger_match_write(timestamptz, timestamptz);
DROP FUNCTION match_ground_truth(timestamptz, timestamptz);
