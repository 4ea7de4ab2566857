-- Statements of GroundTruthRepository.

-- fragment label --
-- The columns of a label.
prediction_id, labeled_at, actual_label, actual_value, source, recorded_at

-- insert --
-- Record one label, whatever its case.
SELECT stored, waiting, duplicates FROM record_ground_truth(jsonb_build_array(jsonb_build_object(
    'prediction_id', %(prediction_id)s::uuid, 'request_id', %(request_id)s::text,
    'actual_label', %(actual_label)s::text, 'actual_value', %(actual_value)s::double precision,
    'labeled_at', %(labeled_at)s::timestamptz, 'source', %(source)s::text)));

-- insert__at_once --
-- Store a label of a prediction that is there. No row for all other cases.
WITH written AS (
    INSERT INTO ground_truth
        (prediction_id, predicted_at, labeled_at, model_version_id, actual_value, prediction, probability,
         actual_label, predicted_label, source)
    SELECT p.id, p.predicted_at, coalesce(%(labeled_at)s::timestamptz, clock_timestamp()), p.model_version_id,
           %(actual_value)s::double precision, p.prediction, p.probability, %(actual_label)s::text,
           p.predicted_label, %(source)s::text
    FROM predictions p
    WHERE p.id = %(prediction_id)s::uuid
      AND p.predicted_at >= %(predicted_from)s::timestamptz
      AND p.predicted_at < %(predicted_from)s::timestamptz + interval '1 millisecond'
      AND coalesce(%(labeled_at)s::timestamptz <= clock_timestamp() + interval '1 minute', true)
    ON CONFLICT DO NOTHING
    RETURNING prediction_id, model_version_id, predicted_at
), marked AS (
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT model_version_id, 'ground_truth', predicted_at, predicted_at FROM written
)
SELECT prediction_id FROM written;

-- insert_many__stage --
-- Make the temporary table that many labels are copied into.
SELECT ledger_label_stage();

-- insert_many__copy --
-- Copy the labels.
COPY pg_temp.ledger_labels
    (prediction_id, predicted_at, predicted_from, request_id, labeled_at, actual_label, actual_value, source)
FROM STDIN (FORMAT binary);

-- insert_many --
-- Record the copied labels.
SELECT stored, waiting, duplicates FROM ledger_store_labels(true);

-- match --
-- Store the labels that waited for predictions of a window.
SELECT match_ground_truth(coalesce(%(since)s::timestamptz, '-infinity'), coalesce(%(until)s::timestamptz, 'infinity'));

-- list_labels --
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

