-- The questions people ask, as views: they are a contract.

CREATE VIEW v_model_timeline WITH (security_invoker = true) AS
SELECT d.model_name,
       d.slot,
       d.model_version,
       d.deployed_at,
       d.retired_at,
       coalesce(d.retired_at, greatest(now(), d.deployed_at)) - d.deployed_at AS live_for,
       d.retired_at IS NULL AS is_live,
       d.deployed_by,
       d.reason,
       d.retired_by,
       d.retired_reason,
       d.restores_id IS NOT NULL AS is_rollback,
       r.action AS decision_action,
       r.trigger_reason,
       r.reasoning AS decision_reasoning,
       a.reviewed_by AS approved_by,
       a.reviewed_at AS approved_at,
       v.stage,
       v.algorithm,
       v.accuracy,
       v.f1_score,
       v.roc_auc,
       v.brier_score,
       v.rmse,
       v.r2,
       v.training_samples,
       v.mlflow_run_id,
       v.created_at,
       v.promoted_at,
       v.promoted_by,
       d.model_version_id,
       d.id AS deployment_id,
       d.decision_id,
       d.action_id
FROM v_deployments d
JOIN model_versions v ON v.id = d.model_version_id
LEFT JOIN retraining_decisions r ON r.id = d.decision_id
LEFT JOIN agent_actions a ON a.id = d.action_id;
COMMENT ON VIEW v_model_timeline IS
    'What held each slot of each model, when, who put it there, on which decision and whose approval: one row per deployment.';
COMMENT ON COLUMN v_model_timeline.model_name IS 'The model.';
COMMENT ON COLUMN v_model_timeline.slot IS 'The slot that was held: production, or another.';
COMMENT ON COLUMN v_model_timeline.model_version IS 'The version that held it.';
COMMENT ON COLUMN v_model_timeline.deployed_at IS 'Start of the interval, included.';
COMMENT ON COLUMN v_model_timeline.retired_at IS 'End of the interval, excluded; NULL while live.';
COMMENT ON COLUMN v_model_timeline.live_for IS 'How long the version was live, so far.';
COMMENT ON COLUMN v_model_timeline.is_live IS 'Whether the version holds the slot now.';
COMMENT ON COLUMN v_model_timeline.deployed_by IS 'Who put it there.';
COMMENT ON COLUMN v_model_timeline.reason IS 'Why it was put there.';
COMMENT ON COLUMN v_model_timeline.retired_by IS 'Who ended the interval.';
COMMENT ON COLUMN v_model_timeline.retired_reason IS 'Why it was ended, when it was retired without a successor.';
COMMENT ON COLUMN v_model_timeline.is_rollback IS 'Whether this interval brought an earlier version back.';
COMMENT ON COLUMN v_model_timeline.decision_action IS 'Action of the gate decision behind the promotion.';
COMMENT ON COLUMN v_model_timeline.trigger_reason IS 'What caused the retraining.';
COMMENT ON COLUMN v_model_timeline.decision_reasoning IS 'The decision in words.';
COMMENT ON COLUMN v_model_timeline.approved_by IS 'Who approved the promotion.';
COMMENT ON COLUMN v_model_timeline.approved_at IS 'When it was approved.';
COMMENT ON COLUMN v_model_timeline.stage IS 'Stage of the version now.';
COMMENT ON COLUMN v_model_timeline.algorithm IS 'What was trained.';
COMMENT ON COLUMN v_model_timeline.accuracy IS 'Accuracy at registration, 0 to 1.';
COMMENT ON COLUMN v_model_timeline.f1_score IS 'F1 at registration, 0 to 1.';
COMMENT ON COLUMN v_model_timeline.roc_auc IS 'Area under the ROC curve at registration, 0 to 1.';
COMMENT ON COLUMN v_model_timeline.brier_score IS 'Brier score at registration.';
COMMENT ON COLUMN v_model_timeline.rmse IS 'Root mean squared error at registration, in the unit of the target.';
COMMENT ON COLUMN v_model_timeline.r2 IS 'R² at registration.';
COMMENT ON COLUMN v_model_timeline.training_samples IS 'Number of rows the version was trained on.';
COMMENT ON COLUMN v_model_timeline.mlflow_run_id IS 'The MLflow run that trained it.';
COMMENT ON COLUMN v_model_timeline.created_at IS 'When the version was registered.';
COMMENT ON COLUMN v_model_timeline.promoted_at IS 'When the version last entered production.';
COMMENT ON COLUMN v_model_timeline.promoted_by IS 'Who last put it into production.';
COMMENT ON COLUMN v_model_timeline.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_model_timeline.deployment_id IS 'Id of the deployment.';
COMMENT ON COLUMN v_model_timeline.decision_id IS 'Id of the gate decision.';
COMMENT ON COLUMN v_model_timeline.action_id IS 'Id of the action that was approved.';

