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

CREATE FUNCTION ledger_performance(
    of_model text, of_version text, since timestamptz, until timestamptz, threshold double precision,
    OUT task text, OUT positive_label text, OUT num_predictions bigint, OUT labeled_samples bigint, OUT coverage_pct double precision,
    OUT accuracy double precision, OUT balanced_accuracy double precision, OUT matthews_corrcoef double precision,
    OUT "precision" double precision, OUT recall double precision, OUT specificity double precision, OUT f1_score double precision,
    OUT precision_macro double precision, OUT recall_macro double precision, OUT f1_macro double precision,
    OUT roc_auc double precision, OUT roc_auc_error double precision,
    OUT average_precision double precision, OUT average_precision_error double precision,
    OUT log_loss double precision, OUT brier_score double precision, OUT calibration_error double precision,
    OUT mae double precision, OUT mape double precision, OUT rmse double precision, OUT r2 double precision,
    OUT reasons jsonb)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    first_day timestamptz := date_trunc('day', since + interval '23 hours', 'UTC');
    last_day timestamptz := date_trunc('day', until, 'UTC');
    versions uuid[] := ARRAY(SELECT v.id FROM model_versions v
                             WHERE v.model_name = of_model AND (of_version IS NULL OR v.model_version = of_version));
    o summary_outcomes;
    d record;
    c record;
    s record;
    positive_from integer := width_bucket(threshold, ledger_probability_edges());
    no_task text;
    no_class text;
    no_average text;
    no_positive text;
    no_score text;
    no_numbers text;
