-- Statements of the monitoring job.

-- in_production --
-- The versions in production at a time, by model.
SELECT d.model_name, v.model_version, v.id AS model_version_id,
       EXISTS (SELECT FROM baselines b WHERE b.model_version_id = v.id) AS has_baseline
FROM model_deployments d
JOIN model_slots s ON s.id = d.slot_id AND s.slot = 'production'
JOIN model_versions v ON v.id = d.model_version_id
WHERE d.deployed_at <= coalesce(%(at)s::timestamptz, now())
  AND (d.retired_at IS NULL OR d.retired_at > coalesce(%(at)s::timestamptz, now()))
  AND (%(model_name)s::text IS NULL OR d.model_name = %(model_name)s::text)
ORDER BY d.model_name;