CREATE VIEW v_decision_history WITH (security_invoker = true) AS
SELECT r.timestamp,
       r.model_name,
       r.action,
       r.trigger_reason,
       c.model_version AS candidate_version,
       p.model_version AS production_version,
       g.gates,
       g.gates_passed,
       g.failed_gates,
       r.reasoning,
       c.accuracy AS candidate_accuracy,
       p.accuracy AS production_accuracy,
       c.f1_score AS candidate_f1_score,
       p.f1_score AS production_f1_score,
       c.roc_auc AS candidate_roc_auc,
       p.roc_auc AS production_roc_auc,
       c.brier_score AS candidate_brier_score,
       p.brier_score AS production_brier_score,
       c.rmse AS candidate_rmse,
       p.rmse AS production_rmse,
       r.labeled_samples,
       r.coverage_pct,
       r.decided_by,
       f.action AS resolution,
       f.id AS resolved_by_id,
       w.deployed_at,
       w.retired_at,
       w.deployed_by,
       a.status AS action_status,
       a.approved_by,
       a.approved_at,
       r.drift_context,
       r.data_context,
       r.decision_details,
       r.gate_results,
       r.candidate_version_id,
       r.production_version_id,
       r.monitoring_run_id,
       w.id AS deployment_id,
       a.id AS action_id,
       r.resolves_id,
       r.id AS decision_id
FROM retraining_decisions r
LEFT JOIN model_versions c ON c.id = r.candidate_version_id
LEFT JOIN model_versions p ON p.id = r.production_version_id
LEFT JOIN retraining_decisions f ON f.resolves_id = r.id
LEFT JOIN LATERAL (
    SELECT m.id, m.deployed_at, m.retired_at, m.deployed_by, m.action_id
    FROM model_deployments m
    WHERE m.decision_id = r.id
    ORDER BY m.deployed_at LIMIT 1) w ON true
LEFT JOIN LATERAL (
    SELECT q.id FROM agent_actions q WHERE q.decision_id = r.id ORDER BY q.requested_at DESC LIMIT 1) q ON true
LEFT JOIN LATERAL (
    SELECT u.id, ledger_action_status(u.status, u.expires_at) AS status,
           CASE WHEN u.status <> 'rejected' THEN u.reviewed_by END AS approved_by,
           CASE WHEN u.status <> 'rejected' THEN u.reviewed_at END AS approved_at
    FROM agent_actions u WHERE u.id = coalesce(w.action_id, q.id)) a ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS gates,
           count(*) FILTER (WHERE (gate ->> 'passed')::boolean) AS gates_passed,
           coalesce(array_agg(gate ->> 'gate') FILTER (WHERE NOT (gate ->> 'passed')::boolean), '{}') AS failed_gates
    FROM jsonb_array_elements(r.gate_results) gate) g;
COMMENT ON VIEW v_decision_history IS
    'Every gate decision with candidate and production version, their metrics, the gates that failed, the action that was asked for and the deployment that followed.';
