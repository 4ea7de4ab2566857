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
        (prediction_id, predicted_at, labeled_at, model_version_id, actual_value, prediction, probability,
         confidence_lower, confidence_upper, class_probabilities, actual_label, predicted_label, source)
    SELECT p.id, p.predicted_at, coalesce(%(labeled_at)s::timestamptz, clock_timestamp()), p.model_version_id,
           %(actual_value)s::double precision, p.prediction, p.probability,
           p.confidence_lower, p.confidence_upper, p.class_probabilities,
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
                      ARRAY[ledger_whole(actual_label, actual_value), ledger_whole(predicted_label, prediction)],
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

-- fragment metrics --
-- The numbers that outcomes give, from summaries or rows.
m.accuracy, m.balanced_accuracy, m.matthews_corrcoef, m.precision, m.recall, m.specificity, m.f1_score,
m.precision_macro, m.recall_macro, m.f1_macro, m.accuracy AS precision_micro, m.accuracy AS recall_micro, m.accuracy AS f1_micro,
m.precision_weighted, m.recall_weighted, m.f1_weighted, m.roc_auc, m.roc_auc_error, m.average_precision, m.average_precision_error,
m.lift, m.lift_error

-- fragment numbers --
-- The other numbers that outcomes give.
m.calibration_error, m.mae, m.mape, m.rmse, m.r2, m.interval_coverage

-- fragment measured --
-- What summed outcomes say.
ledger_metrics(w.outcomes, d.task, d.class_names, d.own_label, d.positive_label, d.is_declared, d.is_mixed, d.is_ambiguous,
               %(threshold)s::double precision, false, %(top_share)s::double precision) m
WHERE EXISTS (SELECT FROM model_versions v WHERE v.model_name = %(model_name)s::text
              AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text))

-- fragment summed --
-- The outcomes of a model in a window and what they say, from summaries.
ledger_summed_outcomes(%(model_name)s::text, %(model_version)s::text, b.since, b.until, b.slice, b.value, b.as_of) w
CROSS JOIN LATERAL ledger_definition(w.versions, %(positive_label)s::text) d
CROSS JOIN LATERAL {measured}

-- fragment pending --
-- Since when predictions or labels of a window wait to be folded.
(SELECT min(k.marked_at) FROM summary_marks k JOIN model_versions o ON o.id = k.model_version_id
 WHERE o.model_name = %(model_name)s::text AND (%(model_version)s::text IS NULL OR o.model_version = %(model_version)s::text)
   AND k.first_predicted_at < b.until AND k.last_predicted_at >= b.since) AS pending_since

-- fragment coverage --
-- Labels and predictions of a window.
w.num_predictions, m.labeled_samples, 100.0::double precision * m.labeled_samples / nullif(w.num_predictions, 0) AS coverage_pct

-- fragment uncovered --
-- Why there is no coverage.
jsonb_strip_nulls(jsonb_build_object('coverage_pct', CASE WHEN w.num_predictions = 0 THEN 'the window has no predictions' END))

-- fragment no_vectors --
-- Why summaries do not answer what is computed from the probabilities of more than two classes.
'summaries keep no class_probabilities: performance with the source rows reads them, where rows are still there'

-- fragment unanswered --
-- Why numbers of summaries are absent.
{uncovered} || m.reasons || CASE WHEN d.task = 'multiclass' AND m.no_task IS NULL
    THEN jsonb_build_object('log_loss', {no_vectors}, 'brier_score', {no_vectors}) ELSE '{}' END

-- performance_series --
-- How right a model was by bucket of time, from summaries; buckets begin at the window's start.
WITH w AS MATERIALIZED (
    SELECT s.* FROM ledger_outcome_series(%(model_name)s::text, %(model_version)s::text, %(since)s::timestamptz, %(until)s::timestamptz,
                                          %(bucket)s::interval) s
), d AS MATERIALIZED (
    -- Most buckets are of the same versions.
    SELECT v.versions, d.* FROM (SELECT DISTINCT versions FROM w) v
    CROSS JOIN LATERAL ledger_definition(v.versions, %(positive_label)s::text) d
)
SELECT b.since AS bucket, d.task, d.positive_label, {coverage}, {metrics}, m.log_loss, m.brier_score, {numbers},
       {pending}, {unanswered} AS reasons