-- performance --
-- How right a model was about the predictions of a window whose truth is known; no row for an unknown model.
WITH versions AS MATERIALIZED (
    SELECT id FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
), volume AS (
    SELECT count(*) AS num_predictions FROM predictions
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND model_version_id IN (SELECT id FROM versions)
), labels AS (
    SELECT first_value(labeled_at) OVER w - predicted_at AS delay,
           lead(labeled_at) OVER w IS NULL AS is_newest,
           actual_label, predicted_label, probability,
           -- The class as a number, when there is no class as a text; a regressor has no probability.
           CASE WHEN actual_label IS NULL AND actual_value IN (0, 1) AND probability IS NOT NULL
                THEN actual_value = 1 END AS numeric_truth,
           CASE WHEN predicted_label IS NULL THEN
                CASE WHEN prediction IN (0, 1) THEN prediction = 1
                     ELSE probability >= %(threshold)s::double precision END
           END AS numeric_class,
           prediction IS NOT NULL AND actual_value IS NOT NULL AS is_measured,
           -- Beyond that the squares would overflow.
           CASE WHEN abs(prediction) <= 1e100 AND abs(actual_value) <= 1e100 THEN prediction END AS estimate,
           CASE WHEN abs(prediction) <= 1e100 AND abs(actual_value) <= 1e100 THEN actual_value END AS target
    FROM ground_truth
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND labeled_at <= coalesce(%(as_of)s::timestamptz, 'infinity')
      AND model_version_id IN (SELECT id FROM versions)
    WINDOW w AS (PARTITION BY prediction_id, predicted_at ORDER BY labeled_at)
), judged AS MATERIALIZED (
    SELECT delay, probability, is_measured, estimate, target, actual_label, predicted_label,
           coalesce(actual_label = %(positive_label)s::text, numeric_truth) AS truth,
           coalesce(predicted_label = %(positive_label)s::text, numeric_class) AS class,
           estimate - target AS error
    FROM labels WHERE is_newest
), totals AS (
    SELECT count(*) AS labeled_samples,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY delay) AS delays,
           max(delay) AS label_delay_max,
           count(*) FILTER (WHERE (actual_label = predicted_label) IS NOT NULL) AS compared,
           count(*) FILTER (WHERE actual_label = predicted_label) AS equal,
           count(*) FILTER (WHERE coalesce(actual_label = predicted_label, truth = class) IS NOT NULL) AS classified,
           count(*) FILTER (WHERE coalesce(actual_label = predicted_label, truth = class)) AS correct,
           count(*) FILTER (WHERE truth AND class) AS hits,
           count(*) FILTER (WHERE truth AND NOT class) AS misses,
           count(*) FILTER (WHERE NOT truth AND class) AS false_alarms,
           count(*) FILTER (WHERE truth IS NOT NULL AND class IS NOT NULL) AS binary_samples,
           count(actual_label) > 0 AND %(positive_label)s::text IS NULL AS is_positive_missing,
           coalesce(least(min(actual_label) FILTER (WHERE actual_label <> %(positive_label)s::text),
                          min(predicted_label) FILTER (WHERE predicted_label <> %(positive_label)s::text))
                    <> greatest(max(actual_label) FILTER (WHERE actual_label <> %(positive_label)s::text),
                                max(predicted_label) FILTER (WHERE predicted_label <> %(positive_label)s::text)),
                    false) AS is_multiclass,
           min(actual_label) <> max(actual_label) AND NOT coalesce(
               bool_or(%(positive_label)s::text IN (actual_label, predicted_label)), false) AS is_positive_unknown,
           count(*) FILTER (WHERE is_measured) AS measured,
           count(error) AS in_range,
           avg(abs(error)) AS mae,
           avg(CASE WHEN abs(error) > 1e-150 THEN error * error ELSE 0 END) FILTER (WHERE error IS NOT NULL) AS mse,
           CASE WHEN min(target) < max(target) THEN var_pop(target) END AS variance
    FROM judged
), scores AS (
    SELECT probability,
           count(*) FILTER (WHERE truth)::double precision AS positives,
           count(*) FILTER (WHERE NOT truth)::double precision AS negatives
    FROM judged WHERE truth IS NOT NULL AND probability IS NOT NULL
    GROUP BY probability
), ranks AS (
    SELECT probability, positives, negatives,
           sum(negatives) OVER (ORDER BY probability) - negatives / 2 AS outranked,
           -- A square or a quotient below what a double can hold would be an error.
           CASE WHEN probability > 1e-150 THEN probability * probability ELSE 0 END AS square,
           CASE WHEN probability > 1e-150 THEN (positives + negatives) * probability ELSE 0 END AS expected,
           -- Nothing is certain: as scikit-learn, by the distance between 1 and the next double.
           ln(greatest(probability, 2.220446049250313e-16)) AS log_hit,
           ln(greatest(1 - probability, 2.220446049250313e-16)) AS log_miss,
           least(floor(probability * 10), 9) AS bin
    FROM scores
), bins AS (
    SELECT sum(positives) AS positives,
           sum(negatives) AS negatives,
           sum(positives * outranked) AS outranked,
           sum(positives * (1 - probability) * (1 - probability) + negatives * square) AS squares,
           sum(positives * log_hit + negatives * log_miss) AS logs,
           abs(sum(expected - positives)) AS gap
    FROM ranks GROUP BY bin
), scored AS (
    SELECT coalesce(sum(positives), 0) AS positives,
           coalesce(sum(negatives), 0) AS negatives,
           sum(outranked) AS outranked, sum(squares) AS squares, sum(logs) AS logs, sum(gap) AS gap
    FROM bins
), reasons AS (
    SELECT CASE WHEN t.labeled_samples = 0 THEN 'no prediction of the window has a label' END AS unlabeled,
           CASE WHEN t.labeled_samples = 0 THEN 'no prediction of the window has a label'
                WHEN t.is_positive_missing THEN 'the labels are text: give positive_label'
                WHEN t.is_positive_unknown THEN 'positive_label is none of the labels of the window'
           END AS undecided
    FROM totals t
)
SELECT %(model_name)s::text AS model_name,
       %(model_version)s::text AS model_version,
       %(since)s::timestamptz AS since,
       %(until)s::timestamptz AS until,
       v.num_predictions,
       t.labeled_samples,
       100.0::double precision * t.labeled_samples / nullif(v.num_predictions, 0) AS coverage_pct,
       t.delays[1] AS label_delay_p50,
       t.delays[2] AS label_delay_p95,
       t.label_delay_max,
       CASE WHEN r.undecided IS NULL THEN t.correct::double precision / nullif(t.classified, 0)
            ELSE t.equal::double precision / nullif(t.compared, 0) END AS accuracy,
       CASE WHEN r.undecided IS NULL THEN t.hits::double precision / nullif(t.hits + t.false_alarms, 0) END AS precision,
       CASE WHEN r.undecided IS NULL THEN t.hits::double precision / nullif(t.hits + t.misses, 0) END AS recall,
       CASE WHEN r.undecided IS NULL
            THEN 2 * t.hits::double precision / nullif(2 * t.hits + t.misses + t.false_alarms, 0) END AS f1_score,
       CASE WHEN m.unranked IS NULL THEN s.outranked / nullif(s.positives * s.negatives, 0) END AS roc_auc,
       CASE WHEN m.unranked IS NULL THEN -s.logs / nullif(s.positives + s.negatives, 0) END AS log_loss,
       CASE WHEN m.unranked IS NULL THEN s.squares / nullif(s.positives + s.negatives, 0) END AS brier_score,
       CASE WHEN m.unranked IS NULL THEN s.gap / nullif(s.positives + s.negatives, 0) END AS calibration_error,
       CASE WHEN t.in_range = t.measured THEN t.mae END AS mae,
       CASE WHEN t.in_range = t.measured THEN sqrt(t.mse) END AS rmse,
       CASE WHEN t.in_range = t.measured THEN CASE WHEN t.variance > 1e-100 THEN 1 - t.mse / t.variance END END AS r2,
       jsonb_strip_nulls(jsonb_build_object(
           'coverage_pct', CASE WHEN v.num_predictions = 0 THEN 'the window has no predictions' END,
           'label_delay', r.unlabeled,
           'accuracy', CASE WHEN r.undecided IS NOT NULL AND t.compared = 0 THEN r.undecided
                WHEN t.classified = 0 THEN 'no labelled prediction has a class' END,
           'precision', coalesce(r.undecided,
                CASE WHEN t.binary_samples = 0 THEN 'no labelled prediction has a class'
                     WHEN t.hits + t.false_alarms = 0 THEN 'no prediction is positive' END),
           'recall', coalesce(r.undecided,
                CASE WHEN t.binary_samples = 0 THEN 'no labelled prediction has a class'
                     WHEN t.hits + t.misses = 0 THEN 'no label is positive' END),
           'f1_score', coalesce(r.undecided,
                CASE WHEN t.binary_samples = 0 THEN 'no labelled prediction has a class'
                     WHEN t.hits + t.misses + t.false_alarms = 0 THEN 'no prediction and no label is positive' END),
           'roc_auc', coalesce(m.unranked,
                CASE WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability'
                     WHEN s.positives * s.negatives = 0 THEN 'all labels are of one class' END),
           'log_loss', coalesce(m.unranked,
                CASE WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END),
           'brier_score', coalesce(m.unranked,
                CASE WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END),
           'calibration_error', coalesce(m.unranked,
                CASE WHEN s.positives + s.negatives = 0 THEN 'no labelled prediction has a probability' END),
           'mae', m.problem, 'rmse', m.problem,
           'r2', coalesce(m.problem,
                CASE WHEN t.variance IS NULL THEN 'all actual values are the same'
                     WHEN t.variance <= 1e-100 THEN 'the actual values differ by too little' END))) AS reasons
FROM totals t
CROSS JOIN volume v
CROSS JOIN scored s
CROSS JOIN reasons r
CROSS JOIN LATERAL (SELECT coalesce(r.unlabeled,
    CASE WHEN t.measured = 0 THEN 'no labelled prediction has a prediction and an actual_value'
         WHEN t.in_range < t.measured THEN 'a prediction or an actual_value lies beyond 1e100' END) AS problem,
    coalesce(r.undecided,
    CASE WHEN t.is_multiclass THEN 'of more than two classes probability is that of the predicted one' END) AS unranked) m
WHERE EXISTS (SELECT FROM versions);