COMMENT ON COLUMN v_decision_history.timestamp IS 'When the decision was taken.';
COMMENT ON COLUMN v_decision_history.model_name IS 'The model.';
COMMENT ON COLUMN v_decision_history.action IS 'promote, reject or pending.';
COMMENT ON COLUMN v_decision_history.trigger_reason IS 'What caused the retraining.';
COMMENT ON COLUMN v_decision_history.candidate_version IS 'The version that was judged.';
COMMENT ON COLUMN v_decision_history.production_version IS 'The version in production at that time.';
COMMENT ON COLUMN v_decision_history.gates IS 'Number of gates.';
COMMENT ON COLUMN v_decision_history.gates_passed IS 'Number of gates passed.';
COMMENT ON COLUMN v_decision_history.failed_gates IS 'Names of the gates that failed.';
COMMENT ON COLUMN v_decision_history.reasoning IS 'The reason in words.';
COMMENT ON COLUMN v_decision_history.candidate_accuracy IS 'Accuracy of the candidate.';
COMMENT ON COLUMN v_decision_history.production_accuracy IS 'Accuracy of the production version.';
COMMENT ON COLUMN v_decision_history.candidate_f1_score IS 'F1 of the candidate.';
COMMENT ON COLUMN v_decision_history.production_f1_score IS 'F1 of the production version.';
COMMENT ON COLUMN v_decision_history.candidate_roc_auc IS 'ROC AUC of the candidate.';
COMMENT ON COLUMN v_decision_history.production_roc_auc IS 'ROC AUC of the production version.';
COMMENT ON COLUMN v_decision_history.candidate_brier_score IS 'Brier score of the candidate.';
COMMENT ON COLUMN v_decision_history.production_brier_score IS 'Brier score of the production version.';
COMMENT ON COLUMN v_decision_history.candidate_rmse IS 'Root mean squared error of the candidate.';
COMMENT ON COLUMN v_decision_history.production_rmse IS 'Root mean squared error of the production version.';
COMMENT ON COLUMN v_decision_history.labeled_samples IS 'Number of labelled predictions the gates used.';
COMMENT ON COLUMN v_decision_history.coverage_pct IS 'Share of predictions with ground truth, in percent.';
COMMENT ON COLUMN v_decision_history.decided_by IS 'Who or what decided.';
COMMENT ON COLUMN v_decision_history.resolution IS 'For a pending decision: how it was resolved, or NULL while it is open.';
COMMENT ON COLUMN v_decision_history.resolved_by_id IS 'For a pending decision: the decision that resolved it.';
COMMENT ON COLUMN v_decision_history.deployed_at IS 'When the candidate went live on this decision.';
COMMENT ON COLUMN v_decision_history.retired_at IS 'When that deployment ended.';
COMMENT ON COLUMN v_decision_history.deployed_by IS 'Who put the candidate live.';
COMMENT ON COLUMN v_decision_history.action_status IS 'Status of that action: pending, approved, rejected, executed, failed or expired.';
COMMENT ON COLUMN v_decision_history.approved_by IS 'Who approved that action.';
COMMENT ON COLUMN v_decision_history.approved_at IS 'When it was approved.';
COMMENT ON COLUMN v_decision_history.drift_context IS 'The drift that led to it.';
COMMENT ON COLUMN v_decision_history.data_context IS 'The data behind it.';
COMMENT ON COLUMN v_decision_history.decision_details IS 'Anything else behind the decision.';
COMMENT ON COLUMN v_decision_history.gate_results IS 'Every gate with its value and threshold.';
COMMENT ON COLUMN v_decision_history.candidate_version_id IS 'Id of the candidate.';
COMMENT ON COLUMN v_decision_history.production_version_id IS 'Id of the production version.';
COMMENT ON COLUMN v_decision_history.monitoring_run_id IS 'Id of the monitoring run that triggered it.';
COMMENT ON COLUMN v_decision_history.deployment_id IS 'Id of the deployment that followed.';
COMMENT ON COLUMN v_decision_history.action_id IS 'Id of the action of that deployment, else of the last one that names the decision.';
COMMENT ON COLUMN v_decision_history.resolves_id IS 'Id of the pending decision that this one resolves.';
COMMENT ON COLUMN v_decision_history.decision_id IS 'Id of the decision.';

