-- Statements of GroundTruthRepository.

-- fragment label --
-- The columns of a label.
prediction_id, labeled_at, actual_label, actual_value, source, recorded_at

-- insert --
-- Record one label, whatever its case.
SELECT stored, waiting, duplicates FROM record_ground_truth(jsonb_build_array(jsonb_build_object(
    'prediction_id', %(prediction_id)s::uuid, 'request_id', %(request_id)s::text,
    'actual_label', %(actual_label)s::text, 'actual_value', %(actual_value)s::double precision,
    'labeled_at', %(labeled_at)s::timestamptz, 'source', %(source)s::text,
    'model_name', %(model_name)s::text, 'model_version', %(model_version)s::text)));

-- insert__at_once --
-- Store a label of a prediction that is there. No row for all other cases.
WITH written AS (
    INSERT INTO ground_truth
        (prediction_id, predicted_at, labeled_at, model_version_id, actual_value, prediction, probability, class_probabilities,
         actual_label, predicted_label, source)
    SELECT p.id, p.predicted_at, coalesce(%(labeled_at)s::timestamptz, clock_timestamp()), p.model_version_id,
           %(actual_value)s::double precision, p.prediction, p.probability, p.class_probabilities,
           %(actual_label)s::text, p.predicted_label, %(source)s::text
    FROM predictions p
    WHERE p.id = %(prediction_id)s::uuid
      AND p.predicted_at >= %(predicted_from)s::timestamptz
      AND p.predicted_at < %(predicted_from)s::timestamptz + interval '1 millisecond'
      AND coalesce(%(labeled_at)s::timestamptz <= clock_timestamp() + interval '1 minute', true)
    ON CONFLICT DO NOTHING
    RETURNING *
), marked AS (
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT model_version_id, 'ground_truth', predicted_at, predicted_at FROM written
)
SELECT prediction_id,
       ledger_observe(model_version_id, ARRAY[actual_label, predicted_label],
                      ARRAY[ledger_whole(actual_value), ledger_whole(prediction)],
                      ledger_is_continuous(actual_value, prediction, probability))
FROM written;

-- insert_many__stage --
-- Make the temporary table that many labels are copied into.
SELECT ledger_label_stage();

-- insert_many__copy --
-- Copy the labels.
COPY pg_temp.ledger_labels (prediction_id, predicted_at, predicted_from, request_id, labeled_at, actual_label,
                            actual_value, source, model_name, model_version) FROM STDIN (FORMAT binary);

-- insert_many --
-- Record the copied labels.
SELECT stored, waiting, duplicates FROM ledger_store_labels(true);

-- match --
-- Store the labels that waited for predictions of a window.
SELECT match_ground_truth(coalesce(%(since)s::timestamptz, '-infinity'), coalesce(%(until)s::timestamptz, 'infinity'));

-- performance_series --
-- How right a model was by bucket of time, from summaries; buckets begin at the window's start.
SELECT b.since AS bucket, p.*
FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond', %(bucket)s::interval) b (since)
CROSS JOIN LATERAL ledger_performance(%(model_name)s::text, %(model_version)s::text, b.since,
    least(b.since + %(bucket)s::interval, %(until)s::timestamptz), %(threshold)s::double precision) p
WHERE EXISTS (SELECT FROM model_versions v WHERE v.model_name = %(model_name)s::text
              AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text))
ORDER BY b.since;

-- read list_labels --
-- All labels of a prediction, newest first, whether stored or waiting.
SELECT {label}, false AS is_waiting
FROM ground_truth
WHERE prediction_id = %(prediction_id)s::uuid
  AND predicted_at >= %(predicted_from)s::timestamptz
  AND predicted_at < %(predicted_from)s::timestamptz + interval '1 millisecond'
UNION ALL
SELECT {label}, true
FROM ground_truth_waiting WHERE prediction_id = %(prediction_id)s::uuid
ORDER BY labeled_at DESC
LIMIT 1000;

