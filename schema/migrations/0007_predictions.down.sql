DROP VIEW v_predictions;
DROP FUNCTION ensure_partitions(text, timestamptz, timestamptz);
DROP FUNCTION ledger_partitions(text);
DROP TABLE predictions;
DROP TABLE prediction_batches;
DROP TABLE partition_policies;
DROP FUNCTION ledger_uuid_floor(timestamptz);
