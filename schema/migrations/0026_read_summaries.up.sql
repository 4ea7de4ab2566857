-- What monitoring reads of a window: its summaries, added up.

CREATE FUNCTION ledger_summary(
    version uuid, since timestamptz, until timestamptz, positive_label text, threshold double precision,
    OUT num_predictions bigint, OUT num_errors bigint, OUT num_cache_hits bigint, OUT positive_rate double precision,
    OUT probability_mean double precision, OUT probability_std double precision, OUT entropy double precision,
    OUT latency_mean double precision, OUT latency_max double precision,
    OUT latency_p50 double precision, OUT latency_p95 double precision, OUT latency_p99 double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    first_day timestamptz := date_trunc('day', since + interval '23 hours', 'UTC');
    last_day timestamptz := date_trunc('day', until, 'UTC');
    edges double precision[] := ledger_probability_edges();
BEGIN
    IF first_day >= last_day THEN
        first_day := until;
        last_day := until;
    END IF;
    WITH t AS MATERIALIZED (
        SELECT s.* FROM summaries s
        WHERE s.model_version_id = version AND s.grain = 'day' AND s.starts_at >= first_day AND s.starts_at < last_day
        UNION ALL
        SELECT s.* FROM summaries s
        WHERE s.model_version_id = version AND s.grain = 'hour' AND s.starts_at >= since AND s.starts_at < first_day
        UNION ALL
        SELECT s.* FROM summaries s
        WHERE s.model_version_id = version AND s.grain = 'hour' AND s.starts_at >= last_day AND s.starts_at < until
    ), u AS MATERIALIZED (
        SELECT h.series, unnest(h.bins) AS bin, unnest(h.counts) AS n FROM summary_histograms h
        WHERE h.model_version_id = version AND h.grain = 'day' AND h.starts_at >= first_day AND h.starts_at < last_day
          AND h.series IN (0, -1)
        UNION ALL
        SELECT h.series, unnest(h.bins), unnest(h.counts) FROM summary_histograms h
        WHERE h.model_version_id = version AND h.grain = 'hour' AND h.starts_at >= since AND h.starts_at < first_day
          AND h.series IN (0, -1)
        UNION ALL
        SELECT h.series, unnest(h.bins), unnest(h.counts) FROM summary_histograms h
        WHERE h.model_version_id = version AND h.grain = 'hour' AND h.starts_at >= last_day AND h.starts_at < until
          AND h.series IN (0, -1)
    ), m AS (
        SELECT sum(probability_sum) / nullif(sum(num_probabilities), 0) AS mean FROM t
    ), l AS MATERIALIZED (
        SELECT bin, sum(sum(n)) OVER (ORDER BY bin) AS run, sum(sum(n)) OVER () AS total FROM u WHERE series = -1 GROUP BY bin
    ), q AS (
        -- The middle of the bin in which the quantile lies, at most 1 % from it.
        SELECT array_agg((SELECT 2 * exp(min(bin) * ln(1.02::double precision)) / 2.02 FROM l WHERE run > share * (total - 1))
                         ORDER BY share) AS latency
        FROM unnest('{0.5,0.95,0.99}'::double precision[]) share
    ), c AS (
        SELECT coalesce(sum(n) FILTER (WHERE label = positive_label), 0) AS positive, sum(n) AS n
        FROM t CROSS JOIN LATERAL unnest(t.labels, t.label_counts) x (label, n)
    ), s AS (
        SELECT sum(n) FILTER (WHERE bin >= width_bucket(threshold, edges)) AS positive, sum(n) AS n FROM u WHERE series = 0
    )
    SELECT sum(t.num_predictions), sum(t.num_errors), sum(t.num_cache_hits),
           CASE WHEN positive_label IS NOT NULL
                THEN CASE WHEN max(c.positive) > 0 OR sum(t.num_other_labels) = 0
                          THEN max(c.positive)::double precision / nullif(max(c.n) + sum(t.num_other_labels), 0) END
                WHEN threshold = ANY (edges) THEN max(coalesce(s.positive, 0))::double precision / nullif(max(s.n), 0) END,
           max(m.mean),
           sqrt(sum(t.probability_m2 + ledger_shift(t.num_probabilities, t.probability_sum, m.mean))
                / nullif(sum(t.num_probabilities), 0)),
           sum(t.entropy_sum) / nullif(sum(t.num_probabilities), 0),
           sum(t.latency_sum) / nullif(sum(t.num_latencies), 0), max(t.latency_max),
           max(q.latency[1]), max(q.latency[2]), max(q.latency[3])
    INTO num_predictions, num_errors, num_cache_hits, positive_rate, probability_mean, probability_std, entropy,
         latency_mean, latency_max, latency_p50, latency_p95, latency_p99
    FROM t CROSS JOIN m CROSS JOIN q CROSS JOIN c CROSS JOIN s;
    num_predictions := coalesce(num_predictions, 0);
END
$$;
COMMENT ON FUNCTION ledger_summary(uuid, timestamptz, timestamptz, text, double precision) IS
    'The predictions of a version from one full hour to another in numbers: a prediction is positive when its label is positive_label, or without one when its probability reaches the threshold, which must be a full percent.';

CREATE FUNCTION ledger_is_sliced(versions uuid[], since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
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
       r.model_version_id, r.id AS report_id
FROM drift_reports r
JOIN model_versions v ON v.id = r.model_version_id
CROSS JOIN LATERAL (
    SELECT e.result, e.result -> 'statistics' AS statistics
    FROM jsonb_array_elements(r.features || coalesce(r.metadata -> 'outputs', '[]')) e (result)
    WHERE jsonb_typeof(e.result -> 'statistics') = 'object') f
CROSS JOIN LATERAL jsonb_object_keys(f.statistics) s (statistic);
COMMENT ON VIEW v_feature_drift IS
    'Every statistic of every feature, score and label in the drift reports that the ledger computed: one row for each. Filter by model_name and timestamp.';
COMMENT ON COLUMN v_feature_drift.timestamp IS 'End of the window.';
COMMENT ON COLUMN v_feature_drift.model_name IS 'The model.';
COMMENT ON COLUMN v_feature_drift.model_version IS 'The version.';
COMMENT ON COLUMN v_feature_drift.feature IS 'The feature, or the column of a score or label.';
COMMENT ON COLUMN v_feature_drift.column_name IS 'Where its values are: feature_values, inputs, probability, prediction, predicted_label and the like.';
COMMENT ON COLUMN v_feature_drift.statistic IS 'Name of the statistic: psi, jensen_shannon, ks, ks_p_value and so on.';
COMMENT ON COLUMN v_feature_drift.value IS 'Its value.';
COMMENT ON COLUMN v_feature_drift.drifted IS 'Whether the report says that the feature has drifted.';
COMMENT ON COLUMN v_feature_drift.method IS 'The statistic that this was decided by.';
COMMENT ON COLUMN v_feature_drift.lookback_hours IS 'Length of the window in hours.';
COMMENT ON COLUMN v_feature_drift.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_feature_drift.report_id IS 'The drift report.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'VIEW', 'v_feature_drift');
