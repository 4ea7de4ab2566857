-- Statements of SummariesRepository.

-- fragment wanted --
-- The version that is named, those of a model, or all.
(%(model_name)s::text IS NULL OR v.model_name = %(model_name)s::text)
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)

-- fold__marked --
-- The versions with marks.
SELECT DISTINCT m.model_version_id
FROM summary_marks m
JOIN model_versions v ON v.id = m.model_version_id
WHERE {wanted}
ORDER BY m.model_version_id;

-- fold__is_known --
-- Whether there is a model, which may have no version yet, or one version of it.
SELECT CASE WHEN %(model_version)s::text IS NULL THEN EXISTS (SELECT FROM models WHERE model_name = %(model_name)s::text)
            ELSE EXISTS (SELECT FROM model_versions
                         WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text) END AS is_known;

-- fold__hours --
-- Fold some marked hours of a version.
SELECT fold_summaries(%(model_version_id)s::uuid, coalesce(%(since)s::timestamptz, '-infinity'),
                      coalesce(%(until)s::timestamptz, 'infinity'), 24, true);

-- rebuild --
-- Mark everything of the versions of a model, or of all.
SELECT v.id FROM model_versions v
WHERE {wanted}
  AND rebuild_summaries(v.id)
ORDER BY v.id;

-- read list_pending --
-- What waits to be folded, the longest first.
SELECT v.model_name, v.model_version, count(*) AS marks, min(m.first_predicted_at) AS first_predicted_at,
       max(m.last_predicted_at) AS last_predicted_at, min(m.marked_at) AS pending_since
FROM summary_marks m
JOIN model_versions v ON v.id = m.model_version_id
WHERE {wanted}
GROUP BY v.id
ORDER BY pending_since
LIMIT 1000;

-- read minimum_count --
-- How many predictions a day needs for those to see its features who may not read inputs.
SELECT minimum_count FROM summary_privacy;

-- set_minimum_count --
-- Change it; a row that somebody has deleted comes back.
INSERT INTO summary_privacy (minimum_count) VALUES (%(minimum_count)s::integer)
ON CONFLICT (id) DO UPDATE SET minimum_count = excluded.minimum_count
RETURNING minimum_count;

-- fold_in_passing --
-- Fold what was written in the window, as far as it is little.
SELECT ledger_fold_in_passing(v.id, %(since)s::timestamptz, %(until)s::timestamptz) FROM model_versions v
WHERE v.model_name = %(model_name)s::text
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text);

-- fragment pending --
-- Since when predictions of a bucket wait to be folded.
(SELECT min(k.marked_at) FROM summary_marks k JOIN model_versions o ON o.id = k.model_version_id
 WHERE o.model_name = %(model_name)s::text AND (%(model_version)s::text IS NULL OR o.model_version = %(model_version)s::text)
   AND k.table_name = 'predictions' AND k.first_predicted_at < b.since + %(bucket)s::interval AND k.last_predicted_at >= b.since) AS pending_since

-- fragment buckets --
-- The buckets of a window, which begin at its start.
generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond', %(bucket)s::interval)
     WITH ORDINALITY b (since, place)

-- fragment versions --
-- One version of a model, or all.
v AS MATERIALIZED (
    SELECT id FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
)

-- fragment latencies --
-- How long their predictions took by bucket.
ledger_latency_series(ARRAY(SELECT id FROM v), %(since)s::timestamptz, %(until)s::timestamptz, %(bucket)s::interval) l
     ON l.place = b.place - 1

-- monitoring_series --
-- The predictions of a version by bucket of time, in one pass over its summaries.
WITH {versions}
SELECT b.since AS bucket, coalesce(s.num_predictions, 0) AS num_predictions, s.num_errors, s.num_cache_hits, s.positive_rate, s.probability_mean,
       s.probability_std, s.entropy, l.latency_mean, l.latency_p50, l.latency_p95, l.latency_p99, l.latency_max,
       {pending}
FROM {buckets}
LEFT JOIN ledger_summary_series(ARRAY(SELECT id FROM v), %(since)s::timestamptz, %(until)s::timestamptz, %(bucket)s::interval,
                                %(positive_label)s::text, %(threshold)s::double precision) s ON s.place = b.place - 1
LEFT JOIN {latencies}
WHERE EXISTS (SELECT FROM v)
ORDER BY b.since;

-- latency_series --
-- How long the predictions of a model took by bucket of time, in one pass over its summaries.
WITH {versions}
SELECT b.since AS bucket, coalesce(l.num_latencies, 0) AS count, l.latency_mean AS mean, l.latency_p50 AS p50, l.latency_p90 AS p90,
       l.latency_p95 AS p95, l.latency_p99 AS p99, l.latency_max AS max, 0.02 / 2.02::double precision AS relative_error,
       {pending}
FROM {buckets}
LEFT JOIN {latencies}
WHERE EXISTS (SELECT FROM v)
ORDER BY b.since;
