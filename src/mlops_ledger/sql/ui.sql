-- Statements of the pages of contrib/ui.

-- read activity --
-- When a model began, and when it was heard of last.
SELECT least(min(v.created_at), (SELECT min(d.deployed_at) FROM v_deployments d WHERE d.model_name = %(model_name)s::text),
             (SELECT min(r.timestamp) FROM monitoring_metrics r WHERE r.model_name = %(model_name)s::text)) AS since,
       greatest(max(v.created_at), (SELECT max(d.deployed_at) FROM v_deployments d WHERE d.model_name = %(model_name)s::text),
                (SELECT max(r.timestamp) FROM monitoring_metrics r WHERE r.model_name = %(model_name)s::text),
                max(p.predicted_at)) AS until
FROM model_versions v
CROSS JOIN LATERAL (SELECT ledger_last_predicted_at(v.id, '-infinity', 'infinity') AS predicted_at) p
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

-- read gates --
-- A decision with the numbers of its versions, what became of it, and who approved it.
SELECT timestamp, model_name, action, trigger_reason, candidate_version, production_version, reasoning, labeled_samples,
       coverage_pct, decided_by, resolution, resolved_by_id, deployed_at, retired_at, deployed_by, approved_by, approved_at,
       drift_context, data_context, decision_details, gate_results, monitoring_run_id, deployment_id, action_id,
       resolves_id, decision_id
FROM v_decision_history
WHERE decision_id = %(id)s::uuid;

-- read folded --
-- From when until when the summaries of a version reach, in full hours; no row before anything was folded.
SELECT (SELECT min(s.starts_at) FROM summaries s WHERE s.model_version_id = %(model_version_id)s::uuid AND s.grain = 'day') AS since,
       max(h.starts_at) + interval '1 hour' AS until
FROM summaries h
WHERE h.model_version_id = %(model_version_id)s::uuid AND h.grain = 'hour'
HAVING count(*) > 0;

-- read drift --
-- Compare a window of full hours with a baseline, as far as it was folded.
SELECT *
FROM ledger_drift(%(model_version_id)s::uuid, %(baseline_id)s::uuid, %(since)s::timestamptz, %(until)s::timestamptz, NULL, NULL);

-- read counted --
-- The values of a feature in the bins of a baseline, by hour or day; of deleted rows in further parts.
SELECT h.starts_at, h.bins, h.counts, h.sums
FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 microsecond', ('1 ' || %(grain)s::text)::interval) t (starts_at)
-- One look into the index for each, not one along all features.
CROSS JOIN LATERAL (
    SELECT s.starts_at, s.bins, s.counts, s.sums FROM summary_histograms s
    WHERE s.model_version_id = %(model_version_id)s::uuid AND s.grain = %(grain)s::text AND s.starts_at = t.starts_at
      AND s.series = %(series)s::integer AND s.baseline_id = %(baseline_id)s::uuid OFFSET 0) h
WHERE ledger_require_bins(%(model_version_id)s::uuid, %(baseline_id)s::uuid, %(grain)s::text,
                          %(since)s::timestamptz, %(until)s::timestamptz)
ORDER BY h.starts_at
LIMIT 2000;

-- read quality --
-- The versions in production with what is wrong in the last days of their data; the next page is after the last id.
SELECT v.id, v.model_name, v.model_version, l.slots, w.until - %(length)s::interval AS since, w.until, p.num_predictions,
       p.num_errors, f.num_missing, f.num_values, f.is_hidden, o.num_labeled, o.num_strangers, m.pending_since, b.id AS baseline_id
FROM (SELECT d.model_version_id AS id, array_agg(d.slot ORDER BY d.slot) AS slots FROM v_deployments d
      WHERE d.retired_at IS NULL AND (%(model_name)s::text IS NULL OR d.model_name = %(model_name)s::text)
        AND (%(after)s::uuid IS NULL OR d.model_version_id > %(after)s::uuid)
      GROUP BY d.model_version_id ORDER BY d.model_version_id LIMIT %(limit)s::integer) l
JOIN model_versions v ON v.id = l.id
LEFT JOIN LATERAL (
    SELECT s.starts_at + interval '1 day' AS until FROM summaries s
    WHERE s.model_version_id = v.id AND s.grain = 'day' ORDER BY s.starts_at DESC LIMIT 1) w ON true
LEFT JOIN LATERAL (
    SELECT sum(s.num_predictions)::bigint AS num_predictions, sum(s.num_errors)::bigint AS num_errors FROM summaries s
    WHERE s.model_version_id = v.id AND s.grain = 'day' AND s.starts_at >= w.until - %(length)s::interval) p ON true
LEFT JOIN LATERAL (
    SELECT b.id FROM baselines b WHERE b.model_version_id = v.id ORDER BY b.id DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (
    SELECT sum(u.n) FILTER (WHERE u.bin = -1)::bigint AS num_missing, sum(u.n)::bigint AS num_values,
           NOT ledger_sees_bins(v.id, b.id, 'day', w.until - %(length)s::interval, w.until) AS is_hidden
    FROM summary_histograms h CROSS JOIN LATERAL unnest(h.bins, h.counts) u (bin, n)
    WHERE h.model_version_id = v.id AND h.grain = 'day' AND h.starts_at >= w.until - %(length)s::interval
      AND h.baseline_id = b.id AND h.series IN (
          SELECT e.series FROM baseline_features e
          WHERE e.baseline_id = b.id AND e.column_name IN ('feature_values', 'inputs'))) f ON true
LEFT JOIN LATERAL (
    SELECT sum(s.num_labeled)::bigint AS num_labeled, sum(s.num_strangers)::bigint AS num_strangers FROM summary_outcomes s
    WHERE s.model_version_id = v.id AND s.grain = 'day' AND s.slice = 0 AND s.starts_at >= w.until - %(length)s::interval) o ON true
LEFT JOIN LATERAL (
    SELECT min(s.marked_at) AS pending_since FROM summary_marks s WHERE s.model_version_id = v.id) m ON true
ORDER BY v.id;

-- read sizes --
-- The tables with their sizes, rows as last estimated, and the days that their partitions are for.
SELECT t.relname::text AS table_name, sum(l.bytes)::bigint AS bytes, sum(l.estimate) FILTER (WHERE l.relkind = 'r')::bigint AS rows,
       count(l.name) AS partitions, min(l.since) AS since, max(l.until) AS until
FROM pg_class t
-- The partitions are listed once for a table, not once for each of them.
CROSS JOIN LATERAL (
    SELECT c.relname, c.relkind, p.name, p.since, p.until, s.bytes, s.estimate
    FROM ledger_sizes(t.oid) s
    JOIN pg_class c ON c.oid = s.relation
    LEFT JOIN ledger_partitions(CASE t.relkind WHEN 'p' THEN t.relname END) p ON p.name = c.relname OFFSET 0) l
WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.oid NOT IN (SELECT e.objid FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'e')
  AND t.relnamespace = quote_ident(current_schema())::regnamespace
GROUP BY t.relname
ORDER BY bytes DESC, t.relname;

-- read migrations --
-- The migrations that were applied, newest first.
SELECT version, name, applied_at, applied_by, duration_ms FROM ledger_migrations ORDER BY version DESC LIMIT 200;