FROM w
JOIN d ON d.versions = w.versions
CROSS JOIN LATERAL (SELECT w.starts_at AS since, w.ends_at AS until) b
CROSS JOIN LATERAL {measured}
ORDER BY b.since;

-- performance__state --
-- What of a window was labelled when it was folded, whether something waits, and which hours have lost their rows.
WITH h AS MATERIALIZED (
    SELECT s.*
    FROM (SELECT date_trunc('hour', %(since)s::timestamptz, 'UTC') AS since,
                 date_trunc('hour', %(until)s::timestamptz - interval '1 microsecond', 'UTC') + interval '1 hour' AS until) w
    CROSS JOIN ledger_spans(w.since, w.until, w.until - w.since) s
)
SELECT v.ids IS NOT NULL AS is_known, coalesce((SELECT sum(o.num_labeled) FROM summary_outcomes o
                 WHERE o.model_version_id = ANY (v.ids) AND o.grain = 'day' AND o.slice = 0
                   AND o.starts_at > %(since)s::timestamptz - interval '1 day' AND o.starts_at < %(until)s::timestamptz), 0)::bigint
           AS labeled_samples,
       (SELECT max(o.last_labeled_at) FROM h JOIN summary_outcomes o ON o.model_version_id = ANY (v.ids) AND o.slice = 0 AND o.grain = h.grain
                                                                    AND o.starts_at >= h.starts_from AND o.starts_at < h.starts_before)
           AS last_labeled_at,
       EXISTS (SELECT FROM v_version_tasks t WHERE t.model_version_id = ANY (v.ids) AND t.task = 'multiclass') AS is_multiclass,
       coalesce(%(positive_label)s::text = (SELECT d.own_label FROM ledger_definition(v.ids, NULL) d), %(positive_label)s::text IS NULL)
           AS is_own_label,
       EXISTS (SELECT FROM summary_marks m WHERE m.model_version_id = ANY (v.ids)
               AND m.first_predicted_at < %(until)s::timestamptz AND m.last_predicted_at >= %(since)s::timestamptz) AS is_pending,
       gone.first_hour, gone.last_hour,
       (SELECT m.slice_key FROM models m WHERE m.model_name = %(model_name)s::text) AS slice_key,
       CASE WHEN %(slice)s::text IS NOT NULL THEN ledger_is_sliced(v.ids, %(since)s::timestamptz, %(until)s::timestamptz) END AS is_sliced,
       NOT EXISTS (
           SELECT FROM summary_slices s WHERE s.model_version_id = ANY (v.ids)
           GROUP BY s.model_version_id HAVING count(*) = 50 AND NOT bool_or(s.value = %(slice)s::text)) AS is_own_slice
FROM (SELECT array_agg(id) AS ids FROM model_versions
      WHERE model_name = %(model_name)s::text
        AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)) v
CROSS JOIN LATERAL (
    SELECT min(h.starts_at) AS first_hour, max(h.starts_at) AS last_hour
    FROM (SELECT model_version_id, grain, starts_at, part FROM summaries
          UNION ALL SELECT model_version_id, grain, starts_at, part FROM summary_outcomes) h
    WHERE h.model_version_id = ANY (v.ids) AND h.grain = 'hour' AND h.part > 0
      AND h.starts_at > %(since)s::timestamptz - interval '1 hour' AND h.starts_at < %(until)s::timestamptz) gone;

-- fragment from_summaries --
-- How right a model was, as rows of Performance, for each of the windows and slices b.
SELECT %(model_name)s::text AS model_name, %(model_version)s::text AS model_version, b.slice_key, b.slice_kind, b.value AS slice,
       b.since, b.until, 'summaries' AS source, {pending},
       d.task, d.class_names, d.positive_label, {coverage},
       NULL::interval AS label_delay_p50, NULL::interval AS label_delay_p95, NULL::interval AS label_delay_max, {metrics},
       m.log_loss, m.brier_score, {numbers},
       NULL::double precision AS roc_auc_ovr, NULL::double precision AS roc_auc_ovo, NULL::double precision AS top_k_accuracy,
       m.calibration_curve, m.classes, m.confusion_matrix, m.standard_errors,
       (SELECT jsonb_object_agg(name, coalesce(m.no_task, CASE d.task WHEN 'binary' THEN 'only of more than two classes' ELSE {no_vectors} END))
        FROM unnest('{roc_auc_ovr,roc_auc_ovo,top_k_accuracy}'::text[]) name)
       || jsonb_build_object('label_delay', coalesce(m.no_task, 'the summaries keep no delays')) || {unanswered} AS reasons