-- fragment labels --
-- The latest label of each prediction of the window, and what the versions of these predictions predict.
versions AS MATERIALIZED (
    SELECT id FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
), volume AS (
    SELECT count(*) AS num_predictions FROM predictions
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND model_version_id IN (SELECT id FROM versions)
), labels AS (
    SELECT *, first_value(labeled_at) OVER w - predicted_at AS delay, lead(labeled_at) OVER w IS NULL AS is_newest
    FROM ground_truth
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND labeled_at <= coalesce(%(as_of)s::timestamptz, 'infinity')
      AND model_version_id IN (SELECT id FROM versions)
    WINDOW w AS (PARTITION BY prediction_id, predicted_at ORDER BY labeled_at)
), newest AS MATERIALIZED (
    SELECT * FROM labels WHERE is_newest
), tasks AS (
    SELECT task, class_names, positive_label, bool_and(is_declared) AS is_declared
    FROM v_version_tasks WHERE model_version_id IN (SELECT DISTINCT model_version_id FROM newest)
    GROUP BY task, class_names, positive_label
), definition AS MATERIALIZED (
    SELECT d.task, d.class_names, d.own_label, d.is_declared, d.n > 1 AS is_mixed,
           coalesce(%(positive_label)s::text, own_label) AS positive_label,
           -- What was declared says whose probability it is; of two classes the other has the rest.
           coalesce(is_declared AND %(positive_label)s::text <> own_label, false) AS is_other,
           ledger_zero_and_one(class_names, coalesce(own_label, %(positive_label)s::text)) AS zero_and_one
    FROM (
        SELECT count(*) AS n, CASE WHEN count(*) = 1 THEN min(task) END AS task,
               CASE WHEN min(cardinality(class_names)) = 1 AND %(positive_label)s::text <> min(class_names[1])
                    THEN min(class_names) || %(positive_label)s::text ELSE min(class_names) END AS class_names,
               min(positive_label) AS own_label, bool_and(is_declared) AS is_declared
        FROM tasks) d
)

-- fragment judged --
-- Each labelled prediction: its true and its predicted class, the probability of the positive one, numbers.
judged AS MATERIALIZED (
    SELECT n.delay, o.truth, o.score, array_position(d.class_names, o.truth) AS place,
           CASE WHEN o.truth IS NOT NULL THEN
               ledger_predicted_class(n.predicted_label, n.prediction, o.score, n.class_probabilities, d.class_names,
                                      d.positive_label, %(threshold)s::double precision)
           END AS class,
           ledger_predicted_class(n.predicted_label, n.prediction, NULL, NULL, d.class_names, d.positive_label, NULL)
               = d.positive_label AS says_positive,
           o.truth = d.positive_label AS is_positive,
           CASE WHEN d.task = 'multiclass' THEN n.class_probabilities END AS class_probabilities, n.prediction IS NOT NULL AS has_number,
           n.prediction IS NOT NULL AND n.actual_value IS NOT NULL AS is_measured,
           -- Beyond that the squares would overflow.
           CASE WHEN abs(n.prediction) <= 1e100 AND abs(n.actual_value) <= 1e100 THEN n.actual_value END AS target,
           CASE WHEN abs(n.prediction) <= 1e100 AND abs(n.actual_value) <= 1e100 THEN n.prediction - n.actual_value END AS error
    FROM newest n
    CROSS JOIN definition d
    CROSS JOIN LATERAL (
        SELECT coalesce(n.probability, n.class_probabilities[array_position(
                   d.class_names, CASE WHEN d.is_other THEN d.own_label ELSE d.positive_label END)]) AS probability) p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.task IN ('binary', 'multiclass') THEN ledger_class(n.actual_label, n.actual_value, d.zero_and_one)
               END AS truth,
               CASE WHEN d.task = 'binary' AND d.is_other THEN 1 - p.probability
                    WHEN d.task = 'binary' THEN p.probability END AS score) o
), totals AS (
    SELECT count(*) AS labeled_samples,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY delay) AS delays,
           max(delay) AS label_delay_max,
           count(*) FILTER (WHERE truth IS NOT NULL AND place IS NULL) AS strangers,
           count(*) FILTER (WHERE truth IS NOT NULL AND class IS NULL AND has_number) AS strays,
           count(*) FILTER (WHERE truth IS NOT NULL AND class IS NULL AND score IS NOT NULL AND d.positive_label IS NOT NULL) AS others,
           -- All below a half are missing: then it is that of the class that was predicted.
           min(score) FILTER (WHERE NOT says_positive) > 0.5 AND NOT bool_and(d.is_declared) AS is_of_predicted,
           -- All are below a half where the positive class was predicted: then it is that of another.
           max(score) FILTER (WHERE says_positive) < 0.5 AND NOT bool_and(d.is_declared) AS is_of_other,
           count(*) FILTER (WHERE is_measured) AS measured, count(error) AS in_range, avg(abs(error)) AS mae,
           -- As scikit-learn: of an actual value of 0 by the distance between 1 and the next double.
           avg(CASE WHEN abs(error) <= 1e-150 THEN 0 ELSE abs(error) / greatest(abs(target), 2.220446049250313e-16) END) AS mape,
           -- avg() of squares overflows at 1e77, and the variance of numbers far from zero loses their digits.
           coalesce(sum(error * error) FILTER (WHERE abs(error) > 1e-150), 0) / nullif(count(error), 0) AS mse,
           CASE WHEN min(target) < max(target) THEN var_pop(target - (SELECT avg(target) FROM judged)) END AS variance
    FROM judged CROSS JOIN definition d
)

