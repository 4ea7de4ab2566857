-- Statements of DriftReportsRepository.

-- fragment report --
-- The columns of a report that its writer gives.
id, timestamp, model_name, model_version_id, lookback_hours, window_start, window_end, drift_detected,
drift_score, method, threshold, features, drifted_features, n_drifted_features, n_features, reference_size,
current_size, reference_start, reference_end, report_ref, summary_ref, monitoring_run_id, metadata

-- fragment shown --
-- A report as it is shown.
{report}, created_at,
       (SELECT v.model_version FROM model_versions v WHERE v.id = model_version_id) AS model_version

-- fragment version_id --
-- The version that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(model_version)s::text, %(model_version_id)s::uuid)

-- insert --
-- Record a drift report. No row when the version has one for that time, window, method and reference already.
INSERT INTO drift_reports ({report})
VALUES
    (%(id)s::uuid, %(timestamp)s::timestamptz, %(model_name)s::text, {version_id},
     %(lookback_hours)s::double precision, %(window_start)s::timestamptz, %(window_end)s::timestamptz,
     %(drift_detected)s::boolean, %(drift_score)s::double precision, %(method)s::text,
     %(threshold)s::double precision, coalesce(%(features)s::jsonb, '[]'), %(drifted_features)s::text[],
     %(n_drifted_features)s::integer, %(n_features)s::integer, %(reference_size)s::bigint, %(current_size)s::bigint,
     %(reference_start)s::timestamptz, %(reference_end)s::timestamptz, %(report_ref)s::text, %(summary_ref)s::text,
     %(monitoring_run_id)s::uuid, coalesce(%(metadata)s::jsonb, '{}'))
ON CONFLICT DO NOTHING
RETURNING id;

-- insert__repeated --
-- The report an earlier try recorded, if it had the same content; what it left to the database may differ.
SELECT id FROM drift_reports
WHERE model_name = %(model_name)s::text AND timestamp = %(timestamp)s::timestamptz
  AND coalesce({version_id}, model_version_id) IS NOT DISTINCT FROM model_version_id
  AND coalesce(%(lookback_hours)s::double precision, lookback_hours) IS NOT DISTINCT FROM lookback_hours
  AND coalesce(%(window_start)s::timestamptz, window_start) IS NOT DISTINCT FROM window_start
  AND coalesce(%(window_end)s::timestamptz, timestamp) IS NOT DISTINCT FROM window_end
  AND drift_detected IS NOT DISTINCT FROM %(drift_detected)s::boolean
  AND drift_score IS NOT DISTINCT FROM %(drift_score)s::double precision
  AND method IS NOT DISTINCT FROM %(method)s::text
  AND threshold IS NOT DISTINCT FROM %(threshold)s::double precision
  AND features IS NOT DISTINCT FROM coalesce(%(features)s::jsonb, '[]')
  AND coalesce(%(drifted_features)s::text[], drifted_features) IS NOT DISTINCT FROM drifted_features
  AND coalesce(%(n_drifted_features)s::integer, n_drifted_features) IS NOT DISTINCT FROM n_drifted_features
  AND coalesce(%(n_features)s::integer, n_features) IS NOT DISTINCT FROM n_features
  AND reference_size IS NOT DISTINCT FROM %(reference_size)s::bigint
  AND current_size IS NOT DISTINCT FROM %(current_size)s::bigint
  AND reference_start IS NOT DISTINCT FROM %(reference_start)s::timestamptz
  AND reference_end IS NOT DISTINCT FROM %(reference_end)s::timestamptz
  AND report_ref IS NOT DISTINCT FROM %(report_ref)s::text
  AND summary_ref IS NOT DISTINCT FROM %(summary_ref)s::text
  AND monitoring_run_id IS NOT DISTINCT FROM %(monitoring_run_id)s::uuid
  AND metadata IS NOT DISTINCT FROM coalesce(%(metadata)s::jsonb, '{}');

-- read get --
-- One report.
SELECT {shown}
FROM drift_reports WHERE id = %(id)s::uuid;

-- read list_reports --
-- Reports of a range of time, newest first; the next page is before the last id of this one.
SELECT {shown}
FROM drift_reports
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s::timestamptz)
  AND (%(before)s::uuid IS NULL
       OR (timestamp, id) < (SELECT b.timestamp, b.id FROM drift_reports b WHERE b.id = %(before)s::uuid))
ORDER BY timestamp DESC, id DESC
LIMIT %(limit)s::integer;

-- read feature_trend --
-- What the newest reports of a range of time say of a feature, oldest first.
SELECT report_id, timestamp, model_version_id, drifted, method, statistic, p_value, score, threshold, lookback_hours, reference
FROM (
    SELECT r.id AS report_id, r.timestamp, r.model_version_id, (f.result -> 'drifted')::boolean AS drifted,
           coalesce(f.result ->> 'method', r.method) AS method, ledger_metric(f.result, 'statistic') AS statistic,
           ledger_metric(f.result, 'p_value') AS p_value, ledger_metric(f.result, 'score') AS score,
           ledger_metric(f.result, 'threshold') AS threshold, r.lookback_hours, r.metadata ->> 'reference' AS reference
    FROM drift_reports r
    CROSS JOIN LATERAL jsonb_path_query_first(
        r.features, '$[*] ? (@.feature == $name)', jsonb_build_object('name', %(feature)s::text)) f (result)
    WHERE r.model_name = %(model_name)s::text
      AND r.timestamp >= %(since)s::timestamptz AND r.timestamp < %(until)s::timestamptz
      AND f.result IS NOT NULL
    ORDER BY r.timestamp DESC, r.id DESC
    LIMIT 1000) newest
ORDER BY timestamp, report_id;

-- measure__fold --
-- Fold what was written in the window and its reference.
SELECT ledger_fold_in_passing(%(model_version_id)s::uuid, %(folded_since)s::timestamptz, %(folded_until)s::timestamptz);

-- measure__drift --
-- Compare a window with a baseline, or with another window in the bins of the baseline.
SELECT *
FROM ledger_drift(%(model_version_id)s::uuid, %(baseline_id)s::uuid, %(since)s::timestamptz, %(until)s::timestamptz,
                  %(reference_since)s::timestamptz, %(reference_until)s::timestamptz);

-- run__version --
-- The version in production at a time, or now.
SELECT model_version FROM production_at(%(model_name)s::text, coalesce(%(at)s::timestamptz, now()));

-- run__earlier --
-- The report by that method and against that reference that the window has already.
SELECT id FROM drift_reports
WHERE model_version_id = %(model_version_id)s::uuid AND timestamp = %(until)s::timestamptz
  AND lookback_hours = %(lookback_hours)s::double precision AND method = lower(btrim(%(method)s::text) COLLATE "C")
  AND CASE WHEN %(reference_since)s::timestamptz IS NULL THEN metadata ->> 'reference' = 'baseline'
           ELSE metadata ->> 'reference' IN ('previous', 'window')
            AND reference_start = %(reference_since)s::timestamptz AND reference_end = %(reference_until)s::timestamptz END
ORDER BY id
LIMIT 1;
