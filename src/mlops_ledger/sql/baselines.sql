-- Statements of BaselinesRepository.

-- version --
-- The version that a baseline is of.
SELECT id, feature_names, class_names FROM model_versions
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text;

-- register --
-- Begin a baseline. No row when the id is taken.
INSERT INTO baselines (id, model_name, model_version_id, num_rows, window_start, window_end, created_by)
VALUES (%(id)s::uuid, %(model_name)s::text, %(model_version_id)s::uuid, %(num_rows)s::bigint,
        %(window_start)s::timestamptz, %(window_end)s::timestamptz, coalesce(%(created_by)s::text, session_user))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- register__repeated --
-- The baseline that an earlier try with the same id registered, if it was of as many rows of that version.
SELECT id FROM baselines
WHERE id = %(id)s::uuid AND model_name = %(model_name)s::text AND model_version_id = %(model_version_id)s::uuid
  AND num_rows = %(num_rows)s::bigint AND window_start IS NOT DISTINCT FROM %(window_start)s::timestamptz
  AND window_end IS NOT DISTINCT FROM %(window_end)s::timestamptz;

-- add_feature --
-- Add the bins of a feature to it.
INSERT INTO baseline_features
    (baseline_id, series, feature, column_name, kind, edges, categories, num_categories, counts, sums, num_missing,
     mean, std, min, max)
VALUES
    (%(baseline_id)s::uuid, %(series)s::integer, %(feature)s::text, %(column_name)s::text, %(kind)s::text,
     %(edges)s::double precision[], %(categories)s::text[], %(num_categories)s::integer, %(counts)s::bigint[],
     %(sums)s::double precision[], %(num_missing)s::bigint, %(mean)s::double precision, %(std)s::double precision,
     %(min)s::double precision, %(max)s::double precision);

-- from_window__count --
-- Count the predictions of a window.
SELECT count(*) FROM predictions
WHERE model_version_id = %(model_version_id)s::uuid
  AND predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz;

-- from_window__rows --
-- One of so many predictions of a window, with what turned out to be true.
SELECT p.feature_values, p.inputs, p.probability, p.prediction, p.predicted_label, g.actual_label, g.actual_value
FROM predictions p
LEFT JOIN LATERAL (
    SELECT g.actual_label, g.actual_value FROM ground_truth g
    WHERE g.prediction_id = p.id AND g.predicted_at = p.predicted_at
    ORDER BY g.labeled_at DESC LIMIT 1) g ON true
WHERE p.model_version_id = %(model_version_id)s::uuid
  AND p.predicted_at >= %(since)s::timestamptz AND p.predicted_at < %(until)s::timestamptz
  AND mod(hashtext(p.id::text), %(one_in)s::integer) = 0
LIMIT 200000;

-- fragment baselines --
-- Baselines as they are shown.
SELECT b.id, b.model_name, v.model_version, b.model_version_id, b.num_rows,
       (SELECT count(*) FROM baseline_features f WHERE f.baseline_id = b.id) AS num_features,
       b.window_start, b.window_end, b.created_at, b.created_by
FROM baselines b
JOIN model_versions v ON v.id = b.model_version_id

-- read get --
-- One baseline.
{baselines}
WHERE b.id = %(id)s::uuid;

-- read latest --
-- The baseline that windows of a version are compared with.
{baselines}
WHERE v.model_name = %(model_name)s::text AND v.model_version = %(model_version)s::text
ORDER BY b.id DESC
LIMIT 1;

-- read list_baselines --
-- Baselines, newest first; the next page is before the last id of this one.
{baselines}
WHERE (%(model_name)s::text IS NULL OR b.model_name = %(model_name)s::text)
  AND (%(before)s::uuid IS NULL OR b.id < %(before)s::uuid)
ORDER BY b.id DESC
LIMIT %(limit)s::integer;

-- read list_features --
-- The bins of a baseline.
SELECT series, feature, column_name, kind, edges, categories, num_categories, counts, sums, num_missing, mean, std,
       min, max
FROM baseline_features WHERE baseline_id = %(id)s::uuid
ORDER BY series;