-- fragment confusion --
-- True against predicted classes, and what follows for each class and for all.
confusion AS MATERIALIZED (
    SELECT truth, class, count(*)::double precision AS n FROM judged
    WHERE truth IS NOT NULL AND class IS NOT NULL GROUP BY truth, class
), counts AS (
    SELECT c.name, sum(c.support) AS support, sum(c.predicted) AS predicted, sum(c.hits) AS hits,
           row_number() OVER (ORDER BY array_position(min(d.class_names), c.name), c.name COLLATE "C") AS place
    FROM (SELECT truth AS name, n AS support, 0 AS predicted, CASE WHEN truth = class THEN n ELSE 0 END AS hits FROM confusion
          UNION ALL
          SELECT class, 0, n, 0 FROM confusion) c
    CROSS JOIN definition d
    GROUP BY c.name
), classes AS MATERIALIZED (
    SELECT *, hits / nullif(predicted, 0) AS precision, hits / nullif(support, 0) AS recall,
           2 * hits / (support + predicted) AS f1_score
    FROM counts
), averages AS (
    SELECT sum(support) AS classified, sum(hits) / sum(support) AS accuracy, avg(recall) AS balanced_accuracy,
           avg(coalesce(precision, 0)) AS precision_macro, avg(coalesce(recall, 0)) AS recall_macro,
           avg(f1_score) AS f1_macro,
           sum(coalesce(precision, 0) * support) / sum(support) AS precision_weighted,
           sum(coalesce(recall, 0) * support) / sum(support) AS recall_weighted,
           sum(f1_score * support) / sum(support) AS f1_weighted,
           (sum(hits) * sum(support) - sum(predicted * support)) / nullif(
               sqrt(sum(support) ^ 2 - sum(predicted * predicted)) * sqrt(sum(support) ^ 2 - sum(support * support)), 0)
               AS matthews_corrcoef,
           jsonb_agg(jsonb_build_object('class', name, 'support', support, 'predicted', predicted, 'precision', precision,
                                        'recall', recall, 'f1_score', f1_score) ORDER BY place)
               FILTER (WHERE place <= 1000) AS classes
    FROM classes
), matrix AS (
    SELECT jsonb_build_object('labels', (SELECT jsonb_agg(name ORDER BY place) FROM classes),
                              'matrix', jsonb_agg(r.counts ORDER BY r.place)) AS confusion_matrix
    FROM (SELECT t.place, jsonb_agg(coalesce(k.n, 0) ORDER BY p.place) AS counts
          FROM classes t CROSS JOIN classes p
          LEFT JOIN confusion k ON k.truth = t.name AND k.class = p.name
          WHERE (SELECT count(*) FROM classes) <= 100
          GROUP BY t.place) r
    HAVING count(*) > 0
), binary_totals AS (
    SELECT coalesce(sum(n) FILTER (WHERE truth = d.positive_label AND class = d.positive_label), 0) AS hits,
           coalesce(sum(n) FILTER (WHERE truth = d.positive_label AND class <> d.positive_label), 0) AS misses,
           coalesce(sum(n) FILTER (WHERE truth <> d.positive_label AND class = d.positive_label), 0) AS false_alarms,
           coalesce(sum(n) FILTER (WHERE truth <> d.positive_label AND class <> d.positive_label), 0) AS rejections
    FROM confusion CROSS JOIN definition d
)

