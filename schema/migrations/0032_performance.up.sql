-- How right models were: outcomes of summaries or of rows, and one set of formulas for both.

CREATE FUNCTION ledger_definition(
    versions uuid[], asked text, OUT task text, OUT class_names text[], OUT own_label text, OUT positive_label text,
    OUT scored_label text, OUT zero_and_one text[], OUT is_declared boolean, OUT is_mixed boolean,
    OUT is_ambiguous boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT d.task, d.class_names, d.own_label, coalesce(asked, d.own_label),
           -- What was declared says whose probability it is.
           CASE WHEN d.is_declared AND asked <> d.own_label THEN d.own_label ELSE coalesce(asked, d.own_label) END,
           ledger_zero_and_one(d.class_names, coalesce(d.own_label, asked)), d.is_declared, d.n > 1, d.is_ambiguous
    FROM (
        SELECT count(*) AS n, CASE WHEN count(*) = 1 THEN min(t.task) END AS task,
               CASE WHEN min(cardinality(t.class_names)) = 1 AND asked <> min(t.class_names[1])
                    THEN min(t.class_names) || asked ELSE min(t.class_names) END AS class_names,
               CASE WHEN count(*) = 1 THEN min(t.positive_label) END AS own_label, bool_and(t.is_declared) AS is_declared,
               bool_or(t.is_ambiguous) AS is_ambiguous
        FROM (SELECT v.task, v.class_names, v.positive_label, bool_and(v.is_declared) AS is_declared,
                     bool_or(v.is_ambiguous) AS is_ambiguous
              FROM v_version_tasks v WHERE v.model_version_id = ANY (versions)
              GROUP BY v.task, v.class_names, v.positive_label) t) d
$$;
COMMENT ON FUNCTION ledger_definition(uuid[], text) IS
    'What versions predict, which class is positive, that which is asked about or their own, and whose probability is scored.';

CREATE FUNCTION ledger_summed_outcomes(
    of_model text, of_version text, since timestamptz, until timestamptz,
    of_slice smallint DEFAULT 0, of_value text DEFAULT NULL, as_of timestamptz DEFAULT 'infinity',
    OUT num_predictions bigint, OUT versions uuid[], OUT outcomes summary_outcomes)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    first_hour timestamptz := date_trunc('hour', since, 'UTC') + CASE WHEN date_trunc('hour', since, 'UTC') < since
                                                                     THEN interval '1 hour' ELSE interval '0' END;
    last_hour timestamptz := date_trunc('hour', until, 'UTC');
    first_day timestamptz := date_trunc('day', first_hour + interval '23 hours', 'UTC');
    last_day timestamptz := date_trunc('day', until, 'UTC');
    parts summary_outcomes[];
    key text := (SELECT m.slice_key FROM models m WHERE m.model_name = of_model AND of_value IS NOT NULL);
    slices smallint[];
BEGIN
    IF of_slice <> 0 OR of_value IS NOT NULL THEN
        PERFORM ledger_require_slices();
    END IF;
    IF first_day >= last_day THEN
        first_day := last_hour;
        last_day := last_hour;
    END IF;
    versions := ARRAY(SELECT v.id FROM model_versions v
                      WHERE v.model_name = of_model AND (of_version IS NULL OR v.model_version = of_version));
    -- A value has a number of its own in each version, if it has one.
    slices := ARRAY(SELECT CASE WHEN of_value IS NULL THEN of_slice
                                ELSE (SELECT s.slice FROM summary_slices s WHERE s.model_version_id = v.id AND s.value = of_value) END
                    FROM unnest(versions) WITH ORDINALITY v (id, place) ORDER BY v.place);
    SELECT coalesce(sum(m.n), 0) INTO num_predictions
    FROM unnest(versions, slices) v (id, slice)
    CROSS JOIN LATERAL (
        SELECT sum(t.num_predictions) AS n FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'day' AND t.starts_at >= first_day AND t.starts_at < last_day
        UNION ALL
        SELECT sum(t.num_predictions) FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= first_hour AND t.starts_at < first_day
        UNION ALL
        SELECT sum(t.num_predictions) FROM summaries t
        WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.starts_at >= last_day AND t.starts_at < last_hour) m
    WHERE v.slice = 0;
    IF of_slice <> 0 OR of_value IS NOT NULL THEN
        SELECT coalesce(sum(h.counts[array_position(h.bins, v.slice)]), 0) INTO num_predictions
        FROM unnest(versions, slices) v (id, slice)
        JOIN summary_histograms h ON h.model_version_id = v.id AND h.series = -2
         AND (h.grain = 'day' AND h.starts_at >= first_day AND h.starts_at < last_day
              OR h.grain = 'hour' AND h.starts_at >= first_hour AND h.starts_at < first_day
              OR h.grain = 'hour' AND h.starts_at >= last_day AND h.starts_at < last_hour);
    END IF;
    parts := ARRAY(
        SELECT p.part
        FROM unnest(versions, slices) v (id, slice)
        CROSS JOIN LATERAL (
            SELECT t AS part FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'day' AND t.slice = v.slice AND t.starts_at >= first_day AND t.starts_at < last_day
              AND t.last_labeled_at <= as_of
            UNION ALL
            SELECT t FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.slice = v.slice AND t.starts_at >= first_hour AND t.starts_at < first_day
              AND t.last_labeled_at <= as_of
            UNION ALL
            SELECT t FROM summary_outcomes t
            WHERE t.model_version_id = v.id AND t.grain = 'hour' AND t.slice = v.slice AND t.starts_at >= last_day AND t.starts_at < last_hour
              AND t.last_labeled_at <= as_of
            UNION ALL
            -- Of days with later labels the hours without.
            SELECT t FROM summary_outcomes d
            JOIN summary_outcomes t ON t.model_version_id = v.id AND t.grain = 'hour' AND t.slice = v.slice
                                   AND t.starts_at >= d.starts_at AND t.starts_at < d.starts_at + interval '24 hours'
            WHERE d.model_version_id = v.id AND d.grain = 'day' AND d.slice = v.slice AND d.starts_at >= first_day AND d.starts_at < last_day
              AND d.last_labeled_at > as_of AND t.last_labeled_at <= as_of) p);
    IF as_of < 'infinity' THEN
        -- Of hours with later labels the rows tell.
        parts := parts || ARRAY(
            SELECT o
            FROM unnest(versions, slices) v (id, slice)
            JOIN v_version_tasks t ON t.model_version_id = v.id
            JOIN summary_outcomes h ON h.model_version_id = v.id AND h.grain = 'hour' AND h.slice = v.slice
                                   AND h.starts_at >= first_hour AND h.starts_at < last_hour AND h.last_labeled_at > as_of
            CROSS JOIN LATERAL ledger_outcomes(
                ARRAY[v.id], h.starts_at, h.starts_at + interval '1 hour', as_of, t.task, t.class_names, t.positive_label,
                t.positive_label, ledger_zero_and_one(t.class_names, t.positive_label), NULL, key, of_value) o);
    END IF;
    IF first_hour > since OR last_hour < until THEN
        -- Of hours that are not full the rows tell.
        IF of_value IS NULL THEN
            num_predictions := num_predictions + (
                SELECT count(*) FROM predictions p
                WHERE p.model_version_id = ANY (versions)
                  AND (p.predicted_at >= since AND p.predicted_at < least(first_hour, until)
                       OR p.predicted_at >= greatest(last_hour, first_hour) AND p.predicted_at < until));
        ELSE
            num_predictions := num_predictions + (
                SELECT count(*)
                FROM (VALUES (since, least(first_hour, until)), (greatest(last_hour, first_hour), until)) e (since, until)
                CROSS JOIN LATERAL ledger_slice_values(versions, e.since, e.until, key) p
                WHERE p.value = of_value);
        END IF;
        parts := parts || ARRAY(
            SELECT o
            FROM v_version_tasks t
            CROSS JOIN (VALUES (since, least(first_hour, until)), (greatest(last_hour, first_hour), until)) e (since, until)
            CROSS JOIN LATERAL ledger_outcomes(
                ARRAY[t.model_version_id], e.since, e.until, as_of, t.task, t.class_names, t.positive_label, t.positive_label,
                ledger_zero_and_one(t.class_names, t.positive_label), NULL, key, of_value) o
            WHERE t.model_version_id = ANY (versions) AND e.since < e.until);
    END IF;
    versions := ARRAY(SELECT DISTINCT p.model_version_id FROM unnest(parts) p);
    outcomes := CASE WHEN cardinality(parts) = 1 THEN parts[1] WHEN cardinality(parts) > 1 THEN ledger_add_outcomes(parts) END;
END
$$;
COMMENT ON FUNCTION ledger_summed_outcomes(text, text, timestamptz, timestamptz, smallint, text, timestamptz) IS
    'The outcomes of a model, or one version, in a window: summaries of days and hours added up, and the rows of hours that are not full, or have labels after as_of; with the versions that have labels there. Of all predictions, of the slice of a value, or of a slice by its number.';

CREATE FUNCTION ledger_metrics(
    o summary_outcomes, of_task text, class_names text[], counted_label text, of_positive text,
    is_declared boolean, is_mixed boolean, is_ambiguous boolean, threshold double precision, is_exact boolean, top_share double precision,
    OUT labeled_samples bigint, OUT num_strangers bigint, OUT no_task text,
    OUT accuracy double precision, OUT balanced_accuracy double precision, OUT matthews_corrcoef double precision,
    OUT "precision" double precision, OUT recall double precision, OUT specificity double precision, OUT f1_score double precision,
    OUT precision_macro double precision, OUT recall_macro double precision, OUT f1_macro double precision,
    OUT precision_weighted double precision, OUT recall_weighted double precision, OUT f1_weighted double precision,
    OUT roc_auc double precision, OUT roc_auc_error double precision,
    OUT average_precision double precision, OUT average_precision_error double precision,
    OUT lift double precision, OUT lift_error double precision,
    OUT log_loss double precision, OUT brier_score double precision, OUT calibration_error double precision,
    OUT mae double precision, OUT mape double precision, OUT rmse double precision, OUT r2 double precision, OUT interval_coverage double precision,
    OUT calibration_curve jsonb, OUT classes jsonb, OUT confusion_matrix jsonb, OUT standard_errors jsonb, OUT reasons jsonb)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    positive_from integer := width_bucket(threshold, ledger_probability_edges());
    other text := (array_remove(class_names, o.positive_label))[1];
    c record;
    s record;
    no_class text;
    no_average text;
    no_positive text;
    no_score text;
    no_numbers text;
BEGIN
    labeled_samples := coalesce(o.num_labeled, 0);
    num_strangers := coalesce(o.num_strangers, 0);
    WITH undecided AS (
        SELECT u.p, u.n, NOT is_exact AND u.bin >= positive_from AS is_above
        FROM unnest(o.bins, o.undecided_positives, o.undecided_negatives) u (bin, p, n) WHERE u.p + u.n > 0
    ), pairs AS (
        SELECT u.truth, u.class, u.n FROM unnest(o.actual, o.predicted, o.counts) u (truth, class, n)
        UNION ALL
        SELECT o.positive_label, CASE WHEN is_above THEN o.positive_label ELSE other END, p FROM undecided WHERE p > 0
        UNION ALL
        SELECT other, CASE WHEN is_above THEN o.positive_label ELSE other END, n FROM undecided WHERE n > 0
    ), judged AS MATERIALIZED (
        SELECT truth, class, sum(n)::double precision AS n FROM pairs GROUP BY truth, class
    ), counts AS (
        SELECT name, sum(support) AS support, sum(predicted) AS predicted, sum(hits) AS hits
        FROM (SELECT truth AS name, n AS support, 0 AS predicted, CASE WHEN truth = class THEN n ELSE 0 END AS hits FROM judged
              UNION ALL
              SELECT class, 0, n, 0 FROM judged) x
        GROUP BY name
    ), ordered AS MATERIALIZED (
        SELECT *, hits / nullif(predicted, 0) AS precision, hits / nullif(support, 0) AS recall,
               2 * hits / (support + predicted) AS f1_score,
               row_number() OVER (ORDER BY array_position(class_names, name), name COLLATE "C") AS place
        FROM counts
    ), averages AS (
        SELECT count(*) AS num_classes, coalesce(bool_or(name IS NULL), false) AS has_others, sum(support) AS support,
               avg(recall) AS balanced_accuracy, avg(coalesce(precision, 0)) AS precision_macro,
               avg(coalesce(recall, 0)) AS recall_macro, avg(f1_score) AS f1_macro,
               sum(coalesce(precision, 0) * support) / sum(support) AS precision_weighted,
               sum(coalesce(recall, 0) * support) / sum(support) AS recall_weighted,
               sum(f1_score * support) / sum(support) AS f1_weighted,
               (sum(hits) * sum(support) - sum(predicted * support)) / nullif(
                   sqrt(sum(support) ^ 2 - sum(predicted * predicted)) * sqrt(sum(support) ^ 2 - sum(support * support)), 0)
                   AS matthews_corrcoef,
               jsonb_agg(jsonb_build_object('class', name, 'support', support, 'predicted', predicted, 'precision', precision,
                                            'recall', recall, 'f1_score', f1_score) ORDER BY place)
                   FILTER (WHERE place <= 1000) AS classes,
               jsonb_agg(name ORDER BY place) AS names
        FROM ordered
    ), matrix AS (
        SELECT jsonb_agg(r.counts ORDER BY r.place) AS counts
        FROM (SELECT t.place, jsonb_agg(coalesce(k.n, 0) ORDER BY p.place) AS counts
              FROM ordered t CROSS JOIN ordered p
              LEFT JOIN judged k ON k.truth = t.name AND k.class = p.name
              WHERE (SELECT a.num_classes FROM averages a) <= 100
              GROUP BY t.place) r
    ), binary_totals AS (
        SELECT coalesce(sum(n) FILTER (WHERE truth = of_positive AND class = of_positive), 0) AS hits,
               coalesce(sum(n) FILTER (WHERE truth = of_positive AND class <> of_positive), 0) AS misses,
               coalesce(sum(n) FILTER (WHERE truth <> of_positive AND class = of_positive), 0) AS false_alarms,
               coalesce(sum(n) FILTER (WHERE truth <> of_positive AND class <> of_positive), 0) AS rejections
        FROM judged
    ), decided AS (
        SELECT coalesce(sum(p + n), 0) AS num, coalesce(sum(CASE WHEN is_above THEN p ELSE n END), 0) AS hits,
               coalesce(sum(p + n) FILTER (WHERE NOT is_above), 0) AS below
        FROM undecided
    )
    SELECT a.*, b.*, m.counts, u.num AS undecided, u.below,
           coalesce(o.num_classified, 0) + u.num AS classified, coalesce(o.num_hits, 0) + u.hits AS right
    INTO c FROM averages a CROSS JOIN binary_totals b CROSS JOIN matrix m CROSS JOIN decided u;
    SELECT * INTO s FROM ledger_areas(o, is_exact, top_share);

    no_task := CASE
        WHEN labeled_samples = 0 THEN 'no prediction of the window has a label'
        WHEN is_mixed THEN 'the versions of the window differ in task, classes or positive class: give model_version'
        WHEN NOT ledger_still_counts(o, of_task, class_names, counted_label)
        THEN 'the labels of the window were counted when the version had another task, classes or positive class'
        WHEN is_ambiguous AND ledger_zero_and_one(class_names, counted_label) IS NULL
        THEN 'some classes are texts and others numbers: register the version with class_names'
        WHEN of_task = 'regression' AND is_declared THEN 'the version is a regression'
        WHEN of_task = 'regression' THEN 'its numbers are those of a regression: if it is none, register the version with its task'
        WHEN of_task IS NULL THEN 'nothing tells what the version predicts: register it with its task' END;
    no_class := coalesce(no_task, CASE
        WHEN o.num_strays > 0 THEN 'a prediction is a number that is none of the classes'
        WHEN cardinality(class_names) = 1 AND c.below > 0 THEN 'only one class is known: register the version with class_names'
        WHEN o.num_strangers > 0 AND c.undecided > 0 THEN 'a label is none of the class_names of the version'
        WHEN c.undecided > 0 AND o.positive_label <> ALL (class_names) THEN 'positive_label is none of the classes of the model'
        -- Without a positive class of its own a summary has nothing of those with a probability alone.
        WHEN of_task = 'binary' AND (of_positive <> o.positive_label AND c.undecided > 0 OR o.positive_label IS NULL
                                     AND of_positive IS NOT NULL AND o.num_classified < o.num_labeled)
        THEN 'the summaries count no probabilities of that class'
        WHEN c.classified = 0 THEN 'no labelled prediction has a class' END);
    no_average := coalesce(no_class, CASE WHEN c.has_others THEN 'the summaries keep 50 classes, and there are more' END);
    no_positive := CASE
        WHEN of_positive IS NULL AND of_task = 'multiclass' THEN 'of more than two classes: give positive_label'
        WHEN of_positive IS NULL AND class_names[1] ~ '^[-0-9.]+$'
        THEN 'the classes are other numbers than 0 and 1, or -1 and 1: give positive_label'
        WHEN of_positive IS NULL THEN 'the labels are text: give positive_label'
        WHEN of_positive <> ALL (class_names) THEN 'positive_label is none of the classes of the model' END;
    no_score := coalesce(no_task, CASE
        WHEN of_task = 'multiclass' THEN 'of more than two classes probability is that of the predicted one'
        WHEN no_positive IS NOT NULL THEN no_positive
        WHEN of_positive IS DISTINCT FROM o.positive_label THEN 'the summaries count no probabilities of that class'
        WHEN o.num_strangers > 0 THEN 'a label is none of the class_names of the version'
        WHEN o.lowest_of_negative > 0.5 AND NOT is_declared
        THEN 'no probability is below 0.5, as if it was of the predicted class: register the version with positive_label'
        WHEN o.highest_of_positive < 0.5 AND NOT is_declared
        THEN 'each probability of a positive prediction is below 0.5, as if it was of another class: register the version with positive_label'
        WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END);
    no_positive := coalesce(no_task, no_positive, no_average);
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
        precision_weighted := c.precision_weighted;
        recall_weighted := c.recall_weighted;
        f1_weighted := c.f1_weighted;
        classes := c.classes;
        confusion_matrix := CASE WHEN c.counts IS NOT NULL THEN jsonb_build_object('labels', c.names, 'matrix', c.counts) END;
    END IF;
    IF no_positive IS NULL THEN
        "precision" := c.hits / nullif(c.hits + c.false_alarms, 0);
        recall := c.hits / nullif(c.hits + c.misses, 0);
        specificity := c.rejections / nullif(c.rejections + c.false_alarms, 0);
        f1_score := 2 * c.hits / nullif(2 * c.hits + c.misses + c.false_alarms, 0);
    END IF;
    IF no_score IS NULL THEN
        roc_auc := s.roc_auc;
        roc_auc_error := s.roc_auc_error;
        average_precision := s.average_precision;
        average_precision_error := s.average_precision_error;
        lift := s.lift;
        lift_error := s.lift_error;
        log_loss := -o.log_sum / (s.positives + s.negatives);
        brier_score := o.square_sum / (s.positives + s.negatives);
        SELECT sum(abs(u.total - u.p)) / (s.positives + s.negatives),
               jsonb_agg(jsonb_build_object('count', u.p + u.n, 'prob_true', u.p::double precision / (u.p + u.n),
                                            'prob_pred', CASE WHEN u.total > 1e-150 THEN u.total ELSE 0 END / (u.p + u.n)) ORDER BY u.bin)
        INTO calibration_error, calibration_curve
        FROM unnest(o.tenths, o.tenth_positives, o.tenth_negatives, o.tenth_sums) u (bin, p, n, total);
    END IF;
    IF no_numbers IS NULL THEN
        mae := o.absolute_error_sum / o.num_measured;
        mape := o.percentage_error_sum / o.num_measured;
        rmse := sqrt(o.squared_error_sum / o.num_measured);
        IF o.actual_min < o.actual_max AND o.actual_m2 / o.num_measured > 1e-100 THEN
            r2 := 1 - o.squared_error_sum / o.actual_m2;
        END IF;
    END IF;
    interval_coverage := o.num_covered::double precision / nullif(o.num_intervals, 0);
    standard_errors := jsonb_strip_nulls(jsonb_build_object(
        'roc_auc', CASE WHEN no_score IS NULL THEN s.roc_auc_se END,
        'log_loss', ledger_standard_error(s.positives + s.negatives, -log_loss, o.log_square_sum),
        'brier_score', ledger_standard_error(s.positives + s.negatives, brier_score, o.square_square_sum),
        'mae', ledger_standard_error(o.num_measured, mae, o.squared_error_sum)));
    reasons := jsonb_strip_nulls(jsonb_build_object(
        'accuracy', no_class, 'balanced_accuracy', no_average, 'classes', no_average,
        'precision_macro', no_average, 'recall_macro', no_average, 'f1_macro', no_average,
        'precision_micro', no_class, 'recall_micro', no_class, 'f1_micro', no_class,
        'precision_weighted', no_average, 'recall_weighted', no_average, 'f1_weighted', no_average,
        'confusion_matrix', coalesce(no_average, CASE WHEN confusion_matrix IS NULL THEN 'there are more than 100 classes' END),
        'matthews_corrcoef', coalesce(no_average, CASE WHEN matthews_corrcoef IS NULL THEN 'all labels, or all predictions, are of one class' END),
        'precision', coalesce(no_positive, CASE WHEN "precision" IS NULL THEN 'no prediction is positive' END),
        'recall', coalesce(no_positive, CASE WHEN recall IS NULL THEN 'no label is positive' END),
        'specificity', coalesce(no_positive, CASE WHEN specificity IS NULL THEN 'all labels are positive' END),
        'f1_score', coalesce(no_positive, CASE WHEN f1_score IS NULL THEN 'no prediction and no label is positive' END),
        'roc_auc', coalesce(no_score, CASE WHEN roc_auc IS NULL THEN 'all labels are of one class' END),
        'average_precision', coalesce(no_score, CASE WHEN average_precision IS NULL THEN 'no label is positive' END),
        'lift', coalesce(no_score, CASE WHEN lift IS NULL THEN 'no label is positive' END),
        'log_loss', no_score, 'brier_score', no_score, 'calibration_error', no_score, 'calibration_curve', no_score,
        'mae', no_numbers, 'mape', no_numbers, 'rmse', no_numbers,
        'r2', coalesce(no_numbers, CASE WHEN o.actual_min = o.actual_max THEN 'all actual values are the same'
                  WHEN r2 IS NULL THEN 'the actual values differ by too little' END),
        'interval_coverage', CASE WHEN labeled_samples = 0 OR o.num_numbers = 0 THEN no_numbers
                                  WHEN o.num_intervals = 0 THEN 'no labelled prediction has confidence_lower and confidence_upper' END));
END
$$;
COMMENT ON FUNCTION ledger_metrics(summary_outcomes, text, text[], text, text, boolean, boolean, boolean, double precision, boolean, double precision) IS
    'What outcomes say about how right a model was; a metric without a value has a reason. Where a prediction names no class the threshold decides; exact are outcomes whose bins are single probabilities.';