BEGIN
    IF first_day >= last_day THEN
        first_day := until;
        last_day := until;
    END IF;
    SELECT coalesce(sum(m.n), 0) INTO num_predictions
    FROM unnest(versions) v (id)
    CROSS JOIN LATERAL (
        SELECT sum(t.num_predictions) AS n FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'day' AND t.starts_at >= first_day AND t.starts_at < last_day
        UNION ALL
        SELECT sum(t.num_predictions) FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= since AND t.starts_at < first_day
        UNION ALL
        SELECT sum(t.num_predictions) FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= last_day AND t.starts_at < until) m;
    WITH parts AS MATERIALIZED (
        SELECT p.part
        FROM unnest(versions) v (id)
        CROSS JOIN LATERAL (
            SELECT t AS part FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'day' AND t.starts_at >= first_day AND t.starts_at < last_day
            UNION ALL
            SELECT t FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= since AND t.starts_at < first_day
            UNION ALL
            SELECT t FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= last_day AND t.starts_at < until) p
    ), present AS (
        SELECT t.task, t.class_names, t.positive_label, bool_and(t.is_declared) AS is_declared
        FROM v_version_tasks t
        WHERE t.model_version_id IN (SELECT (part).model_version_id FROM parts)
        GROUP BY t.task, t.class_names, t.positive_label
    )
    SELECT ledger_add_outcomes(ARRAY(SELECT part FROM parts)) AS added, count(*) > 1 AS is_mixed,
           min(p.task) AS task, min(p.class_names) AS class_names, min(p.positive_label) AS positive_label,
           bool_and(p.is_declared) AS is_declared
    INTO d FROM present p;
    o := d.added;
    labeled_samples := coalesce(o.num_labeled, 0);
    coverage_pct := 100.0::double precision * labeled_samples / nullif(num_predictions, 0);
    IF NOT d.is_mixed THEN
        task := d.task;
        positive_label := d.positive_label;
    END IF;

    WITH e AS (
        SELECT (array_remove(d.class_names, d.positive_label))[1] AS other
    ), undecided AS (
        SELECT u.* FROM unnest(o.bins, o.undecided_positives, o.undecided_negatives) u (bin, p, n)
    ), pairs AS (
        SELECT u.truth, u.class, u.n FROM unnest(o.actual, o.predicted, o.counts) u (truth, class, n)
        UNION ALL
        SELECT d.positive_label, CASE WHEN bin >= positive_from THEN d.positive_label ELSE e.other END, p FROM undecided, e WHERE p > 0
        UNION ALL
        SELECT e.other, CASE WHEN bin >= positive_from THEN d.positive_label ELSE e.other END, n FROM undecided, e WHERE n > 0
    ), judged AS MATERIALIZED (
        SELECT truth, class, sum(n)::double precision AS n FROM pairs GROUP BY truth, class
    ), classes AS (
        SELECT name, sum(support) AS support, sum(predicted) AS predicted, sum(hits) AS hits
        FROM (SELECT truth AS name, n AS support, 0 AS predicted, CASE WHEN truth = class THEN n ELSE 0 END AS hits FROM judged
              UNION ALL
              SELECT class, 0, n, 0 FROM judged) x
        GROUP BY name
    ), decided AS (
        SELECT coalesce(sum(p + n), 0) AS num, coalesce(sum(CASE WHEN bin >= positive_from THEN p ELSE n END), 0) AS hits,
               coalesce(sum(p + n) FILTER (WHERE bin < positive_from), 0) AS below
        FROM undecided
    ), averages AS (
        SELECT avg(hits / nullif(support, 0)) AS balanced_accuracy, avg(coalesce(hits / nullif(predicted, 0), 0)) AS precision_macro,
               avg(coalesce(hits / nullif(support, 0), 0)) AS recall_macro, avg(2 * hits / (support + predicted)) AS f1_macro,
               (sum(hits) * sum(support) - sum(predicted * support)) / nullif(
                   sqrt(sum(support) ^ 2 - sum(predicted * predicted)) * sqrt(sum(support) ^ 2 - sum(support * support)), 0)
                   AS matthews_corrcoef,
               coalesce(bool_or(name IS NULL), false) AS has_others
        FROM classes
    ), counts AS (
        SELECT coalesce(sum(n) FILTER (WHERE truth = d.positive_label AND class = d.positive_label), 0) AS hits,
               coalesce(sum(n) FILTER (WHERE truth = d.positive_label AND class <> d.positive_label), 0) AS misses,
               coalesce(sum(n) FILTER (WHERE truth <> d.positive_label AND class = d.positive_label), 0) AS false_alarms,
               coalesce(sum(n) FILTER (WHERE truth <> d.positive_label AND class <> d.positive_label), 0) AS rejections
        FROM judged
    )
    SELECT a.*, b.*, u.num AS undecided, u.below, coalesce(o.num_classified, 0) + u.num AS classified,
           coalesce(o.num_hits, 0) + u.hits AS right
    INTO c FROM averages a CROSS JOIN counts b CROSS JOIN decided u;

    WITH x AS (
        SELECT u.bin, u.p::double precision, u.n::double precision, coalesce(sum(u.n) OVER up, 0)::double precision AS below,
               coalesce(sum(u.p) OVER down, 0)::double precision AS a,
               coalesce(sum(u.p + u.n) OVER down, 0)::double precision AS b
        FROM unnest(o.bins, o.positives, o.negatives) u (bin, p, n)
        WINDOW up AS (ORDER BY u.bin ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               down AS (ORDER BY u.bin DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), areas AS (
        -- Of a bin all that is known is how many: least and most precise orders, and evenly mixed ones between.
        SELECT p, n, below,
               CASE WHEN p = 0 THEN 0 ELSE p - CASE WHEN b - a + n > 0 THEN (b - a + n) * ln((b + n + p) / (b + n)) ELSE 0 END END AS least,
               CASE WHEN p = 0 THEN 0 ELSE p * (a + p) / (b + p) END AS most,
               CASE WHEN p = 0 THEN 0 WHEN b = 0 THEN p * p / (p + n)
                    ELSE p * p / (p + n) + (a - b * p / (p + n)) * p / (p + n) * ln((b + p + n) / b) END AS even
        FROM x
    )
    SELECT coalesce(sum(p), 0) AS positives, coalesce(sum(n), 0) AS negatives, sum(p * (below + n / 2)) AS outranked,
           sum(p * n) / 2 AS ties, sum(even) AS even, greatest(sum(most) - sum(even), sum(even) - sum(least)) AS margin
    INTO s FROM areas;

    no_task := CASE
        WHEN labeled_samples = 0 THEN 'no prediction of the window has a label'
        WHEN d.is_mixed THEN 'the versions of the window differ in task, classes or positive class: give model_version'
        WHEN NOT ledger_still_counts(o, d.task, d.class_names, d.positive_label)
        THEN 'the labels of the window were counted when the version had another task, classes or positive class'
        WHEN d.task = 'regression' AND d.is_declared THEN 'the version is a regression'
        WHEN d.task = 'regression' THEN 'its numbers are those of a regression: if it is none, register the version with its task'
        WHEN d.task IS NULL THEN 'nothing tells what the version predicts: register it with its task' END;
    no_class := coalesce(no_task, CASE
        WHEN o.num_strays > 0 THEN 'a prediction is a number that is none of the classes'
        WHEN cardinality(d.class_names) = 1 AND c.below > 0 THEN 'only one class is known: register the version with class_names'
        WHEN o.num_strangers > 0 AND c.undecided > 0 THEN 'a label is none of the class_names of the version'
        WHEN c.classified = 0 THEN 'no labelled prediction has a class' END);
    no_average := coalesce(no_class, CASE WHEN c.has_others THEN 'the summaries keep 50 classes, and there are more' END);
    no_positive := coalesce(no_task, CASE
        WHEN d.positive_label IS NULL AND d.task = 'multiclass' THEN 'of more than two classes none is positive'
        WHEN d.positive_label IS NULL THEN 'nothing tells which class is positive: register the version with positive_label'
        WHEN d.positive_label <> ALL (d.class_names) THEN 'positive_label is none of the classes of the model' END, no_average);
    no_score := coalesce(no_task, CASE
        WHEN d.task = 'multiclass' THEN 'of more than two classes probability is that of the predicted one'
        WHEN d.positive_label IS NULL THEN 'nothing tells which class is positive: register the version with positive_label'
        WHEN o.num_strangers > 0 THEN 'a label is none of the class_names of the version'
        WHEN o.lowest_of_negative > 0.5 AND NOT d.is_declared
        THEN 'no probability is below 0.5, as if it was of the predicted class: register the version with positive_label'
        WHEN o.highest_of_positive < 0.5 AND NOT d.is_declared
        THEN 'each probability of a positive prediction is below 0.5, as if it was of another class: register the version with positive_label'
        WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END);
    no_numbers := CASE
        WHEN labeled_samples = 0 THEN 'no prediction of the window has a label'
        WHEN o.num_numbers = 0 THEN 'no labelled prediction has a prediction and an actual_value'
        WHEN o.num_measured < o.num_numbers THEN 'a prediction or an actual_value lies beyond 1e100' END;

    IF no_class IS NULL THEN
        accuracy := c.right / c.classified;
    END IF;
    IF no_average IS NULL THEN
        balanced_accuracy := c.balanced_accuracy;
        matthews_corrcoef := c.matthews_corrcoef;
        precision_macro := c.precision_macro;
        recall_macro := c.recall_macro;
        f1_macro := c.f1_macro;
    END IF;
    IF no_positive IS NULL THEN
        "precision" := c.hits / nullif(c.hits + c.false_alarms, 0);
        recall := c.hits / nullif(c.hits + c.misses, 0);
        specificity := c.rejections / nullif(c.rejections + c.false_alarms, 0);
        f1_score := 2 * c.hits / nullif(2 * c.hits + c.misses + c.false_alarms, 0);
    END IF;
    IF no_score IS NULL THEN
        roc_auc := s.outranked / nullif(s.positives * s.negatives, 0);
        roc_auc_error := s.ties / nullif(s.positives * s.negatives, 0);
        average_precision := s.even / nullif(s.positives, 0);
        average_precision_error := s.margin / nullif(s.positives, 0);
        log_loss := -o.log_sum / (s.positives + s.negatives);
        brier_score := o.square_sum / (s.positives + s.negatives);
        calibration_error := (SELECT sum(abs(u.total - u.p)) FROM unnest(o.tenth_positives, o.tenth_sums) u (p, total))
                             / (s.positives + s.negatives);
    END IF;
    IF no_numbers IS NULL THEN
        mae := o.absolute_error_sum / o.num_measured;
        mape := o.percentage_error_sum / o.num_measured;
        rmse := sqrt(o.squared_error_sum / o.num_measured);
        IF o.actual_min < o.actual_max AND o.actual_m2 / o.num_measured > 1e-100 THEN
            r2 := 1 - o.squared_error_sum / o.actual_m2;
        END IF;
    END IF;
    reasons := jsonb_strip_nulls(jsonb_build_object(
        'coverage_pct', CASE WHEN num_predictions = 0 THEN 'the window has no predictions' END,
        'accuracy', no_class, 'balanced_accuracy', no_average, 'precision_macro', no_average, 'recall_macro', no_average,
        'f1_macro', no_average,
        'matthews_corrcoef', coalesce(no_average, CASE WHEN matthews_corrcoef IS NULL THEN 'all labels, or all predictions, are of one class' END),
        'precision', coalesce(no_positive, CASE WHEN "precision" IS NULL THEN 'no prediction is positive' END),
        'recall', coalesce(no_positive, CASE WHEN recall IS NULL THEN 'no label is positive' END),
        'specificity', coalesce(no_positive, CASE WHEN specificity IS NULL THEN 'all labels are positive' END),
        'f1_score', coalesce(no_positive, CASE WHEN f1_score IS NULL THEN 'no prediction and no label is positive' END),
        'roc_auc', coalesce(no_score, CASE WHEN roc_auc IS NULL THEN 'all labels are of one class' END),
        'average_precision', coalesce(no_score, CASE WHEN average_precision IS NULL THEN 'no label is positive' END),
        'log_loss', no_score, 'brier_score', no_score, 'calibration_error', no_score,
        'mae', no_numbers, 'mape', no_numbers, 'rmse', no_numbers,
        'r2', coalesce(no_numbers, CASE WHEN o.actual_min = o.actual_max THEN 'all actual values are the same'
                  WHEN r2 IS NULL THEN 'the actual values differ by too little' END)));
END
$$;
COMMENT ON FUNCTION ledger_performance(text, text, timestamptz, timestamptz, double precision) IS
    'How right a model, or one version, was from one full hour to another, from its summaries. Where a prediction names no class the threshold decides, which must be a full percent. The areas are those of bins, at most their error off.';