FROM b CROSS JOIN LATERAL {summed}

-- performance__summed --
-- How right a model was about the predictions of a window, or those of a slice, from summaries; no row for an unknown model.
WITH b AS (
    SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until, 0::smallint AS slice, %(slice)s::text AS value,
           %(slice_key)s::text AS slice_key, CASE WHEN %(slice)s::text IS NOT NULL THEN 'value' END AS slice_kind,
           coalesce(%(as_of)s::timestamptz, 'infinity') AS as_of
)
{from_summaries};

-- performance_by_slice --
-- How right a model was about each slice of the predictions of a window, the largest first, from summaries.
WITH s AS (
    SELECT DISTINCT 'value' AS slice_kind, 0::smallint AS slice, s.value
    FROM summary_slices s JOIN model_versions v ON v.id = s.model_version_id
    WHERE v.model_name = %(model_name)s::text AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)
    UNION ALL
    VALUES ('other', 51::smallint, NULL), ('missing', -1::smallint, NULL)
), b AS (
    SELECT s.*, m.slice_key, %(since)s::timestamptz AS since, %(until)s::timestamptz AS until, 'infinity'::timestamptz AS as_of
    FROM s CROSS JOIN models m WHERE m.model_name = %(model_name)s::text
)
SELECT * FROM ({from_summaries}) found
WHERE num_predictions > 0 OR labeled_samples > 0
ORDER BY num_predictions DESC, slice_kind DESC, slice;

-- fragment labels_known --
-- A label of the window that is known at that time.
predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
AND labeled_at <= coalesce(%(as_of)s::timestamptz, 'infinity') AND model_version_id IN (SELECT id FROM versions)

-- fragment labels --
-- The predictions of the window with their labels.
versions AS MATERIALIZED (
    SELECT id FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
), volume AS (
    SELECT count(*) AS num_predictions FROM predictions
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND model_version_id IN (SELECT id FROM versions)
), labels AS NOT MATERIALIZED (
    SELECT * FROM ground_truth WHERE {labels_known}
)

-- fragment own_slice --
-- The predictions of a slice with their labels.
versions AS MATERIALIZED (
    SELECT id, array_position(feature_names, %(slice_key)s::text) AS place FROM model_versions
    WHERE model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text)
), members AS MATERIALIZED (
    SELECT p.id, p.predicted_at FROM predictions p JOIN versions v ON v.id = p.model_version_id
    WHERE p.predicted_at >= %(since)s::timestamptz AND p.predicted_at < %(until)s::timestamptz
      AND ledger_slice(%(slice_key)s::text, v.place, p.feature_values, p.inputs) = %(slice)s::text
), volume AS (
    SELECT count(*) AS num_predictions FROM members
), labels AS MATERIALIZED (
    SELECT * FROM ground_truth
    WHERE {labels_known} AND (prediction_id, predicted_at) IN (SELECT id, predicted_at FROM members)
)

-- fragment delayed --
-- How late labels came, and what the versions of their predictions predict.
firsts AS MATERIALIZED (
    SELECT model_version_id, min(labeled_at) - predicted_at AS delay FROM labels GROUP BY model_version_id, prediction_id, predicted_at
), delays AS (
    SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY delay) AS quantiles, max(delay) AS longest FROM firsts
), definition AS MATERIALIZED (
    SELECT d.* FROM ledger_definition(ARRAY(SELECT DISTINCT model_version_id FROM firsts), %(positive_label)s::text) d
)

