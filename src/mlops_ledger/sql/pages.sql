-- Statements of Pages.

-- read activity --
-- When a model began, and when it was heard of last.
SELECT least(min(v.created_at), (SELECT min(d.deployed_at) FROM v_deployments d WHERE d.model_name = %(model_name)s::text),
             (SELECT min(r.timestamp) FROM monitoring_metrics r WHERE r.model_name = %(model_name)s::text)) AS since,
       greatest(max(v.created_at), (SELECT max(d.deployed_at) FROM v_deployments d WHERE d.model_name = %(model_name)s::text),
                (SELECT max(r.timestamp) FROM monitoring_metrics r WHERE r.model_name = %(model_name)s::text),
                max(p.predicted_at)) AS until
FROM model_versions v
LEFT JOIN LATERAL (
    SELECT q.predicted_at FROM predictions q WHERE q.model_version_id = v.id ORDER BY q.predicted_at DESC LIMIT 1) p ON true
WHERE v.model_name = %(model_name)s::text
HAVING count(*) > 0;

-- read volume --
-- The predictions of a model by bucket of days, as far as they were folded.
SELECT date_bin(%(bucket)s::interval, s.starts_at, %(since)s::timestamptz) AS bucket,
       sum(s.num_predictions)::bigint AS num_predictions, sum(s.num_errors)::bigint AS num_errors,
       (sum(s.latency_sum) / nullif(sum(s.num_latencies), 0))::double precision AS latency_mean
FROM model_versions v
JOIN summaries s ON s.model_version_id = v.id AND s.grain = 'day'
     AND s.starts_at >= %(since)s::timestamptz AND s.starts_at < %(until)s::timestamptz
WHERE v.model_name = %(model_name)s::text
GROUP BY 1
ORDER BY 1
LIMIT 1000;

-- read prediction --
-- One prediction as every reader may see it, at the time in its id, or within the same millisecond.
SELECT p.id, p.predicted_at, v.model_name, v.model_version, p.status, p.prediction, p.predicted_label, p.probability,
       p.class_probabilities, p.confidence_lower, p.confidence_upper, p.latency_ms, p.request_id, p.batch_id,
       p.error_message, p.cache_hit, p.model_version_id
FROM predictions p
LEFT JOIN model_versions v ON v.id = p.model_version_id
WHERE p.id = %(id)s::uuid AND p.predicted_at >= %(predicted_from)s::timestamptz
  AND p.predicted_at < %(predicted_from)s::timestamptz + interval '1 millisecond'
LIMIT 1;

-- read gates --
-- A decision with the numbers of its versions, what became of it, and who approved it.
SELECT timestamp, model_name, action, trigger_reason, candidate_version, production_version, reasoning, labeled_samples,
       coverage_pct, decided_by, resolution, resolved_by_id, deployed_at, retired_at, deployed_by, approved_by, approved_at,
       drift_context, data_context, decision_details, gate_results, monitoring_run_id, deployment_id, action_id,
       resolves_id, decision_id
FROM v_decision_history
WHERE decision_id = %(id)s::uuid;
