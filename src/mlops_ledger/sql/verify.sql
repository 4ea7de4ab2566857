-- Statements of Verification: each counts, or lists, what must not be.

-- be_patient --
-- Let a statement that reads everything take its time.
SET LOCAL statement_timeout = 0;

-- predictions_without_version --
-- Predictions of a version that does not exist.
SELECT count(*) FROM predictions WHERE model_version_id IN (
    SELECT model_version_id FROM predictions EXCEPT SELECT v.id FROM model_versions v);

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
SELECT count(*)
FROM predictions p
CROSS JOIN LATERAL (SELECT date_trunc('milliseconds', p.predicted_at, 'UTC') AS since) m
WHERE p.id < ledger_uuid_floor(m.since) OR p.id >= ledger_uuid_floor(m.since + interval '1 millisecond');

-- wrong_summaries --
-- Hours whose summary counts other predictions than there are, and that do not wait to be folded.
SELECT count(*)
FROM (SELECT model_version_id, date_trunc('hour', predicted_at, 'UTC') AS starts_at, count(*) AS n
      FROM predictions GROUP BY 1, 2) r
FULL JOIN (SELECT model_version_id, starts_at, num_predictions AS n
           FROM summaries WHERE grain = 'hour' AND part = 0) s USING (model_version_id, starts_at)
WHERE r.n IS DISTINCT FROM s.n
  AND EXISTS (SELECT FROM ledger_partitions('predictions') p WHERE starts_at >= p.since AND starts_at < p.until)
  AND NOT EXISTS (SELECT FROM summary_marks m
                  WHERE m.model_version_id = coalesce(r.model_version_id, s.model_version_id)
                    AND m.table_name = 'predictions' AND m.first_predicted_at < starts_at + interval '1 hour'
                    AND m.last_predicted_at >= starts_at);

-- partitions_missing --
-- Predictions, if they have none for tomorrow; what writes labels and metrics makes theirs in passing.
SELECT t.table_name
FROM partition_policies t
WHERE t.table_name = 'predictions'
  AND EXISTS (SELECT FROM ledger_partitions(t.table_name))
  AND NOT EXISTS (SELECT FROM ledger_partitions(t.table_name) p
                  WHERE p.since <= now() + interval '1 day' AND p.until > now() + interval '1 day');

-- invalid_indexes --
-- Indexes that were not built to the end, so that nothing uses them.
SELECT c.relname::text
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND NOT (i.indisvalid AND i.indisready AND i.indislive)
ORDER BY c.relname;

-- invalid_constraints --
-- Constraints that were never checked against the rows that were there.
SELECT conname::text FROM pg_constraint
WHERE connamespace = quote_ident(current_schema())::regnamespace AND NOT convalidated
ORDER BY conname;

-- triggers_off --
-- Triggers that were disabled, on a table or one of its partitions; also those of foreign keys.
SELECT DISTINCT c.relname || '.' || t.tgname
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND t.tgenabled IN ('D', 'R')
ORDER BY 1;

-- server_time --
-- What time it is there.
SELECT clock_timestamp();

-- records --
-- The migrations that were applied.
SELECT version, name, checksum, applied_at, applied_by, duration_ms FROM ledger_migrations;
