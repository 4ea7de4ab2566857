-- Statements of Retention.

-- fragment window --
-- What belongs to predictions of some versions, or of all, within a range of time.
predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
  AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]))

-- partitions --
-- The partitions that hold something from before the limit of their table, and their sizes in bytes.
SELECT t.table_name, p.name, p.since, p.until, l.before, p.bytes
FROM partition_policies t
CROSS JOIN LATERAL (
    SELECT CASE t.table_name WHEN 'system_metrics' THEN %(metrics_before)s::timestamptz
                             ELSE %(before)s::timestamptz END AS before) l
-- The sizes are asked once for a table, not once for each partition.
CROSS JOIN LATERAL (
    SELECT p.name, p.since, p.until, s.bytes
    FROM ledger_partitions(t.table_name) p JOIN ledger_sizes(t.table_name::regclass) s ON s.relation = p.name::regclass OFFSET 0) p
WHERE p.since < l.before
-- Predictions first: then no label can come any more.
ORDER BY p.since, t.table_name DESC;

-- version_ids --
-- The versions of a model.
SELECT id FROM model_versions WHERE model_name = %(model_name)s::text;

-- see_one_snapshot --
-- Delete what was summarised and nothing that comes meanwhile.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- keep_history --
-- Set the summaries of what is to be deleted aside, so that they stay.
SELECT ledger_keep_history(%(table_name)s::text, %(since)s::timestamptz, %(until)s::timestamptz, %(version_ids)s::uuid[]);

-- trim_predictions --
-- Delete the predictions of an hour and count them.
WITH gone AS (DELETE FROM predictions WHERE {window} RETURNING 1) SELECT count(*) FROM gone;

-- trim_ground_truth --
-- Delete the labels of predictions of an hour and count them.
WITH gone AS (DELETE FROM ground_truth WHERE {window} RETURNING 1) SELECT count(*) FROM gone;

-- trim_system_metrics --
-- Delete some system metrics of a range of time, in the order of their ids.
DELETE FROM system_metrics WHERE (id, timestamp) IN (
    SELECT id, timestamp FROM system_metrics
    WHERE timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz
      AND (%(after)s::uuid IS NULL OR id >= %(after)s::uuid)
    ORDER BY id
    LIMIT %(limit)s::integer)
RETURNING id;

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
-- Count the predictions of a range of time.
SELECT count(*) FROM predictions
WHERE {window};

-- count_ground_truth --
-- Count the labels of predictions of a range of time.
SELECT count(*) FROM ground_truth
WHERE {window};

-- count_system_metrics --
-- Count the system metrics of a range of time.
SELECT count(*) FROM system_metrics
WHERE timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz;

-- record --
-- Record what was deleted, in the transaction that deletes it.
INSERT INTO deletions (reason, table_name, partition, num_rows, bytes)
VALUES ('retention', %(table_name)s::text, %(partition)s::text, %(rows)s::bigint, %(bytes)s::bigint)
RETURNING id;

-- tables --
-- The tables in partitions.
SELECT table_name FROM partition_policies ORDER BY table_name;

-- ensure_partitions --
-- Make the missing partitions of a table from now on and count them.
SELECT ensure_partitions(%(table_name)s::text, now(), %(until)s::timestamptz);

-- be_brief --
-- Give up waiting for a lock soon: later statements queue behind it.
SET LOCAL lock_timeout = '1s';