CREATE VIEW v_recent_monitoring WITH (security_invoker = true) AS
WITH models AS NOT MATERIALIZED (SELECT DISTINCT model_name FROM model_versions),
runs AS NOT MATERIALIZED (
    SELECT k.model_name, m.metric_type, m.metric_name, m.metric_value, m.previous_value, n.timestamp, n.lookback_hours,
           n.dataset_drift_detected, n.drifted_features, n.drift_summary_ref, n.drift_report_ref,
           b.timestamp AS previous_timestamp, NULL AS slice, n.model_version_id, n.id AS monitoring_run_id, NULL::uuid AS drift_report_id
    FROM models k
    CROSS JOIN LATERAL (
        SELECT * FROM monitoring_metrics r WHERE r.model_name = k.model_name
        ORDER BY r.timestamp DESC, r.lookback_hours LIMIT 1) n
    LEFT JOIN LATERAL (
        SELECT * FROM monitoring_metrics r
        WHERE r.model_name = n.model_name AND r.lookback_hours = n.lookback_hours AND r.timestamp < n.timestamp
        ORDER BY r.timestamp DESC LIMIT 1) b ON true
    CROSS JOIN LATERAL (VALUES
        ('volume', 'num_predictions', n.num_predictions::double precision, b.num_predictions::double precision),
        ('prediction', 'positive_rate', n.positive_rate, b.positive_rate),
        ('prediction', 'probability_mean', n.probability_mean, b.probability_mean),
        ('prediction', 'probability_std', n.probability_std, b.probability_std),
        ('prediction', 'entropy', n.entropy, b.entropy),
        ('drift', 'feature_drift_ratio', n.feature_drift_ratio, b.feature_drift_ratio),
        ('drift', 'num_drifted_features', n.num_drifted_features, b.num_drifted_features),
        ('label', 'coverage_pct', n.coverage_pct, b.coverage_pct),
        ('label', 'labeled_samples', n.labeled_samples, b.labeled_samples)
    ) m (metric_type, metric_name, metric_value, previous_value)
), reports AS NOT MATERIALIZED (
    SELECT k.model_name, 'drift_report', m.metric_name, m.metric_value, m.previous_value, n.timestamp, n.lookback_hours,
           n.drift_detected, n.drifted_features, n.summary_ref, n.report_ref,
           b.timestamp, NULL, n.model_version_id, n.monitoring_run_id, n.id
    FROM models k
    CROSS JOIN LATERAL (
        SELECT * FROM drift_reports r WHERE r.model_name = k.model_name
        ORDER BY r.timestamp DESC, r.id DESC LIMIT 1) n
    LEFT JOIN LATERAL (
        SELECT * FROM drift_reports r
        WHERE r.model_name = n.model_name AND r.timestamp < n.timestamp AND r.method IS NOT DISTINCT FROM n.method
          AND r.lookback_hours = n.lookback_hours
          AND r.metadata ->> 'reference' IS NOT DISTINCT FROM n.metadata ->> 'reference'
        ORDER BY r.timestamp DESC, r.id DESC LIMIT 1) b ON true
    CROSS JOIN LATERAL (VALUES
        ('drift_score', n.drift_score, b.drift_score),
        ('n_drifted_features', n.n_drifted_features::double precision, b.n_drifted_features::double precision)
    ) m (metric_name, metric_value, previous_value)
), metrics AS NOT MATERIALIZED (
    SELECT k.model_name, n.metric_type, n.metric_name, n.metric_value, b.metric_value, n.timestamp, NULL::double precision,
           NULL::boolean, NULL::text[], NULL, NULL,
           b.timestamp, n.slice, n.model_version_id, NULL::uuid, NULL::uuid
    FROM models k
    CROSS JOIN LATERAL production_at(k.model_name) d
    CROSS JOIN LATERAL latest_performance_metrics(d.model_version_id) n
    LEFT JOIN LATERAL (
        SELECT p.metric_value, p.timestamp FROM performance_metrics p
        WHERE p.model_version_id = n.model_version_id AND p.metric_name = n.metric_name AND p.stage = n.stage
          AND p.slice = n.slice AND (p.timestamp, p.id) < (n.timestamp, n.id)
        ORDER BY p.timestamp DESC, p.id DESC LIMIT 1) b ON true
    WHERE n.stage = 'production'
), open AS NOT MATERIALIZED (
    SELECT k.model_name, m.metric_type, m.metric_name, m.metric_value, NULL::double precision, now(), NULL::double precision,
           NULL::boolean, NULL::text[], NULL, NULL,
           NULL::timestamptz, NULL, d.model_version_id, NULL::uuid, NULL::uuid
    FROM models k
    LEFT JOIN LATERAL production_at(k.model_name) d ON true
    CROSS JOIN LATERAL (
        SELECT count(*), count(*) FILTER (WHERE severity = 'critical') AS critical
        FROM alerts a WHERE a.model_name = k.model_name AND a.status <> 'resolved') a
    CROSS JOIN LATERAL (
        SELECT count(*) FROM v_pending_actions p WHERE p.model_name = k.model_name AND p.requires_approval) p
    CROSS JOIN LATERAL (VALUES
        ('alert', 'open_alerts', a.count::double precision),
        ('alert', 'critical_alerts', a.critical),
        ('approval', 'pending_approvals', p.count)
    ) m (metric_type, metric_name, metric_value)
    WHERE m.metric_value > 0
)
SELECT s.model_name,
       v.model_version,
       s.metric_type,
       s.metric_name,
       s.metric_value,
       s.previous_value,
       s.metric_value - s.previous_value AS change,
       s.timestamp,
       s.lookback_hours,
       s.dataset_drift_detected,
       s.drifted_features,
       s.drift_summary_ref,
       s.drift_report_ref,
       s.previous_timestamp,
       s.slice,
       s.model_version_id,
       s.monitoring_run_id,
       s.drift_report_id
