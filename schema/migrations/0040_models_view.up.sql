-- One row for each model: what is live, and what needs attention. It never counts predictions.

CREATE VIEW v_models WITH (security_invoker = true) AS
SELECT n.model_name,
       d.model_version AS live_version,
       d.deployed_at AS live_since,
       v.versions,
       v.last_prediction,
       v.predictions_24h,
       r.timestamp AS last_monitoring,
       m.worst_monitor,
       a.open_alerts,
       a.worst_alert,
       coalesce(p.pending_approvals, 0) AS pending_approvals,
       r.coverage_pct
FROM models n
LEFT JOIN v_deployments d ON d.model_name = n.model_name AND d.slot = 'production' AND d.retired_at IS NULL
CROSS JOIN LATERAL (
    SELECT count(*) AS versions, max(p.predicted_at) AS last_prediction,
           CASE WHEN bool_or(k.waits) IS NOT TRUE THEN coalesce(sum(s.num_predictions), 0)::bigint END AS predictions_24h
    FROM model_versions v
    CROSS JOIN LATERAL (
        SELECT sum(s.num_predictions) AS num_predictions FROM summaries s
        WHERE s.model_version_id = v.id AND s.grain = 'hour'
          AND s.starts_at >= date_trunc('hour', now(), 'UTC') - interval '24 hours'
          AND s.starts_at < date_trunc('hour', now(), 'UTC')) s
    CROSS JOIN LATERAL (
        SELECT max(l.starts_at) AS starts_at
        FROM (VALUES ('hour'), ('day')) g (grain)
        CROSS JOIN LATERAL (
            SELECT h.starts_at FROM summaries h WHERE h.model_version_id = v.id AND h.grain = g.grain
            ORDER BY h.starts_at DESC LIMIT 1) l) h
    -- Not all marks are looked through where nothing is ever folded.
    CROSS JOIN LATERAL (
        SELECT min(m.first_predicted_at) AS first, max(m.last_predicted_at) AS last, count(*) = 1000 AS is_cut,
               count(*) = 1000 OR bool_or(
                   m.last_predicted_at >= date_trunc('hour', now(), 'UTC') - interval '24 hours'
                   AND m.first_predicted_at < date_trunc('hour', now(), 'UTC')) AS waits
        FROM (SELECT m.first_predicted_at, m.last_predicted_at FROM summary_marks m
              WHERE m.model_version_id = v.id AND m.table_name = 'predictions' LIMIT 1000) m) k
    -- The last one lies in the last day that was summed up, or in what waits for it: in few partitions.
    CROSS JOIN LATERAL (
        SELECT ledger_last_predicted_at(
            v.id, coalesce(h.starts_at, k.first),
            CASE WHEN k.is_cut THEN 'infinity'
                 ELSE greatest(h.starts_at + interval '1 day', k.last + interval '1 microsecond') END) AS predicted_at OFFSET 0) p
    WHERE v.model_name = n.model_name) v
LEFT JOIN LATERAL (
    SELECT r.timestamp, r.coverage_pct FROM monitoring_metrics r
    WHERE r.model_name = n.model_name ORDER BY r.timestamp DESC, r.lookback_hours LIMIT 1) r ON true
CROSS JOIN LATERAL (
    SELECT (ARRAY['critical', 'warning', 'no_data', 'ok'])[
               min(array_position(ARRAY['critical', 'warning', 'no_data', 'ok'], coalesce(s.severity, s.state)))] AS worst_monitor
    FROM monitors o JOIN monitor_states s ON s.monitor_id = o.id
    WHERE o.model_name = n.model_name AND o.enabled AND o.removed_at IS NULL) m
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alerts,
           (ARRAY['critical', 'warning', 'info'])[
               min(array_position(ARRAY['critical', 'warning', 'info'], a.severity))] AS worst_alert
    FROM alerts a WHERE a.model_name = n.model_name AND a.status <> 'resolved') a
LEFT JOIN (
    SELECT p.model_name, count(*) AS pending_approvals FROM v_pending_actions p
    WHERE p.requires_approval AND p.model_name IS NOT NULL GROUP BY p.model_name) p ON p.model_name = n.model_name;
COMMENT ON VIEW v_models IS
    'The models: what is live, when each was last heard of, and what needs attention. Its cost does not grow with the predictions.';
COMMENT ON COLUMN v_models.model_name IS 'The model.';
COMMENT ON COLUMN v_models.live_version IS 'The version in production; NULL when there is none.';
COMMENT ON COLUMN v_models.live_since IS 'Since when it is.';
COMMENT ON COLUMN v_models.versions IS 'Number of its versions.';
COMMENT ON COLUMN v_models.last_prediction IS 'Time of the latest prediction of any of its versions, of those that are kept.';
COMMENT ON COLUMN v_models.predictions_24h IS
    'Number of predictions in the last 24 whole hours of UTC, from the summaries; NULL while some of them wait to be folded.';
COMMENT ON COLUMN v_models.last_monitoring IS 'Time of the latest monitoring run.';
COMMENT ON COLUMN v_models.worst_monitor IS
    'How bad the worst of its enabled monitors was when last evaluated: critical, warning, no_data or ok; NULL when none was.';
COMMENT ON COLUMN v_models.open_alerts IS 'Number of alerts that are not resolved.';
COMMENT ON COLUMN v_models.worst_alert IS 'The worst severity among them: critical, warning or info.';
COMMENT ON COLUMN v_models.pending_approvals IS 'Number of actions that wait for a reviewer.';
COMMENT ON COLUMN v_models.coverage_pct IS 'Label coverage of the latest monitoring run, in percent.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'VIEW', 'v_models');
