-- Statements of Exporter.

-- fragment live --
-- The versions in any slot.
SELECT DISTINCT d.model_version_id, d.model_name, d.model_version FROM v_deployments d WHERE d.retired_at IS NULL

-- probe --
-- Whether the database answers, and as the ledger.
SELECT max(version) AS version FROM ledger_migrations;

-- deployments --
-- What each slot holds, and since when.
SELECT d.model_name AS model, d.slot, d.model_version AS version,
       extract(epoch FROM d.deployed_at)::double precision AS deployed, count(*) OVER () AS total
FROM v_deployments d
WHERE d.retired_at IS NULL
ORDER BY d.model_name, d.slot
LIMIT %(limit)s::integer;

-- alerts --
-- How many alerts are open, by model and severity.
SELECT coalesce(a.model_name, '') AS model, a.severity, count(*) AS alerts, count(*) OVER () AS total
FROM v_open_alerts a
GROUP BY a.model_name, a.severity
ORDER BY a.model_name NULLS FIRST, a.severity
LIMIT %(limit)s::integer;

-- actions --
-- How many actions wait, by risk.
SELECT a.risk_level, count(*) AS actions, count(*) OVER () AS total
FROM v_pending_actions a
GROUP BY a.risk_level
ORDER BY a.risk_level
LIMIT %(limit)s::integer;

-- monitors --
-- What the monitors found when they were evaluated last.
SELECT coalesce(m.model_name, '') AS model, m.name AS monitor, m.state, m.value,
       extract(epoch FROM m.evaluated_at)::double precision AS evaluated, count(*) OVER () AS total
FROM v_monitors m
WHERE m.removed_at IS NULL AND m.enabled AND m.state IS NOT NULL
ORDER BY m.model_name NULLS FIRST, m.name
LIMIT %(limit)s::integer;

-- model_metrics --
-- The newest value of every performance metric of the versions in any slot.
SELECT l.model_name AS model, l.model_version AS version, p.metric_type AS type, p.metric_name AS metric,
       p.stage, p.slice, p.metric_value, count(*) OVER () AS total
FROM ({live}) l
CROSS JOIN LATERAL latest_performance_metrics(l.model_version_id) p
-- The values over all data first: slices are what there may be many of.
ORDER BY p.slice <> '', l.model_name, l.model_version, p.metric_name, p.stage, p.slice
LIMIT %(limit)s::integer;

-- predictions --
-- Predictions of each version as they were folded, those that retention has deleted since included.
SELECT v.model_name AS model, v.model_version AS version, s.predictions, s.errors, s.cache_hits,
       s.latencies, s.latency_seconds, count(*) OVER () AS total
FROM (SELECT d.model_version_id, sum(d.num_predictions)::bigint AS predictions, sum(d.num_errors)::bigint AS errors,
             sum(d.num_cache_hits)::bigint AS cache_hits, sum(d.num_latencies)::bigint AS latencies,
             sum(d.latency_sum) / 1000 AS latency_seconds
      FROM summaries d WHERE d.grain = 'day' GROUP BY d.model_version_id) s
JOIN model_versions v ON v.id = s.model_version_id
LEFT JOIN ({live}) l ON l.model_version_id = v.id
ORDER BY l.model_version_id IS NULL, v.created_at DESC, v.id
LIMIT %(limit)s::integer;

-- unfolded --
-- For how long the oldest write has waited to be counted.
SELECT coalesce(extract(epoch FROM max(clock_timestamp() - m.marked_at)), 0)::double precision AS seconds
FROM model_versions v
CROSS JOIN LATERAL (
    SELECT w.marked_at FROM summary_marks w WHERE w.model_version_id = v.id ORDER BY w.mark LIMIT 1) m;

-- last_predictions --
-- When each version in a slot predicted last.
SELECT l.model_name AS model, l.model_version AS version,
       extract(epoch FROM p.predicted_at)::double precision AS predicted, count(*) OVER () AS total
FROM ({live}) l
CROSS JOIN LATERAL (SELECT ledger_last_predicted_at(l.model_version_id, '-infinity', 'infinity') AS predicted_at OFFSET 0) p
WHERE p.predicted_at IS NOT NULL
ORDER BY l.model_name, l.model_version
LIMIT %(limit)s::integer;

-- labels_waiting --
-- How many labels wait for their predictions, at most a million.
SELECT count(*) AS labels FROM (SELECT FROM ground_truth_waiting LIMIT 1000000) w;

-- may_read_audit_log --
-- Whether this role may read the audit log.
SELECT has_table_privilege('audit_log', 'SELECT') AS allowed;

-- audit_entries --
-- How many entries the audit log has: their numbers have no gap.
SELECT coalesce(max(a.seq), 0) AS entries FROM audit_log a;

-- database_size --
-- The size of the whole database.
SELECT pg_database_size(current_database()) AS bytes;

-- partitions --
-- For how long the partitions of each table reach ahead; a table that was never written has none to end.
SELECT t.table_name AS "table", greatest(extract(epoch FROM max(p.until) - now()), 0)::double precision AS seconds
FROM partition_policies t
CROSS JOIN LATERAL ledger_partitions(t.table_name) p
GROUP BY t.table_name
ORDER BY t.table_name;

-- system_metrics --
-- The newest value of every metric that hosts have reported in the last quarter of an hour.
SELECT n.*, count(*) OVER () AS total
FROM (SELECT DISTINCT ON (s.host, s.metric_name, s.attributes)
             s.host, s.metric_name AS metric, coalesce(s.unit, '') AS unit, s.attributes::text AS attributes,
             s.metric_value
      FROM system_metrics s
      WHERE s.timestamp > now() - interval '15 minutes'
      ORDER BY s.host, s.metric_name, s.attributes, s.timestamp DESC, s.id DESC) n
ORDER BY n.host, n.metric, n.attributes
LIMIT %(limit)s::integer;
