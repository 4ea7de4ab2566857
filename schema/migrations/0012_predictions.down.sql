DELETE FROM ledger_privileges WHERE object_name IN (
    'prediction_batches', 'predictions', 'v_prediction_log', 'v_predictions');
DROP VIEW v_prediction_log;
DROP VIEW v_predictions;
DROP FUNCTION ledger_insert_prediction;
DROP FUNCTION ledger_last_predicted_at(uuid, timestamptz, timestamptz);
DROP FUNCTION ledger_entropy(double precision, double precision[]);
DROP TABLE predictions;
DROP TABLE prediction_batches;
DELETE FROM partition_policies WHERE table_name = 'predictions';
DROP FUNCTION ledger_uuid_time(uuid);
DROP FUNCTION ledger_uuid_floor(timestamptz);