-- fragment scored --
-- What the probability of the positive class is worth.
scores AS (
    SELECT score,
           count(*) FILTER (WHERE is_positive)::double precision AS positives,
           count(*) FILTER (WHERE NOT is_positive)::double precision AS negatives
    FROM judged WHERE is_positive IS NOT NULL AND score IS NOT NULL GROUP BY score
), ranks AS (
    SELECT score, positives, negatives,
           sum(negatives) OVER up - negatives / 2 AS outranked,
           positives * sum(positives) OVER down / sum(positives + negatives) OVER down AS precise,
           -- A square or a quotient below what a double can hold would be an error.
           CASE WHEN score > 1e-150 THEN score * score ELSE 0 END AS square,
           CASE WHEN score > 1e-150 THEN (positives + negatives) * score ELSE 0 END AS expected,
           -- Nothing is certain: as scikit-learn, by the distance between 1 and the next double.
           ln(greatest(score, 2.220446049250313e-16)) AS log_hit,
           ln(greatest(1 - score, 2.220446049250313e-16)) AS log_miss,
           ledger_tenth(score) AS bin,
           sum(positives + negatives) OVER down - positives - negatives AS above,
           ceil(%(top_share)s::double precision * sum(positives + negatives) OVER ()) AS top
    FROM scores
    WINDOW up AS (ORDER BY score), down AS (ORDER BY score DESC)
), bins AS (
    SELECT bin, sum(positives) AS positives, sum(negatives) AS negatives, sum(expected) AS expected,
           sum(positives * outranked) AS outranked, sum(precise) AS precise,
           sum(positives * (1 - score) * (1 - score) + negatives * square) AS squares,
           sum(positives * log_hit + negatives * log_miss) AS logs,
           -- Of equal scores at the end of the top as many positives as their share.
           sum(positives * least(greatest(top - above, 0) / (positives + negatives), 1)) AS caught, max(top) AS top
    FROM ranks GROUP BY bin
), scored AS (
    SELECT coalesce(sum(positives), 0) AS positives, coalesce(sum(negatives), 0) AS negatives,
           sum(outranked) AS outranked, sum(precise) AS precise, sum(squares) AS squares, sum(logs) AS logs,
           sum(abs(expected - positives)) AS gap,
           sum(caught) * sum(positives + negatives) / nullif(max(top) * sum(positives), 0) AS lift,
           jsonb_agg(jsonb_build_object('count', (positives + negatives)::bigint, 'prob_true', positives / (positives + negatives),
                                        'prob_pred', expected / (positives + negatives)) ORDER BY bin) AS calibration_curve
    FROM bins
)