-- fragment ranked --
-- What the probabilities of more than two classes are worth.
vectors AS MATERIALIZED (
    SELECT v.place, v.class_probabilities
    FROM (SELECT DISTINCT ON (prediction_id, predicted_at) l.class_probabilities,
                 array_position(d.class_names, ledger_class(l.actual_label, l.actual_value, d.zero_and_one)) AS place
          FROM labels l CROSS JOIN definition d WHERE d.task = 'multiclass'
          ORDER BY prediction_id, predicted_at, labeled_at DESC) v
    WHERE v.place IS NOT NULL AND v.class_probabilities IS NOT NULL
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

-- fragment from_rows --
-- How right a model was about the predictions of a window, or of a slice of it, whose truth is known.
{delayed}, {ranked}, w AS (
    SELECT num_predictions FROM volume
), m AS MATERIALIZED (
    SELECT m.*
    FROM definition d
    LEFT JOIN LATERAL ledger_outcomes(
        ARRAY(SELECT id FROM versions), %(since)s::timestamptz, %(until)s::timestamptz,
        coalesce(%(as_of)s::timestamptz, 'infinity'), d.task, d.class_names, d.positive_label, d.scored_label, d.zero_and_one,
        %(threshold)s::double precision, %(slice_key)s::text, %(slice)s::text) o ON true
    CROSS JOIN LATERAL ledger_metrics(o, d.task, d.class_names, d.positive_label, d.positive_label, d.is_declared, d.is_mixed, d.is_ambiguous,
                                      %(threshold)s::double precision, true, %(top_share)s::double precision) m
), r AS (
    SELECT coalesce(m.no_task, CASE
               WHEN d.task = 'binary' THEN 'only of more than two classes'
               WHEN m.num_strangers > 0 THEN 'a label is none of the class_names of the version'
               WHEN x.vectors = 0 THEN 'no labelled prediction has class_probabilities'
               WHEN NOT x.is_distribution
               THEN 'class_probabilities of a prediction do not add up to 1, or are not those of class_names' END) AS no_vectors,
           'all labels are of one class, or too many for a ranking' AS unranked
    FROM definition d CROSS JOIN m CROSS JOIN distances x
)
SELECT %(model_name)s::text AS model_name, %(model_version)s::text AS model_version, %(slice_key)s::text AS slice_key,
       CASE WHEN %(slice)s::text IS NOT NULL THEN 'value' END AS slice_kind, %(slice)s::text AS slice,
       %(since)s::timestamptz AS since, %(until)s::timestamptz AS until, 'rows' AS source, NULL::timestamptz AS pending_since, d.task, d.class_names, d.positive_label, {coverage},
       y.quantiles[1] AS label_delay_p50, y.quantiles[2] AS label_delay_p95, y.longest AS label_delay_max, {metrics},
       coalesce(m.log_loss, CASE WHEN r.no_vectors IS NULL THEN x.log_loss END) AS log_loss,
       coalesce(m.brier_score, CASE WHEN r.no_vectors IS NULL THEN x.brier_score END) AS brier_score,
       {numbers},
       CASE WHEN r.no_vectors IS NULL AND c.ranked = cardinality(d.class_names) THEN c.roc_auc_ovr END AS roc_auc_ovr,
       CASE WHEN r.no_vectors IS NULL THEN c.roc_auc_ovo END AS roc_auc_ovo,
       CASE WHEN r.no_vectors IS NULL THEN x.top_k_accuracy END AS top_k_accuracy,
       m.calibration_curve, m.classes, m.confusion_matrix, m.standard_errors,
       (m.reasons - CASE WHEN r.no_vectors IS NULL THEN '{log_loss,brier_score}'::text[] ELSE '{}' END)
       || {uncovered} || jsonb_strip_nulls(jsonb_build_object(
           'label_delay', CASE WHEN m.labeled_samples = 0 THEN m.no_task END,
           'roc_auc_ovr', coalesce(r.no_vectors, CASE WHEN c.ranked = 0 THEN r.unranked
                                                      WHEN c.ranked < cardinality(d.class_names) THEN 'not every class has a label' END),
           'roc_auc_ovo', coalesce(r.no_vectors, CASE WHEN c.roc_auc_ovo IS NULL THEN r.unranked END),
           'top_k_accuracy', r.no_vectors, 'log_loss', CASE WHEN d.task = 'multiclass' THEN r.no_vectors END,
           'brier_score', CASE WHEN d.task = 'multiclass' THEN r.no_vectors END)) AS reasons
FROM w CROSS JOIN delays y CROSS JOIN definition d CROSS JOIN m CROSS JOIN r CROSS JOIN distances x CROSS JOIN multiclass c
WHERE EXISTS (SELECT FROM versions)

-- performance --
-- How right a model was about the predictions of a window, from rows; no row for an unknown model.
WITH {labels}, {from_rows};

-- performance__of_slice --
-- How right a model was about a slice of the predictions of a window, from rows; no row for an unknown model.
WITH {own_slice}, {from_rows};
