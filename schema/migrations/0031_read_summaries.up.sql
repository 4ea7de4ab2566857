-- What monitoring reads of a window: its summaries, added up.

CREATE FUNCTION ledger_bucket(at timestamptz, since timestamptz, bucket interval) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN floor(extract(epoch FROM at - since) / extract(epoch FROM bucket));
COMMENT ON FUNCTION ledger_bucket(timestamptz, timestamptz, interval) IS
    'In which bucket of a series that begins at since a timestamp lies, from 0 on.';

CREATE FUNCTION ledger_spans(since timestamptz, until timestamptz, bucket interval)
RETURNS TABLE (grain text, starts_from timestamptz, starts_before timestamptz)
-- So few rows as there mostly are let the planner read summaries by their index, span by span.
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3 SET search_path FROM CURRENT AS $$
    SELECT d.grain, lower(r.span), upper(r.span)
    FROM (SELECT CASE WHEN day >= since AND day + interval '24 hours' <= until
                       AND ledger_bucket(day, since, bucket) = ledger_bucket(day + interval '23 hours', since, bucket)
                      THEN 'day' ELSE 'hour' END AS grain,
                 range_agg(tstzrange(greatest(day, since), least(day + interval '24 hours', until))) AS spans
          FROM generate_series(date_trunc('day', since, 'UTC'), until - interval '1 hour', interval '24 hours') day
          GROUP BY 1) d
    CROSS JOIN LATERAL unnest(d.spans) r (span)
$$;
COMMENT ON FUNCTION ledger_spans(timestamptz, timestamptz, interval) IS
    'From which summaries a series of buckets of full hours is added up: those of days that lie in one bucket, and of all other hours.';

-- Of all series: plans that serve any versions and times would read whole tables for a few days, hence enable_seqscan.
CREATE FUNCTION ledger_summary_series(
    versions uuid[], since timestamptz, until timestamptz, bucket interval, positive_label text, threshold double precision)
RETURNS TABLE (
    place integer, num_predictions bigint, num_errors bigint, num_cache_hits bigint, positive_rate double precision,
    probability_mean double precision, probability_std double precision, entropy double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    edges double precision[] := ledger_probability_edges();
    -- Histograms are read only where they tell what is positive.
    positive_from integer := CASE WHEN positive_label IS NULL AND threshold = ANY (edges) THEN width_bucket(threshold, edges) END;
BEGIN
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT v.id, p.* FROM unnest(versions) v (id)
        CROSS JOIN ledger_spans(ledger_summary_series.since, ledger_summary_series.until, ledger_summary_series.bucket) p
    ), t AS MATERIALIZED (
        SELECT ledger_bucket(s.starts_at, ledger_summary_series.since, ledger_summary_series.bucket) AS place, s.*
        FROM g JOIN summaries s ON s.model_version_id = g.id AND s.grain = g.grain
                               AND s.starts_at >= g.starts_from AND s.starts_at < g.starts_before
    ), m AS MATERIALIZED (
        SELECT place, sum(probability_sum) / nullif(sum(num_probabilities), 0) AS mean FROM t GROUP BY place
    ), c AS (
        SELECT place, coalesce(sum(x.n) FILTER (WHERE x.label = ledger_summary_series.positive_label), 0) AS positive, sum(x.n) AS n
        FROM t CROSS JOIN LATERAL unnest(t.labels, t.label_counts) x (label, n)
        WHERE ledger_summary_series.positive_label IS NOT NULL GROUP BY place
    ), s AS (
        SELECT u.place, coalesce(sum(u.n) FILTER (WHERE u.bin >= positive_from), 0) AS positive, sum(u.n) AS n
        FROM (SELECT h.place, unnest(h.bins) AS bin, unnest(h.counts) AS n
              -- Once for each row and not for each of its bins.
              FROM (SELECT ledger_bucket(h.starts_at, ledger_summary_series.since, ledger_summary_series.bucket) AS place, h.bins, h.counts
                    FROM g JOIN summary_histograms h ON h.model_version_id = g.id AND h.grain = g.grain AND h.series = 0
                                                    AND h.starts_at >= g.starts_from AND h.starts_at < g.starts_before
                    WHERE positive_from IS NOT NULL OFFSET 0) h) u
        GROUP BY u.place
    ), w AS (
        SELECT t.place, sum(t.num_predictions)::bigint AS predictions, sum(t.num_errors)::bigint AS errors,
               sum(t.num_cache_hits)::bigint AS cache_hits, sum(t.num_other_labels) AS other_labels,
               sqrt(sum(t.probability_m2 + ledger_shift(t.num_probabilities, t.probability_sum, m.mean))
                    / nullif(sum(t.num_probabilities), 0)) AS std,
               sum(t.entropy_sum) / nullif(sum(t.num_probabilities), 0) AS entropy
        FROM t JOIN m ON m.place = t.place GROUP BY t.place
    )
    SELECT w.place, w.predictions, w.errors, w.cache_hits,
           CASE WHEN ledger_summary_series.positive_label IS NOT NULL
                THEN CASE WHEN coalesce(c.positive, 0) > 0 OR w.other_labels = 0
                          THEN coalesce(c.positive, 0)::double precision / nullif(coalesce(c.n, 0) + w.other_labels, 0) END
                ELSE s.positive::double precision / nullif(s.n, 0) END,
           m.mean, w.std, w.entropy
    FROM w JOIN m ON m.place = w.place
    LEFT JOIN c ON c.place = w.place LEFT JOIN s ON s.place = w.place;