-- fragment ranked --
-- What the probabilities of more than two classes are worth.
vectors AS MATERIALIZED (
    SELECT place, class_probabilities FROM judged WHERE place IS NOT NULL AND class_probabilities IS NOT NULL
), distances AS (
    SELECT count(*) AS vectors,
           coalesce(bool_and(cardinality(v.class_probabilities) = cardinality(d.class_names) AND abs(s.total - 1) <= 1e-5), true)
               AS is_distribution,
           avg(-ln(greatest(v.class_probabilities[v.place], 2.220446049250313e-16))) AS log_loss,
           avg(s.squares - 2 * v.class_probabilities[v.place] + 1) AS brier_score,
           avg((s.better < %(top_k)s::integer)::integer)::double precision AS top_k_accuracy
    FROM vectors v
    CROSS JOIN definition d
    CROSS JOIN LATERAL (
        SELECT sum(p) AS total, sum(CASE WHEN p > 1e-150 THEN p * p ELSE 0 END) AS squares,
               count(*) FILTER (WHERE p > v.class_probabilities[v.place] OR p = v.class_probabilities[v.place] AND i > v.place)
                   AS better
        FROM unnest(v.class_probabilities) WITH ORDINALITY u (p, i)) s
), class_scores AS (
    SELECT u.i, u.p, v.place, count(*)::double precision AS n
    FROM vectors v CROSS JOIN LATERAL unnest(v.class_probabilities) WITH ORDINALITY u (p, i)
    WHERE (SELECT x.is_distribution AND x.vectors * cardinality(d.class_names) <= 20000000 FROM distances x, definition d)
    GROUP BY u.i, u.p, v.place
), class_ranks AS (
    SELECT i, place, n,
           sum(n) FILTER (WHERE place = i) OVER (PARTITION BY i ORDER BY p DESC) AS above,
           sum(n) FILTER (WHERE place = i) OVER (PARTITION BY i, p) AS level
    FROM class_scores
), pairs AS (
    -- How often a class has its own probability higher than another class has it.
    SELECT i, place, sum(n * (coalesce(above, 0) - coalesce(level, 0) / 2)) AS outranked, sum(n) AS n,
           sum(sum(n) FILTER (WHERE place = i)) OVER (PARTITION BY i) AS own
    FROM class_ranks GROUP BY i, place
), multiclass AS (
    SELECT avg(outranked / others / own) AS roc_auc_ovr, count(*) AS ranked, max(pairwise) AS roc_auc_ovo
    FROM (SELECT i, max(own) AS own, sum(outranked) FILTER (WHERE place <> i) AS outranked,
                 sum(n) FILTER (WHERE place <> i) AS others
          FROM pairs GROUP BY i) c
    CROSS JOIN (SELECT avg(outranked / n / own) AS pairwise FROM pairs WHERE place <> i AND own > 0) o
    WHERE own > 0 AND others > 0
)

-- fragment reasons --
-- Why there is no number: of classes at all, of a positive class, of its probability, of all probabilities.
reasons AS (
    SELECT CASE WHEN t.labeled_samples = 0 THEN 'no prediction of the window has a label' END AS unlabeled,
           CASE WHEN t.labeled_samples = 0 THEN 'no prediction of the window has a label'
                WHEN d.is_mixed THEN 'the versions of the window differ in task, classes or positive class: give model_version'
                WHEN d.task = 'regression' AND d.is_declared THEN 'the version is a regression'
                WHEN d.task = 'regression' THEN 'its numbers are those of a regression: if it is none, register the version with its task'
                WHEN d.task IS NULL THEN 'nothing tells what the version predicts: register it with its task'
           END AS no_task,
           CASE WHEN t.strays > 0 THEN 'a prediction is a number that is none of the classes'
                WHEN t.others > 0 THEN 'only one class is known: register the version with class_names' END AS is_stray,
           CASE WHEN d.positive_label IS NULL AND d.task = 'multiclass' THEN 'of more than two classes: give positive_label'
                WHEN d.positive_label IS NULL AND d.class_names[1] ~ '^[-0-9.]+$'
                THEN 'the classes are other numbers than 0 and 1, or -1 and 1: give positive_label'
                WHEN d.positive_label IS NULL THEN 'the labels are text: give positive_label'
                WHEN d.positive_label <> ALL (d.class_names) THEN 'positive_label is none of the classes of the model'
           END AS no_positive,
           CASE WHEN d.task = 'multiclass' THEN 'of more than two classes probability is that of the predicted one'
                WHEN t.strangers > 0 THEN 'a label is none of the class_names of the version'
                WHEN t.is_of_predicted
                THEN 'no probability is below 0.5, as if it was of the predicted class: register the version with positive_label'
                WHEN t.is_of_other
                THEN 'each probability of a positive prediction is below 0.5, as if it was of another class: register the version with positive_label'
           END AS no_score,
           CASE WHEN d.task = 'binary' THEN 'only of more than two classes'
                WHEN t.strangers > 0 THEN 'a label is none of the class_names of the version'
                WHEN x.vectors = 0 THEN 'no labelled prediction has class_probabilities'
                WHEN NOT x.is_distribution
                THEN 'class_probabilities of a prediction do not add up to 1, or are not those of class_names'
           END AS no_vectors,
           CASE WHEN t.measured = 0 THEN 'no labelled prediction has a prediction and an actual_value'
                WHEN t.in_range < t.measured THEN 'a prediction or an actual_value lies beyond 1e100' END AS unmeasured
    FROM totals t CROSS JOIN definition d CROSS JOIN distances x
), class_reasons AS (
    SELECT coalesce(r.no_task, r.is_stray, CASE WHEN a.classified IS NULL THEN 'no labelled prediction has a class' END) AS no_class
    FROM reasons r CROSS JOIN averages a
), problems AS (
    SELECT r.unlabeled, c.no_class AS of_classes,
           coalesce(r.no_task, r.no_positive, c.no_class) AS of_positive,
           coalesce(r.no_task, CASE WHEN d.task = 'binary' THEN r.no_positive END, r.no_score,
                    CASE WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END) AS of_score,
           coalesce(r.no_task, r.no_vectors) AS of_vectors,
           coalesce(r.unlabeled, r.unmeasured) AS of_numbers
    FROM reasons r CROSS JOIN class_reasons c CROSS JOIN scored s CROSS JOIN definition d
)