FROM (SELECT * FROM runs UNION ALL SELECT * FROM reports UNION ALL SELECT * FROM metrics UNION ALL SELECT * FROM open) s
LEFT JOIN model_versions v ON v.id = s.model_version_id
WHERE s.metric_value IS NOT NULL;
COMMENT ON VIEW v_recent_monitoring IS
    'The health of each model, one row per metric: its latest monitoring run, latest drift report and latest performance metrics, each with the change against the one before, its open alerts and its pending approvals (no row for none).';
COMMENT ON COLUMN v_recent_monitoring.model_name IS 'The model.';
COMMENT ON COLUMN v_recent_monitoring.model_version IS 'The version that was monitored; for alerts and approvals, the one in production.';
COMMENT ON COLUMN v_recent_monitoring.metric_type IS 'volume, prediction, drift or label (of the monitoring run), drift_report, alert, approval, or the type of a performance metric.';
COMMENT ON COLUMN v_recent_monitoring.metric_name IS 'Name of the metric: a column of monitoring_metrics or of drift_reports, a performance metric, open_alerts, critical_alerts or pending_approvals.';
COMMENT ON COLUMN v_recent_monitoring.metric_value IS 'Its latest value.';
COMMENT ON COLUMN v_recent_monitoring.previous_value IS 'Its value before: in a run of the same length, a report by the same method, or the same series.';
COMMENT ON COLUMN v_recent_monitoring.change IS 'Difference between the two.';
COMMENT ON COLUMN v_recent_monitoring.timestamp IS 'Time of the value, for a window its end; now for alerts and approvals.';
COMMENT ON COLUMN v_recent_monitoring.lookback_hours IS 'Length of the window in hours.';
COMMENT ON COLUMN v_recent_monitoring.dataset_drift_detected IS 'Whether the run, or the report, calls the window drifted.';
COMMENT ON COLUMN v_recent_monitoring.drifted_features IS 'Names of the features that drifted.';
COMMENT ON COLUMN v_recent_monitoring.drift_summary_ref IS 'Where its machine-readable drift summary is stored.';
COMMENT ON COLUMN v_recent_monitoring.drift_report_ref IS 'Where its drift report for people is stored.';
COMMENT ON COLUMN v_recent_monitoring.previous_timestamp IS 'Time of the value before.';
COMMENT ON COLUMN v_recent_monitoring.slice IS 'For performance metrics: the slice of the data; empty for all of them.';
COMMENT ON COLUMN v_recent_monitoring.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_recent_monitoring.monitoring_run_id IS 'Id of the latest run, or of the run that the report belongs to.';
COMMENT ON COLUMN v_recent_monitoring.drift_report_id IS 'Id of the latest report.';

CREATE VIEW v_lineage WITH (security_invoker = true) AS
SELECT v.model_name,
       v.dataset_version,
       v.dataset_digest,
       v.mlflow_run_id,
       v.model_version,
       v.created_at,
       d.slot,
       d.deployed_at,
       d.retired_at,
       d.deployed_by,
       r.action AS decision_action,
       r.decided_by,
       a.reviewed_by AS approved_by,
       p.num_predictions,
       p.first_predicted_at,
       p.last_predicted_at,
       m.monitoring_runs,
       m.drifted_runs,
       m.last_run_at,
       n.action AS next_decision_action,
       n.timestamp AS next_decision_at,
       v.id AS model_version_id,
       d.id AS deployment_id,
       d.decision_id,
       d.action_id,
       m.last_run_id AS monitoring_run_id,
       n.id AS next_decision_id
