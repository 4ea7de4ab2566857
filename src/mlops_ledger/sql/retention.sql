-- Statements of Retention.

-- partitions --
-- The partitions that hold something from before an instant, and their sizes in bytes.
SELECT t.table_name, p.name, p.since, p.until, pg_total_relation_size(p.name::regclass) AS bytes
FROM partition_policies t
CROSS JOIN LATERAL ledger_partitions(t.table_name) p
WHERE p.since < %(before)s::timestamptz
ORDER BY p.since, t.table_name;

-- version_ids --
-- The versions of a model.
SELECT id FROM model_versions WHERE model_name = %(model_name)s::text;

-- trim_predictions --
-- Delete some predictions of a stretch of time, in the order of their ids.
DELETE FROM predictions WHERE (id, predicted_at) IN (
    SELECT id, predicted_at FROM predictions
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]))
      AND (%(after)s::uuid IS NULL OR id >= %(after)s::uuid)
    ORDER BY id
    LIMIT %(limit)s::integer)
RETURNING id;

-- trim_ground_truth --
-- Delete some labels of predictions of a stretch of time, in the order of their ids.
DELETE FROM ground_truth WHERE (prediction_id, predicted_at, labeled_at) IN (
    SELECT prediction_id, predicted_at, labeled_at FROM ground_truth
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]))
      AND (%(after)s::uuid IS NULL OR prediction_id >= %(after)s::uuid)
    ORDER BY prediction_id
    LIMIT %(limit)s::integer)
RETURNING prediction_id;

-- trim_prediction_batches --
-- Delete some records of writes all of whose predictions are older.
DELETE FROM prediction_batches WHERE (id, model_version_id) IN (
    SELECT id, model_version_id FROM prediction_batches
    WHERE last_predicted_at < %(until)s::timestamptz
      AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]))
    ORDER BY last_predicted_at
    LIMIT %(limit)s::integer)
RETURNING id;

-- trim_ground_truth_waiting --
-- Delete some labels whose predictions never came.
DELETE FROM ground_truth_waiting WHERE id IN (
    SELECT id FROM ground_truth_waiting
    WHERE coalesce(predicted_from, recorded_at) < %(until)s::timestamptz
    LIMIT %(limit)s::integer)
RETURNING id;

-- count_predictions --
-- Count the predictions of a stretch of time.
SELECT count(*) FROM predictions
WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
  AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]));

-- count_ground_truth --
-- Count the labels of predictions of a stretch of time.
SELECT count(*) FROM ground_truth
WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
  AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]));

-- be_brief --
-- Give up a lock soon: whoever comes after has to wait behind.
SET LOCAL lock_timeout = '1s';

-- be_patient --
-- Let a statement that reads everything take its time.
SET LOCAL statement_timeout = 0;

-- predictions_without_version --
-- Predictions of a version that does not exist.
SELECT count(*) FROM predictions WHERE model_version_id IN (
    SELECT p.model_version_id FROM predictions p EXCEPT SELECT v.id FROM model_versions v);

-- labels_without_prediction --
-- Labels of a prediction that does not exist.
SELECT count(*)
FROM ground_truth g
LEFT JOIN predictions p ON p.id = g.prediction_id AND p.predicted_at = g.predicted_at
WHERE p.id IS NULL;

-- wrong_number_of_features --
-- Predictions with more or fewer features than their version takes.
SELECT count(*)
FROM predictions p
JOIN model_versions v ON v.id = p.model_version_id
WHERE cardinality(p.feature_values) <> cardinality(v.feature_names);

-- wrong_id --
-- Predictions whose id is of another time, so that it does not find them.
SELECT count(*) FROM predictions
WHERE id < ledger_uuid_floor(predicted_at) OR id >= ledger_uuid_floor(predicted_at + interval '1 millisecond');