-- performance --
-- How right a model was about the predictions of a window whose truth is known; no row for an unknown model.
WITH {labels}, {judged}, {confusion}, {scored}, {ranked}, {reasons}
SELECT %(model_name)s::text AS model_name, %(model_version)s::text AS model_version,
       %(since)s::timestamptz AS since, %(until)s::timestamptz AS until,
       d.task, d.positive_label, v.num_predictions, t.labeled_samples,
       100.0::double precision * t.labeled_samples / nullif(v.num_predictions, 0) AS coverage_pct,
       t.delays[1] AS label_delay_p50, t.delays[2] AS label_delay_p95, t.label_delay_max,
       a.accuracy, a.balanced_accuracy, a.matthews_corrcoef,
       CASE WHEN p.of_positive IS NULL THEN b.hits / nullif(b.hits + b.false_alarms, 0) END AS precision,
       CASE WHEN p.of_positive IS NULL THEN b.hits / nullif(b.hits + b.misses, 0) END AS recall,
       CASE WHEN p.of_positive IS NULL THEN b.rejections / nullif(b.rejections + b.false_alarms, 0) END AS specificity,
       CASE WHEN p.of_positive IS NULL THEN 2 * b.hits / nullif(2 * b.hits + b.misses + b.false_alarms, 0) END AS f1_score,
       a.precision_macro, a.recall_macro, a.f1_macro, a.accuracy AS precision_micro, a.accuracy AS recall_micro, a.accuracy AS f1_micro,
       a.precision_weighted, a.recall_weighted, a.f1_weighted,
       CASE WHEN p.of_score IS NULL THEN s.outranked / nullif(s.positives * s.negatives, 0) END AS roc_auc,
       CASE WHEN p.of_score IS NULL THEN s.precise / nullif(s.positives, 0) END AS average_precision,
       CASE WHEN p.of_vectors IS NULL AND m.ranked = cardinality(d.class_names) THEN m.roc_auc_ovr END AS roc_auc_ovr,
       CASE WHEN p.of_vectors IS NULL THEN m.roc_auc_ovo END AS roc_auc_ovo,
       CASE WHEN p.of_vectors IS NULL THEN x.top_k_accuracy END AS top_k_accuracy,
       CASE WHEN p.of_score IS NULL THEN -s.logs / (s.positives + s.negatives)
            WHEN p.of_vectors IS NULL THEN x.log_loss END AS log_loss,
       CASE WHEN p.of_score IS NULL THEN s.squares / (s.positives + s.negatives)
            WHEN p.of_vectors IS NULL THEN x.brier_score END AS brier_score,
       CASE WHEN p.of_score IS NULL THEN s.gap / (s.positives + s.negatives) END AS calibration_error,
       CASE WHEN p.of_score IS NULL THEN s.lift END AS lift, CASE WHEN p.of_score IS NULL THEN s.calibration_curve END AS calibration_curve,
       CASE WHEN p.of_numbers IS NULL THEN t.mae END AS mae, CASE WHEN p.of_numbers IS NULL THEN t.mape END AS mape,
       CASE WHEN p.of_numbers IS NULL THEN sqrt(t.mse) END AS rmse,
       CASE WHEN p.of_numbers IS NULL AND t.variance > 1e-100 THEN 1 - t.mse / t.variance END AS r2,
       a.classes, x2.confusion_matrix,
       jsonb_strip_nulls(jsonb_build_object(
           'coverage_pct', CASE WHEN v.num_predictions = 0 THEN 'the window has no predictions' END,
           'label_delay', p.unlabeled, 'accuracy', p.of_classes, 'balanced_accuracy', p.of_classes,
           'matthews_corrcoef', coalesce(p.of_classes, CASE WHEN a.matthews_corrcoef IS NULL THEN 'all labels, or all predictions, are of one class' END),
           'precision', coalesce(p.of_positive, CASE WHEN b.hits + b.false_alarms = 0 THEN 'no prediction is positive' END),
           'recall', coalesce(p.of_positive, CASE WHEN b.hits + b.misses = 0 THEN 'no label is positive' END),
           'specificity', coalesce(p.of_positive, CASE WHEN b.rejections + b.false_alarms = 0 THEN 'all labels are positive' END),
           'f1_score', coalesce(p.of_positive, CASE WHEN b.hits + b.misses + b.false_alarms = 0 THEN 'no prediction and no label is positive' END),
           'roc_auc', coalesce(p.of_score, CASE WHEN s.positives * s.negatives = 0 THEN 'all labels are of one class' END),
           'average_precision', coalesce(p.of_score, CASE WHEN s.positives = 0 THEN 'no label is positive' END)) || jsonb_build_object(
           'roc_auc_ovr', coalesce(p.of_vectors,
                CASE WHEN m.ranked = 0 THEN 'all labels are of one class, or too many for a ranking'
                     WHEN m.ranked < cardinality(d.class_names) THEN 'not every class has a label' END),
           'roc_auc_ovo', coalesce(p.of_vectors, CASE WHEN m.roc_auc_ovo IS NULL THEN 'all labels are of one class, or too many for a ranking' END),
           'top_k_accuracy', p.of_vectors, 'log_loss', CASE WHEN p.of_vectors IS NOT NULL THEN p.of_score END,
           'brier_score', CASE WHEN p.of_vectors IS NOT NULL THEN p.of_score END,
           'calibration_error', p.of_score, 'calibration_curve', p.of_score,
           'lift', coalesce(p.of_score, CASE WHEN s.positives = 0 THEN 'no label is positive' END),
           'confusion_matrix', coalesce(p.of_classes, CASE WHEN x2.confusion_matrix IS NULL THEN 'there are more than 100 classes' END),
           'mae', p.of_numbers, 'mape', p.of_numbers, 'rmse', p.of_numbers,
           'r2', coalesce(p.of_numbers, CASE WHEN t.variance IS NULL THEN 'all actual values are the same'
                     WHEN t.variance <= 1e-100 THEN 'the actual values differ by too little' END)) ||
           (SELECT jsonb_object_agg(name, p.of_classes)
            FROM (SELECT 'classes' UNION ALL SELECT metric || '_' || average FROM unnest('{precision,recall,f1}'::text[]) metric,
                  unnest('{macro,micro,weighted}'::text[]) average) n (name))) AS reasons
FROM totals t CROSS JOIN volume v
CROSS JOIN (definition d CROSS JOIN problems p CROSS JOIN binary_totals b)
CROSS JOIN (scored s CROSS JOIN distances x CROSS JOIN multiclass m)
LEFT JOIN (averages a LEFT JOIN matrix x2 ON true) ON p.of_classes IS NULL
WHERE EXISTS (SELECT FROM versions);
