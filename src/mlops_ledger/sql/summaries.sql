-- Statements of SummariesRepository.

-- fold__be_patient --
-- Let a fold take its time.
SET LOCAL statement_timeout = 0;

-- fold__marked --
-- The versions with marks.
SELECT DISTINCT m.model_version_id
FROM summary_marks m
JOIN model_versions v ON v.id = m.model_version_id
WHERE (%(model_name)s::text IS NULL OR v.model_name = %(model_name)s::text)
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)
ORDER BY m.model_version_id;

-- fold__hours --
-- Fold some marked hours of a version.
SELECT fold_summaries(%(model_version_id)s::uuid, coalesce(%(since)s::timestamptz, '-infinity'),
                      coalesce(%(until)s::timestamptz, 'infinity'), 24, true);

-- rebuild --
-- Mark everything of the versions of a model, or of all.
SELECT v.id FROM model_versions v
WHERE (%(model_name)s::text IS NULL OR v.model_name = %(model_name)s::text)
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)
  AND rebuild_summaries(v.id)
ORDER BY v.id;

-- read list_pending --
-- What waits to be folded, the longest first.
SELECT v.model_name, v.model_version, count(*) AS marks, min(m.first_predicted_at) AS first_predicted_at,
       max(m.last_predicted_at) AS last_predicted_at, min(m.marked_at) AS pending_since
FROM summary_marks m
JOIN model_versions v ON v.id = m.model_version_id
WHERE (%(model_name)s::text IS NULL OR v.model_name = %(model_name)s::text)
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)
GROUP BY v.id
ORDER BY pending_since
LIMIT 1000;

-- fold_in_passing --
-- Fold what was written in the window, as far as it is little.
SELECT ledger_fold_in_passing(v.id, %(since)s::timestamptz, %(until)s::timestamptz) FROM model_versions v
WHERE v.model_name = %(model_name)s::text
  AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text);

-- monitoring_series --
-- The predictions of a version by bucket of time; buckets begin at the window's start.
SELECT b.since AS bucket, s.num_predictions, s.num_errors, s.num_cache_hits, s.positive_rate, s.probability_mean,
       s.probability_std, s.entropy, s.latency_mean, s.latency_p50, s.latency_p95, s.latency_p99, s.latency_max
FROM model_versions v
CROSS JOIN LATERAL generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond',
                                   %(bucket)s::interval) b (since)
CROSS JOIN LATERAL ledger_summary(
    v.id, b.since, least(b.since + %(bucket)s::interval, %(until)s::timestamptz), %(positive_label)s::text,
    %(threshold)s::double precision) s
WHERE v.model_name = %(model_name)s::text AND v.model_version = %(model_version)s::text
ORDER BY b.since
LIMIT 1000;
