-- Statements of MonitoringMetricsRepository.

-- fragment run --
-- The columns of a run that its writer gives.
id, model_name, model_version_id, timestamp, lookback_hours, num_predictions,
positive_rate, probability_mean, probability_std, entropy, dataset_drift_detected,
feature_drift_ratio, num_drifted_features, num_features, drifted_features,
drift_summary_ref, drift_report_ref, coverage_pct, labeled_samples, metadata

-- fragment version_id --
-- The version that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(model_version)s::text, %(model_version_id)s::uuid)

-- fragment shown --
-- A run as it is shown.
{run}, created_at,
       (SELECT v.model_version FROM model_versions v WHERE v.id = model_version_id) AS model_version

-- insert --
-- Record a monitoring run. No row when the model has one for that window already.
INSERT INTO monitoring_metrics ({run})
VALUES
    (%(id)s::uuid, %(model_name)s::text, {version_id}, %(timestamp)s::timestamptz,
     %(lookback_hours)s::double precision, %(num_predictions)s::bigint,
     %(positive_rate)s::double precision, %(probability_mean)s::double precision,
     %(probability_std)s::double precision, %(entropy)s::double precision,
     %(dataset_drift_detected)s::boolean, %(feature_drift_ratio)s::double precision,
     %(num_drifted_features)s::integer, %(num_features)s::integer, %(drifted_features)s::text[],
     %(drift_summary_ref)s::text, %(drift_report_ref)s::text, %(coverage_pct)s::double precision,
     %(labeled_samples)s::bigint, coalesce(%(metadata)s::jsonb, '{}'))
ON CONFLICT DO NOTHING
RETURNING id;

-- insert__repeated --
-- The run an earlier try recorded, if it had the same content; what it left to the database may differ.
SELECT id FROM monitoring_metrics
WHERE model_name = %(model_name)s::text
  AND timestamp = %(timestamp)s::timestamptz AND lookback_hours = %(lookback_hours)s::double precision
  AND coalesce({version_id}, model_version_id) IS NOT DISTINCT FROM model_version_id
  AND num_predictions IS NOT DISTINCT FROM %(num_predictions)s::bigint
  AND positive_rate IS NOT DISTINCT FROM %(positive_rate)s::double precision
  AND probability_mean IS NOT DISTINCT FROM %(probability_mean)s::double precision
  AND probability_std IS NOT DISTINCT FROM %(probability_std)s::double precision
  AND entropy IS NOT DISTINCT FROM %(entropy)s::double precision
  AND dataset_drift_detected IS NOT DISTINCT FROM %(dataset_drift_detected)s::boolean
  AND coalesce(%(feature_drift_ratio)s::double precision, feature_drift_ratio) IS NOT DISTINCT FROM feature_drift_ratio
  AND num_drifted_features IS NOT DISTINCT FROM %(num_drifted_features)s::integer
  AND num_features IS NOT DISTINCT FROM %(num_features)s::integer
  AND drifted_features IS NOT DISTINCT FROM %(drifted_features)s::text[]
  AND drift_summary_ref IS NOT DISTINCT FROM %(drift_summary_ref)s::text
  AND drift_report_ref IS NOT DISTINCT FROM %(drift_report_ref)s::text
  AND coverage_pct IS NOT DISTINCT FROM %(coverage_pct)s::double precision
  AND labeled_samples IS NOT DISTINCT FROM %(labeled_samples)s::bigint
  AND metadata IS NOT DISTINCT FROM coalesce(%(metadata)s::jsonb, '{}');

-- read get --
-- One run.
SELECT {shown}
FROM monitoring_metrics WHERE id = %(id)s::uuid;

-- read list_runs --
-- Runs of a window of time, newest first; the next page is before the last id of this one.
SELECT {shown}
FROM monitoring_metrics
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s::timestamptz)
  AND (%(before)s::uuid IS NULL
       OR (timestamp, id) < (SELECT b.timestamp, b.id FROM monitoring_metrics b WHERE b.id = %(before)s::uuid))
ORDER BY timestamp DESC, id DESC
LIMIT %(limit)s::integer;

-- read drift_trend --
-- The drift of a model's runs by bucket of time, oldest first; buckets begin at the window's start.
SELECT date_bin(%(bucket)s::interval, timestamp, %(since)s::timestamptz) AS bucket,
       count(*) AS runs,
       count(*) FILTER (WHERE dataset_drift_detected) AS drifted_runs,
       avg(feature_drift_ratio) AS mean_feature_drift_ratio,
       max(feature_drift_ratio) AS max_feature_drift_ratio,
       avg(num_drifted_features)::double precision AS mean_num_drifted_features
FROM monitoring_metrics
WHERE model_name = %(model_name)s::text
  AND timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz
GROUP BY 1
ORDER BY 1
LIMIT 1000;

-- record_window__earlier --
-- The run that the window has already.
SELECT id FROM monitoring_metrics
WHERE model_name = %(model_name)s::text AND timestamp = %(until)s::timestamptz
  AND lookback_hours = %(lookback_hours)s::double precision;

-- record_window__version --
-- The version.
SELECT id FROM model_versions
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text;

-- record_window__measure --
-- The predictions of the window in numbers.
SELECT coalesce(s.num_predictions, 0) AS num_predictions, s.positive_rate, s.probability_mean, s.probability_std, s.entropy,
       least(l.labeled_samples, coalesce(s.num_predictions, 0)) AS labeled_samples,
       least(100.0::double precision * l.labeled_samples / nullif(s.num_predictions, 0), 100) AS coverage_pct
FROM (
    SELECT count(DISTINCT prediction_id) AS labeled_samples FROM ground_truth
    WHERE predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
      AND model_version_id = %(model_version_id)s::uuid AND labeled_at <= %(until)s::timestamptz) l
LEFT JOIN ledger_summary_series(
    ARRAY[%(model_version_id)s::uuid], %(since)s::timestamptz, %(until)s::timestamptz, %(until)s::timestamptz - %(since)s::timestamptz,
    %(positive_label)s::text, %(threshold)s::double precision) s ON true;
