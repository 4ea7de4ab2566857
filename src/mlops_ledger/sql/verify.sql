-- Statements of Verification: each counts, or lists, what must not be.

-- fragment window --
-- A range of time, of partitions that follow each other.
predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz

-- ranges --
-- What to read one after the other: the days of partitions, small ones up to a month at once.
-- On many shards a statement costs a tenth of a second however few rows there are. What has no partition lies in no range.
WITH days AS (
    SELECT t.table_name, d.since, d.until, d.bytes
    FROM (VALUES ('predictions'), ('ground_truth')) t (table_name)
    CROSS JOIN LATERAL (
        SELECT greatest(day, p.since) AS since, least(day + interval '1 day', p.until) AS until,
               s.bytes / greatest(extract(epoch FROM p.until - p.since) / 86400, 1) AS bytes
        FROM ledger_partitions(t.table_name) p
        JOIN ledger_sizes(t.table_name::regclass) s ON s.relation = p.name::regclass
        CROSS JOIN LATERAL generate_series(
            date_trunc('day', greatest(p.since, %(since)s::timestamptz), 'UTC'), p.until - interval '1 microsecond', interval '1 day') day
        OFFSET 0) d
), pieces AS (
    SELECT d.*, div(sum(d.bytes) OVER w, 100000000) AS piece, lag(d.until) OVER w IS DISTINCT FROM d.since AS is_apart
    FROM days d WINDOW w AS (PARTITION BY d.table_name ORDER BY d.since)
), parts AS (
    SELECT p.*, count(*) FILTER (WHERE p.is_apart) OVER (PARTITION BY p.table_name ORDER BY p.since) AS island FROM pieces p
)
SELECT p.table_name, min(p.since) AS since, max(p.until) AS until, count(*) AS days
FROM parts p
GROUP BY p.table_name, p.island, p.piece, date_trunc('month', p.since, 'UTC')
ORDER BY 2, 1 DESC;

-- predictions --
-- Predictions of no version, with more or fewer features than it takes, or with the id of another time.
SELECT count(*) FILTER (WHERE v.id IS NULL) AS predictions_without_version,
       count(*) FILTER (WHERE cardinality(p.feature_values) <> cardinality(v.feature_names)) AS wrong_number_of_features,
       count(*) FILTER (WHERE p.id < ledger_uuid_floor(p.since) OR p.id >= ledger_uuid_floor(p.since + interval '1 millisecond')) AS wrong_id
FROM (SELECT id, model_version_id, feature_values, date_bin('1 millisecond', predicted_at, 'epoch') AS since
      FROM predictions WHERE {window}) p
LEFT JOIN model_versions v ON v.id = p.model_version_id;

-- fragment kept --
-- What is kept of the hours of the range, of rows that are there.
grain = 'hour' AND part = 0 AND starts_at >= %(since)s::timestamptz AND starts_at < %(until)s::timestamptz

-- fragment folded --
-- An hour w that does not wait to be folded.
NOT EXISTS (SELECT FROM summary_marks m
            WHERE m.model_version_id = w.model_version_id AND m.table_name = w.table_name
              AND m.first_predicted_at < w.starts_at + interval '1 hour' AND m.last_predicted_at >= w.starts_at)

-- summaries --
-- Hours whose summary counts other predictions than there are, and that do not wait to be folded.
SELECT count(*) AS wrong_summaries
FROM (SELECT 'predictions' AS table_name, model_version_id, starts_at
      FROM (SELECT model_version_id, date_bin('1 hour', predicted_at, 'epoch') AS starts_at, count(*) AS n
            FROM predictions WHERE {window} GROUP BY 1, 2) r
      FULL JOIN (SELECT t.model_version_id, s.starts_at, s.num_predictions AS n
                 FROM summary_states t
                 -- One look into the index for each version, however long the history is.
                 CROSS JOIN LATERAL (SELECT * FROM summaries h
                                     WHERE h.model_version_id = t.model_version_id AND {kept} OFFSET 0) s) s
          USING (model_version_id, starts_at)
      WHERE r.n IS DISTINCT FROM s.n) w
WHERE {folded};

-- ground_truth --
-- Labels of a prediction that does not exist.
SELECT count(*) FILTER (WHERE p.id IS NULL) AS labels_without_prediction
FROM (SELECT prediction_id, predicted_at FROM ground_truth WHERE {window}) g
LEFT JOIN (SELECT id, predicted_at FROM predictions WHERE {window}) p
    ON p.id = g.prediction_id AND p.predicted_at = g.predicted_at;

-- outcomes --
-- Hours whose outcomes differ from those of the labels that there are, and that do not wait to be folded.
SELECT count(*) AS wrong_outcomes
FROM (SELECT DISTINCT model_version_id AS id FROM ground_truth WHERE {window}
      UNION
      SELECT t.model_version_id FROM summary_states t
      WHERE EXISTS (SELECT FROM summary_outcomes h WHERE h.model_version_id = t.model_version_id AND {kept} OFFSET 0)) v