END
$$;
COMMENT ON FUNCTION ledger_summary_series(uuid[], timestamptz, timestamptz, interval, text, double precision) IS
    'The predictions of versions from one full hour to another in numbers, by bucket of full hours, those without predictions left out: a prediction is positive when its label is positive_label, or without one when its probability reaches the threshold, which must be a full percent.';

CREATE FUNCTION ledger_latency_series(versions uuid[], since timestamptz, until timestamptz, bucket interval)
RETURNS TABLE (
    place integer, num_latencies bigint, latency_mean double precision, latency_max double precision,
    latency_p50 double precision, latency_p90 double precision, latency_p95 double precision, latency_p99 double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT v.id, p.* FROM unnest(versions) v (id)
        CROSS JOIN ledger_spans(ledger_latency_series.since, ledger_latency_series.until, ledger_latency_series.bucket) p
    ), t AS (
        SELECT ledger_bucket(s.starts_at, ledger_latency_series.since, ledger_latency_series.bucket) AS place,
               sum(s.num_latencies)::bigint AS n, sum(s.latency_sum) AS total, max(s.latency_max) AS longest
        FROM g JOIN summaries s ON s.model_version_id = g.id AND s.grain = g.grain
                               AND s.starts_at >= g.starts_from AND s.starts_at < g.starts_before
        GROUP BY 1
    ), h AS (
        SELECT ledger_bucket(h.starts_at, ledger_latency_series.since, ledger_latency_series.bucket) AS place, array_agg(h) AS parts
        FROM g JOIN summary_histograms h ON h.model_version_id = g.id AND h.grain = g.grain AND h.series = -1
                                        AND h.starts_at >= g.starts_from AND h.starts_at < g.starts_before
        GROUP BY 1
    ), l AS (
        -- Sorted bucket by bucket: half of what all bins at once cost. A run counts in hundredths, of which percents are whole.
        SELECT h.place, r.bins, r.runs, r.runs[cardinality(r.runs)] / 100 - 1 AS others
        FROM h CROSS JOIN LATERAL (
            SELECT array_agg(b.bin) AS bins, array_agg(b.run) AS runs
            -- By another expression than the bin: else the planner, which expects few, sorts them all instead of their sums.
            FROM (SELECT u.bin, sum(sum(100 * u.n::double precision)) OVER (ORDER BY u.bin + 0 ROWS UNBOUNDED PRECEDING) AS run
                  FROM (SELECT unnest(x.bins) AS bin, unnest(x.counts) AS n FROM unnest(h.parts) x OFFSET 0) u GROUP BY u.bin) b) r
    ), q AS (
        -- The middle of the bin in which a quantile lies, at most 1 % from it.
        SELECT place, 2 * exp(bins[width_bucket(50 * others, runs) + 1] * ln(1.02::double precision)) / 2.02 AS p50,
               2 * exp(bins[width_bucket(90 * others, runs) + 1] * ln(1.02::double precision)) / 2.02 AS p90,
               2 * exp(bins[width_bucket(95 * others, runs) + 1] * ln(1.02::double precision)) / 2.02 AS p95,
               2 * exp(bins[width_bucket(99 * others, runs) + 1] * ln(1.02::double precision)) / 2.02 AS p99
        FROM l
    )
    SELECT t.place, t.n, t.total / nullif(t.n, 0), t.longest,
           least(q.p50, t.longest), least(q.p90, t.longest), least(q.p95, t.longest), least(q.p99, t.longest)
    FROM t LEFT JOIN q ON q.place = t.place;
