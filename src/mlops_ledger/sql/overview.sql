-- Statements of Overview.

-- read models --
-- A row for each model: what is live, how much it predicts, and what is to be looked at.
SELECT n.model_name, d.model_version AS live_version, d.deployed_at AS live_since, v.versions, p.predictions_24h,
       a.open_alerts, m.timestamp AS last_monitoring, m.coverage_pct
FROM (SELECT model_name FROM models WHERE model_name > coalesce(%(after)s::text, '')
      ORDER BY model_name LIMIT %(limit)s::integer) n
LEFT JOIN v_deployments d ON d.model_name = n.model_name AND d.slot = 'production' AND d.retired_at IS NULL
CROSS JOIN LATERAL (SELECT count(*) AS versions FROM model_versions v WHERE v.model_name = n.model_name) v
CROSS JOIN LATERAL (
    -- A million is enough to be told; counting more would take seconds.
    SELECT count(*) AS predictions_24h
    FROM (SELECT 1 FROM model_versions v
          JOIN predictions p ON p.model_version_id = v.id
               AND p.predicted_at >= %(since)s::timestamptz AND p.predicted_at < %(until)s::timestamptz
          WHERE v.model_name = n.model_name
          LIMIT 1000000) counted) p
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alerts FROM alerts a WHERE a.model_name = n.model_name AND a.status <> 'resolved') a
LEFT JOIN LATERAL (
    SELECT r.timestamp, r.coverage_pct FROM monitoring_metrics r
    WHERE r.model_name = n.model_name ORDER BY r.timestamp DESC LIMIT 1) m ON true
ORDER BY n.model_name;