LEFT JOIN v_version_tasks t ON t.model_version_id = v.id
LEFT JOIN models m ON m.model_name = t.model_name
CROSS JOIN LATERAL (
    SELECT 'ground_truth' AS table_name, v.id AS model_version_id, coalesce((r.counted).starts_at, (s.counted).starts_at) AS starts_at
    FROM (SELECT o AS counted FROM ledger_outcomes(
              ARRAY[v.id], %(since)s::timestamptz, %(until)s::timestamptz, 'infinity', t.task, t.class_names, t.positive_label,
              t.positive_label, ledger_zero_and_one(t.class_names, t.positive_label), NULL, m.slice_key) o) r
    FULL JOIN (SELECT h AS counted FROM summary_outcomes h
               WHERE h.model_version_id = v.id AND {kept} OFFSET 0) s
        ON (s.counted).starts_at = (r.counted).starts_at AND (s.counted).slice = (r.counted).slice
    WHERE NOT ledger_same_outcomes(r.counted, s.counted)) w
WHERE {folded};

-- audit_queue --
-- Entries of the audit log that nothing has appended for more than a minute.
SELECT count(*) FROM audit_queue WHERE recorded_at < now() - interval '1 minute';

-- partitions_missing --
-- Predictions, if they have none for tomorrow; what writes labels and metrics makes theirs in passing.
SELECT t.table_name
FROM partition_policies t
WHERE t.table_name = 'predictions'
  AND EXISTS (SELECT FROM ledger_partitions(t.table_name))
  AND NOT EXISTS (SELECT FROM ledger_partitions(t.table_name) p
                  WHERE p.since <= now() + interval '1 day' AND p.until > now() + interval '1 day');

-- partitions_detached --
-- Partitions that were taken from their table, so that nothing reads their rows.
SELECT c.relname::text
FROM partition_policies t
JOIN pg_class c ON c.relname ~ ('^' || t.table_name || '_p\d+_\d\d_\d\d$')
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
ORDER BY c.relname;

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

-- distributed --
-- The tables that are spread over workers, which can have no triggers.
SELECT table_name FROM ledger_distributed();

-- audited_rows --
-- Rows of audited tables that are not as their newest entry in the audit log has them.
-- They were changed, deleted or inserted while the triggers were off. Some columns change without an entry, and some
-- tables have entries of corrections only. Tables that users have audited besides are theirs to compare.
SELECT coalesce(present.object_table, recorded.object_table) || ' ' || coalesce(present.object_id, recorded.object_id)
FROM (
    SELECT 'model_deployments' AS object_table, d.id::text AS object_id, to_jsonb(d) AS row, '{}'::text[] AS loose, true AS whole
    FROM model_deployments d
    UNION ALL SELECT 'retraining_decisions', d.id::text, to_jsonb(d), '{}', true FROM retraining_decisions d
    UNION ALL SELECT 'agent_actions', a.id::text, to_jsonb(a), '{}', true FROM agent_actions a
    UNION ALL
    SELECT 'alerts', a.id::text, to_jsonb(a), '{occurrences,first_seen,last_seen,title,message,related_data}', true FROM alerts a
    UNION ALL SELECT 'monitoring_metrics', m.id::text, to_jsonb(m), '{}', true FROM monitoring_metrics m
    UNION ALL SELECT 'drift_reports', d.id::text, to_jsonb(d), '{}', true FROM drift_reports d
    UNION ALL
    SELECT 'promotion_policies', p.model_name || '/' || p.slot, to_jsonb(p), '{}', true FROM promotion_policies p
    UNION ALL SELECT 'monitors', m.id::text, to_jsonb(m), '{}', true FROM monitors m
    UNION ALL SELECT 'webhooks', w.webhook, to_jsonb(w), '{}', true FROM webhooks w
    UNION ALL SELECT 'withdrawn_versions', w.id::text, to_jsonb(w), '{}', true FROM withdrawn_versions w
    UNION ALL SELECT 'deletions', d.id::text, to_jsonb(d), '{}', true FROM deletions d
    -- These are recorded without an entry, and have one from their first correction on.
    UNION ALL SELECT 'partition_policies', p.table_name, to_jsonb(p), '{}', false FROM partition_policies p
    UNION ALL SELECT 'summary_privacy', p.id::text, to_jsonb(p), '{}', false FROM summary_privacy p
    UNION ALL SELECT 'performance_metrics', m.id::text, to_jsonb(m), '{}', false FROM performance_metrics m
    UNION ALL SELECT 'models', m.model_name, to_jsonb(m), ARRAY['updated_at'], false FROM models m
    UNION ALL
    SELECT 'model_versions', v.id::text, to_jsonb(v), '{stage,tags,promoted_at,promoted_by}', false FROM model_versions v
) present
FULL JOIN (SELECT DISTINCT ON (l.object_table, l.object_id) l.object_table, l.object_id, l.after
           FROM audit_log l
           WHERE l.object_table = ANY (%(tables)s::text[])
           ORDER BY l.object_table, l.object_id, l.seq DESC) recorded USING (object_table, object_id)
WHERE CASE WHEN recorded.object_id IS NULL THEN present.whole
           WHEN present.object_id IS NULL THEN
               recorded.after IS NOT NULL
               AND NOT EXISTS (SELECT FROM withdrawn_versions w WHERE recorded.object_table = 'model_versions' AND w.id::text = recorded.object_id)
           WHEN recorded.after IS NULL THEN present.whole
           ELSE (recorded.after - present.loose) - ARRAY(
                    SELECT e.key FROM jsonb_each(recorded.after) e WHERE e.value = present.row -> e.key) <> '{}'::jsonb
      END
  -- What waits to be appended is newer.
  AND NOT EXISTS (SELECT FROM audit_queue q WHERE q.object_table = coalesce(present.object_table, recorded.object_table)
                  AND q.object_id = coalesce(present.object_id, recorded.object_id))
ORDER BY 1;
