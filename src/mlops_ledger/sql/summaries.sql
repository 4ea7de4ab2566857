-- Statements of SummariesRepository.

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

-- fragment pending --
-- Since when predictions of a bucket wait to be folded.
(SELECT min(k.marked_at) FROM summary_marks k JOIN model_versions o ON o.id = k.model_version_id
 WHERE o.model_name = %(model_name)s::text AND (%(model_version)s::text IS NULL OR o.model_version = %(model_version)s::text)
   AND k.table_name = 'predictions' AND k.first_predicted_at < b.since + %(bucket)s::interval AND k.last_predicted_at >= b.since) AS pending_since

-- monitoring_series --
-- The predictions of a version by bucket of time; buckets begin at the window's start.
SELECT b.since AS bucket, s.num_predictions, s.num_errors, s.num_cache_hits, s.positive_rate, s.probability_mean,
       s.probability_std, s.entropy, s.latency_mean, s.latency_p50, s.latency_p95, s.latency_p99, s.latency_max,
       {pending}
FROM model_versions v
CROSS JOIN LATERAL generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond',
                                   %(bucket)s::interval) b (since)
CROSS JOIN LATERAL ledger_summary(
    v.id, b.since, least(b.since + %(bucket)s::interval, %(until)s::timestamptz), %(positive_label)s::text,
    %(threshold)s::double precision) s
WHERE v.model_name = %(model_name)s::text AND v.model_version = %(model_version)s::text
ORDER BY b.since
LIMIT 1000;

-- latency_series --
-- How long the predictions of a model took by bucket of time, in one pass over its summaries.
WITH v AS MATERIALIZED (
    SELECT id FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
), w AS MATERIALIZED (
    -- Where whole days make a bucket their summaries do, and hours after the last of them.
    SELECT CASE WHEN mod(extract(epoch FROM %(bucket)s::interval)::bigint, 86400) = 0
                 AND %(since)s::timestamptz = date_trunc('day', %(since)s::timestamptz, 'UTC')
                THEN date_trunc('day', %(until)s::timestamptz, 'UTC') ELSE %(since)s::timestamptz END AS hours_from
), g AS MATERIALIZED (
    SELECT v.id, p.grain, p.since, p.until FROM v CROSS JOIN w
    CROSS JOIN LATERAL (VALUES ('day', %(since)s::timestamptz, w.hours_from),
                               ('hour', w.hours_from, %(until)s::timestamptz)) p (grain, since, until)
), t AS (
    SELECT floor(extract(epoch FROM s.starts_at - %(since)s::timestamptz) / extract(epoch FROM %(bucket)s::interval)) AS place, sum(s.num_latencies) AS n,
           sum(s.latency_sum) AS total, max(s.latency_max) AS longest
    FROM g JOIN summaries s ON s.model_version_id = g.id AND s.grain = g.grain
                           AND s.starts_at >= g.since AND s.starts_at < g.until
    GROUP BY 1
), l AS MATERIALIZED (
    SELECT u.place, u.bin, sum(sum(u.n)) OVER (PARTITION BY u.place ORDER BY u.bin) AS run,
           sum(sum(u.n)) OVER (PARTITION BY u.place) AS total
    FROM (SELECT floor(extract(epoch FROM h.starts_at - %(since)s::timestamptz) / extract(epoch FROM %(bucket)s::interval)) AS place,
                 unnest(h.bins) AS bin, unnest(h.counts) AS n
          FROM g JOIN summary_histograms h ON h.model_version_id = g.id AND h.grain = g.grain AND h.series = -1
                                          AND h.starts_at >= g.since AND h.starts_at < g.until) u
    GROUP BY u.place, u.bin
), q AS (
    -- The middle of the bin in which a quantile lies.
    SELECT place, 2 * exp(min(bin) FILTER (WHERE run > 0.5 * (total - 1)) * ln(1.02::double precision)) / 2.02 AS p50,
           2 * exp(min(bin) FILTER (WHERE run > 0.9 * (total - 1)) * ln(1.02::double precision)) / 2.02 AS p90,
           2 * exp(min(bin) FILTER (WHERE run > 0.95 * (total - 1)) * ln(1.02::double precision)) / 2.02 AS p95,
           2 * exp(min(bin) FILTER (WHERE run > 0.99 * (total - 1)) * ln(1.02::double precision)) / 2.02 AS p99
    FROM l GROUP BY place
)
SELECT b.since AS bucket, coalesce(t.n, 0)::bigint AS count, t.total / nullif(t.n, 0) AS mean,
       least(q.p50, t.longest) AS p50, least(q.p90, t.longest) AS p90,
       least(q.p95, t.longest) AS p95, least(q.p99, t.longest) AS p99,
       t.longest AS max, 0.02 / 2.02::double precision AS relative_error,
       {pending}
FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond', %(bucket)s::interval)
     WITH ORDINALITY b (since, place)
LEFT JOIN t ON t.place = b.place - 1
LEFT JOIN q ON q.place = b.place - 1
WHERE EXISTS (SELECT FROM v)
ORDER BY b.since;