END
$$;
COMMENT ON FUNCTION ledger_latency_series(uuid[], timestamptz, timestamptz, interval) IS
    'How long the predictions of versions from one full hour to another took in milliseconds, by bucket of full hours, those without predictions left out.';

CREATE FUNCTION ledger_outcome_series(of_model text, of_version text, since timestamptz, until timestamptz, bucket interval)
RETURNS TABLE (starts_at timestamptz, ends_at timestamptz, num_predictions bigint, versions uuid[], outcomes summary_outcomes)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM (VALUES (since), (until), (since + bucket)) e (at) WHERE at <> date_trunc('hour', at, 'UTC')) THEN
        -- Of hours that are not full the rows tell.
        RETURN QUERY
        SELECT b, least(b + ledger_outcome_series.bucket, ledger_outcome_series.until), w.num_predictions, w.versions, w.outcomes
        FROM generate_series(ledger_outcome_series.since, ledger_outcome_series.until - interval '1 microsecond',
                             ledger_outcome_series.bucket) b
        CROSS JOIN LATERAL ledger_summed_outcomes(
            of_model, of_version, b, least(b + ledger_outcome_series.bucket, ledger_outcome_series.until)) w;
        RETURN;
    END IF;
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT v.id, p.* FROM model_versions v
        CROSS JOIN ledger_spans(ledger_outcome_series.since, ledger_outcome_series.until, ledger_outcome_series.bucket) p
        WHERE v.model_name = of_model AND (of_version IS NULL OR v.model_version = of_version)
    ), n AS (
        SELECT ledger_bucket(t.starts_at, ledger_outcome_series.since, ledger_outcome_series.bucket) AS place,
               sum(t.num_predictions)::bigint AS n
        FROM g JOIN summaries t ON t.model_version_id = g.id AND t.grain = g.grain
                               AND t.starts_at >= g.starts_from AND t.starts_at < g.starts_before
        GROUP BY 1
    ), p AS (
        SELECT ledger_bucket(t.starts_at, ledger_outcome_series.since, ledger_outcome_series.bucket) AS place,
               array_agg(t) AS parts, array_agg(DISTINCT t.model_version_id) AS versions
        FROM g JOIN summary_outcomes t ON t.model_version_id = g.id AND t.grain = g.grain AND t.slice = 0
                                      AND t.starts_at >= g.starts_from AND t.starts_at < g.starts_before
        GROUP BY 1
    )
    SELECT b.since, least(b.since + ledger_outcome_series.bucket, ledger_outcome_series.until), coalesce(n.n, 0),
           coalesce(p.versions, '{}'),
           CASE WHEN cardinality(p.parts) = 1 THEN p.parts[1] WHEN cardinality(p.parts) > 1 THEN ledger_add_outcomes(p.parts) END
    FROM generate_series(ledger_outcome_series.since, ledger_outcome_series.until - interval '1 microsecond',
                         ledger_outcome_series.bucket) WITH ORDINALITY b (since, place)
    LEFT JOIN n ON n.place = b.place - 1
    LEFT JOIN p ON p.place = b.place - 1;
END
$$;
COMMENT ON FUNCTION ledger_outcome_series(text, text, timestamptz, timestamptz, interval) IS
    'The outcomes of a model, or one version, by bucket of time, as ledger_summed_outcomes has them of one window; buckets of full hours in one pass.';