FROM model_versions v
LEFT JOIN v_deployments d ON d.model_version_id = v.id
LEFT JOIN retraining_decisions r ON r.id = d.decision_id
LEFT JOIN agent_actions a ON a.id = d.action_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.num_predictions), 0) AS num_predictions,
           min(b.first_predicted_at) AS first_predicted_at, max(b.last_predicted_at) AS last_predicted_at
    FROM prediction_batches b
    WHERE b.model_version_id = v.id
      -- A batch counts for the deployment in which it ended.
      AND (d.id IS NULL OR b.last_predicted_at >= d.deployed_at)
      AND (d.retired_at IS NULL OR b.last_predicted_at < d.retired_at)) p
CROSS JOIN LATERAL (
    SELECT count(*) AS monitoring_runs, count(*) FILTER (WHERE g.dataset_drift_detected) AS drifted_runs,
           max(g.timestamp) AS last_run_at, (array_agg(g.id ORDER BY g.timestamp DESC))[1] AS last_run_id
    FROM monitoring_metrics g
    WHERE g.model_version_id = v.id
      AND (d.id IS NULL OR g.timestamp >= d.deployed_at) AND (d.retired_at IS NULL OR g.timestamp < d.retired_at)) m
LEFT JOIN LATERAL (
    SELECT f.id, f.action, f.timestamp FROM retraining_decisions f
    WHERE f.production_version_id = v.id AND f.timestamp >= d.deployed_at
    ORDER BY f.timestamp LIMIT 1) n ON true;
COMMENT ON VIEW v_lineage IS
    'From the data to the decision: each version with the dataset it was trained on, each of its deployments with what allowed it, what it predicted in that time, how it was monitored and the next decision that was taken about its place. A version that was never deployed has one row without a deployment.';
COMMENT ON COLUMN v_lineage.model_name IS 'The model.';
COMMENT ON COLUMN v_lineage.dataset_version IS 'The dataset that the version was trained on.';
COMMENT ON COLUMN v_lineage.dataset_digest IS 'Digest of that dataset.';
COMMENT ON COLUMN v_lineage.mlflow_run_id IS 'The MLflow run that trained it.';
COMMENT ON COLUMN v_lineage.model_version IS 'The version.';
COMMENT ON COLUMN v_lineage.created_at IS 'When it was registered.';
COMMENT ON COLUMN v_lineage.slot IS 'The slot it held.';
COMMENT ON COLUMN v_lineage.deployed_at IS 'Start of the interval, included.';
COMMENT ON COLUMN v_lineage.retired_at IS 'End of the interval, excluded; NULL while live.';
COMMENT ON COLUMN v_lineage.deployed_by IS 'Who put it there.';
COMMENT ON COLUMN v_lineage.decision_action IS 'Action of the gate decision behind the promotion.';
COMMENT ON COLUMN v_lineage.decided_by IS 'Who or what decided.';
COMMENT ON COLUMN v_lineage.approved_by IS 'Who approved the promotion.';
COMMENT ON COLUMN v_lineage.num_predictions IS 'Predictions written in batches that ended in the interval.';
COMMENT ON COLUMN v_lineage.first_predicted_at IS 'Time of the earliest of them.';
COMMENT ON COLUMN v_lineage.last_predicted_at IS 'Time of the latest of them.';
COMMENT ON COLUMN v_lineage.monitoring_runs IS 'Monitoring runs of the version whose window ended in the interval.';
COMMENT ON COLUMN v_lineage.drifted_runs IS 'Those that found drift.';
COMMENT ON COLUMN v_lineage.last_run_at IS 'Time of the latest of them.';
COMMENT ON COLUMN v_lineage.next_decision_action IS 'What the next decision said while this version was in production.';
COMMENT ON COLUMN v_lineage.next_decision_at IS 'When that was.';
COMMENT ON COLUMN v_lineage.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_lineage.deployment_id IS 'Id of the deployment.';
COMMENT ON COLUMN v_lineage.decision_id IS 'Id of the decision behind the promotion.';
COMMENT ON COLUMN v_lineage.action_id IS 'Id of the action that was approved for it.';
COMMENT ON COLUMN v_lineage.monitoring_run_id IS 'Id of the latest monitoring run.';
COMMENT ON COLUMN v_lineage.next_decision_id IS 'Id of the next decision.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'VIEW', 'v_model_timeline'),
    ('reader', 'SELECT', 'VIEW', 'v_decision_history'),
    ('reader', 'SELECT', 'VIEW', 'v_recent_monitoring'),
    ('reader', 'SELECT', 'VIEW', 'v_lineage');