CREATE FUNCTION ledger_is_sliced(versions uuid[], since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT ledger_require_slices();
    SELECT coalesce(sum(c.labeled), 0) = 0 AND coalesce(sum(c.predicted), 0) = 0
    FROM unnest(versions) i (id)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN o.slice = 0 THEN o.num_labeled ELSE -o.num_labeled END AS labeled, 0 AS predicted
        FROM summary_outcomes o
        WHERE o.model_version_id = i.id AND o.grain = 'day' AND o.slice = ANY (ledger_slices(i.id))
          AND o.starts_at > since - interval '1 day' AND o.starts_at < until
        UNION ALL
        SELECT 0, s.num_predictions FROM summaries s
        WHERE s.model_version_id = i.id AND s.grain = 'day' AND s.starts_at > since - interval '1 day' AND s.starts_at < until
        UNION ALL
        SELECT 0, -n FROM summary_histograms h CROSS JOIN LATERAL unnest(h.counts) n
        WHERE h.model_version_id = i.id AND h.grain = 'day' AND h.series = -2
          AND h.starts_at > since - interval '1 day' AND h.starts_at < until) c
$$;
COMMENT ON FUNCTION ledger_is_sliced(uuid[], timestamptz, timestamptz) IS
    'Whether all that versions have in the days of a window is counted by slice as well.';

CREATE VIEW v_feature_drift WITH (security_invoker = true) AS
SELECT r.timestamp, r.model_name, v.model_version, f.result ->> 'feature' AS feature,
       f.result ->> 'column_name' AS column_name, s.statistic, ledger_metric(f.statistics, s.statistic) AS value,
       (f.result -> 'drifted')::boolean AS drifted, f.result ->> 'method' AS method, r.lookback_hours,
       r.model_version_id, r.id AS report_id, r.metadata ->> 'reference' AS reference
FROM drift_reports r
JOIN model_versions v ON v.id = r.model_version_id
CROSS JOIN LATERAL (
    SELECT e.result, e.result -> 'statistics' AS statistics
    FROM jsonb_array_elements(r.features || coalesce(r.metadata -> 'outputs', '[]')) e (result)
    WHERE jsonb_typeof(e.result -> 'statistics') = 'object') f
CROSS JOIN LATERAL jsonb_object_keys(f.statistics) s (statistic)
-- Reports by other methods repeat the statistics of a window.
WHERE NOT EXISTS (
    SELECT FROM drift_reports e
    WHERE e.model_version_id = r.model_version_id AND e.timestamp = r.timestamp AND e.lookback_hours = r.lookback_hours
      AND e.id < r.id
      AND CASE WHEN r.metadata ->> 'reference' = 'baseline' THEN e.metadata ->> 'reference' = 'baseline'
               ELSE e.metadata ->> 'reference' IN ('previous', 'window')
                AND e.reference_start = r.reference_start AND e.reference_end = r.reference_end END);
COMMENT ON VIEW v_feature_drift IS
    'Every statistic of every feature, score and label in the drift reports that the ledger computed: one row for each, whatever the number of methods that a window was judged by. Filter by model_name, timestamp, lookback_hours and reference.';
COMMENT ON COLUMN v_feature_drift.timestamp IS 'End of the window.';
COMMENT ON COLUMN v_feature_drift.model_name IS 'The model.';
COMMENT ON COLUMN v_feature_drift.model_version IS 'The version.';
COMMENT ON COLUMN v_feature_drift.feature IS 'The feature, or the column of a score or label.';
COMMENT ON COLUMN v_feature_drift.column_name IS 'Where its values are: feature_values, inputs, probability, prediction, predicted_label and the like.';
COMMENT ON COLUMN v_feature_drift.statistic IS 'Name of the statistic: psi, jensen_shannon, ks, ks_p_value and so on.';
COMMENT ON COLUMN v_feature_drift.value IS 'Its value.';
COMMENT ON COLUMN v_feature_drift.drifted IS 'Whether the first report of the window says that the feature has drifted.';
COMMENT ON COLUMN v_feature_drift.method IS 'The statistic that this was decided by.';
COMMENT ON COLUMN v_feature_drift.lookback_hours IS 'Length of the window in hours.';
COMMENT ON COLUMN v_feature_drift.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_feature_drift.report_id IS 'The drift report, of several about a window and reference the first.';
COMMENT ON COLUMN v_feature_drift.reference IS 'What the window is compared with: baseline, the previous window, or another window.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'VIEW', 'v_feature_drift');
