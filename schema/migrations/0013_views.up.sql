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
       w.approved_by,
       w.approved_at,
       r.drift_context,
       r.data_context,
       r.decision_details,
       r.gate_results,
       r.candidate_version_id,
       r.production_version_id,
       r.monitoring_run_id,
       w.id AS deployment_id,
       w.action_id,
       r.resolves_id,
       r.id AS decision_id
FROM retraining_decisions r
LEFT JOIN model_versions c ON c.id = r.candidate_version_id
LEFT JOIN model_versions p ON p.id = r.production_version_id
LEFT JOIN retraining_decisions f ON f.resolves_id = r.id
LEFT JOIN LATERAL (
    SELECT m.id, m.deployed_at, m.retired_at, m.deployed_by, m.action_id,
           a.reviewed_by AS approved_by, a.reviewed_at AS approved_at
    FROM model_deployments m LEFT JOIN agent_actions a ON a.id = m.action_id
    WHERE m.decision_id = r.id
    ORDER BY m.deployed_at LIMIT 1) w ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS gates,
           count(*) FILTER (WHERE (gate ->> 'passed')::boolean) AS gates_passed,
           coalesce(array_agg(gate ->> 'gate') FILTER (WHERE NOT (gate ->> 'passed')::boolean), '{}') AS failed_gates
    FROM jsonb_array_elements(r.gate_results) gate) g;
COMMENT ON VIEW v_decision_history IS
    'Every gate decision with candidate and production version, their metrics, the gates that failed, and the deployment that followed with its approval.';
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
COMMENT ON COLUMN v_decision_history.resolution IS 'For a pending decision: how it was settled, or NULL while it is open.';
COMMENT ON COLUMN v_decision_history.resolved_by_id IS 'For a pending decision: the decision that settled it.';
COMMENT ON COLUMN v_decision_history.deployed_at IS 'When the candidate went live on this decision.';
COMMENT ON COLUMN v_decision_history.retired_at IS 'When that deployment ended.';
COMMENT ON COLUMN v_decision_history.deployed_by IS 'Who put the candidate live.';
COMMENT ON COLUMN v_decision_history.approved_by IS 'Who approved that deployment.';
COMMENT ON COLUMN v_decision_history.approved_at IS 'When it was approved.';
COMMENT ON COLUMN v_decision_history.drift_context IS 'The drift that led to it.';
COMMENT ON COLUMN v_decision_history.data_context IS 'The data behind it.';
COMMENT ON COLUMN v_decision_history.decision_details IS 'Anything else behind the decision.';
COMMENT ON COLUMN v_decision_history.gate_results IS 'Every gate with its value and threshold.';
COMMENT ON COLUMN v_decision_history.candidate_version_id IS 'Id of the candidate.';
COMMENT ON COLUMN v_decision_history.production_version_id IS 'Id of the production version.';
COMMENT ON COLUMN v_decision_history.monitoring_run_id IS 'Id of the monitoring run that triggered it.';
COMMENT ON COLUMN v_decision_history.deployment_id IS 'Id of the deployment that followed.';
COMMENT ON COLUMN v_decision_history.action_id IS 'Id of the action that was approved for that deployment.';
COMMENT ON COLUMN v_decision_history.resolves_id IS 'Id of the pending decision that this one settles.';
COMMENT ON COLUMN v_decision_history.decision_id IS 'Id of the decision.';

CREATE VIEW v_pending_actions WITH (security_invoker = true) AS
SELECT a.requested_at,
       greatest(now(), a.requested_at) - a.requested_at AS waiting_for,
       a.expires_at,
       a.action_type,
       a.risk_level,
       a.requires_approval,
       a.model_name,
       v.model_version,
       a.requested_by,
       a.description,
       a.parameters,
       a.issue_id,
       a.issue_type,
       a.issue_severity,
       a.model_version_id,
       a.id AS action_id
FROM agent_actions a
LEFT JOIN model_versions v ON v.id = a.model_version_id
WHERE a.status = 'pending' AND ledger_action_status(a.status, a.expires_at) = 'pending';
COMMENT ON VIEW v_pending_actions IS
    'The actions that nobody has reviewed or executed yet and that have not expired; those with requires_approval wait for a reviewer.';
COMMENT ON COLUMN v_pending_actions.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN v_pending_actions.waiting_for IS 'How long ago that was.';
COMMENT ON COLUMN v_pending_actions.expires_at IS 'From when on it can be neither approved nor executed; NULL for never.';
COMMENT ON COLUMN v_pending_actions.action_type IS 'What is to be done: promote, retrain or another word.';
COMMENT ON COLUMN v_pending_actions.risk_level IS 'low, medium, high or critical.';
COMMENT ON COLUMN v_pending_actions.requires_approval IS 'Whether it waits for a reviewer.';
COMMENT ON COLUMN v_pending_actions.model_name IS 'The model it is about.';
COMMENT ON COLUMN v_pending_actions.model_version IS 'The version it is about.';
COMMENT ON COLUMN v_pending_actions.requested_by IS 'Who asks for it, and may not review it.';
COMMENT ON COLUMN v_pending_actions.description IS 'What is to be done, in words.';
COMMENT ON COLUMN v_pending_actions.parameters IS 'What it is to be done with.';
COMMENT ON COLUMN v_pending_actions.issue_id IS 'The issue it is to solve.';
COMMENT ON COLUMN v_pending_actions.issue_type IS 'The kind of that issue.';
COMMENT ON COLUMN v_pending_actions.issue_severity IS 'The severity of that issue.';
COMMENT ON COLUMN v_pending_actions.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_pending_actions.action_id IS 'Id of the action.';

CREATE VIEW v_recent_monitoring WITH (security_invoker = true) AS
SELECT n.model_name,
       v.model_version,
       m.metric_type,
       m.metric_name,
       m.metric_value,
       m.previous_value,
       m.metric_value - m.previous_value AS change,
       n.timestamp,
       n.lookback_hours,
       n.dataset_drift_detected,
       n.drifted_features,
       n.drift_summary_ref,
       n.drift_report_ref,
       b.timestamp AS previous_timestamp,
       n.model_version_id,
       n.id AS monitoring_run_id
FROM (SELECT DISTINCT model_name FROM model_versions) k
CROSS JOIN LATERAL (
    SELECT * FROM monitoring_metrics r WHERE r.model_name = k.model_name
    ORDER BY r.timestamp DESC, r.lookback_hours LIMIT 1) n
JOIN model_versions v ON v.id = n.model_version_id
LEFT JOIN LATERAL (
    SELECT * FROM monitoring_metrics r
    WHERE r.model_name = n.model_name AND r.lookback_hours = n.lookback_hours AND r.timestamp < n.timestamp
    ORDER BY r.timestamp DESC LIMIT 1) b ON true
CROSS JOIN LATERAL (VALUES
    ('volume', 'num_predictions', n.num_predictions::double precision, b.num_predictions::double precision),
    ('prediction', 'positive_rate', n.positive_rate::double precision, b.positive_rate::double precision),
    ('prediction', 'probability_mean', n.probability_mean::double precision, b.probability_mean::double precision),
    ('prediction', 'probability_std', n.probability_std::double precision, b.probability_std::double precision),
    ('prediction', 'entropy', n.entropy::double precision, b.entropy::double precision),
    ('drift', 'feature_drift_ratio', n.feature_drift_ratio::double precision, b.feature_drift_ratio::double precision),
    ('drift', 'num_drifted_features', n.num_drifted_features::double precision, b.num_drifted_features::double precision),
    ('label', 'coverage_pct', n.coverage_pct::double precision, b.coverage_pct::double precision),
    ('label', 'labeled_samples', n.labeled_samples::double precision, b.labeled_samples::double precision)
) m (metric_type, metric_name, metric_value, previous_value)
WHERE m.metric_value IS NOT NULL;
COMMENT ON VIEW v_recent_monitoring IS
    'The latest monitoring run of each model, one row per metric, with the change against the run before.';
COMMENT ON COLUMN v_recent_monitoring.model_name IS 'The model.';
COMMENT ON COLUMN v_recent_monitoring.model_version IS 'The version that was monitored.';
COMMENT ON COLUMN v_recent_monitoring.metric_type IS 'volume, prediction, drift or label.';
COMMENT ON COLUMN v_recent_monitoring.metric_name IS 'Name of the metric, a column of monitoring_metrics.';
COMMENT ON COLUMN v_recent_monitoring.metric_value IS 'Its value in the latest run.';
COMMENT ON COLUMN v_recent_monitoring.previous_value IS 'Its value in the run before, over a window of the same length.';
COMMENT ON COLUMN v_recent_monitoring.change IS 'Difference between the two.';
COMMENT ON COLUMN v_recent_monitoring.timestamp IS 'End of the latest window.';
COMMENT ON COLUMN v_recent_monitoring.lookback_hours IS 'Length of the window in hours.';
COMMENT ON COLUMN v_recent_monitoring.dataset_drift_detected IS 'Whether the latest run calls the window drifted.';
COMMENT ON COLUMN v_recent_monitoring.drifted_features IS 'Names of the features that drifted in the latest run.';
COMMENT ON COLUMN v_recent_monitoring.drift_summary_ref IS 'Where its machine-readable drift summary is stored.';
COMMENT ON COLUMN v_recent_monitoring.drift_report_ref IS 'Where its drift report for people is stored.';
COMMENT ON COLUMN v_recent_monitoring.previous_timestamp IS 'End of the window before.';
COMMENT ON COLUMN v_recent_monitoring.model_version_id IS 'Id of the version that was monitored.';
COMMENT ON COLUMN v_recent_monitoring.monitoring_run_id IS 'Id of the latest run.';

CREATE VIEW v_open_alerts WITH (security_invoker = true) AS
SELECT a.severity,
       a.model_name,
       a.alert_type,
       a.title,
       a.message,
       a.status,
       a.occurrences,
       a.first_seen,
       a.last_seen,
       greatest(now(), a.first_seen) - a.first_seen AS open_for,
       a.acknowledged_at,
       a.acknowledged_by,
       a.notes,
       coalesce(a.snoozed_until > now(), false) AS is_snoozed,
       a.snoozed_until,
       a.snoozed_by,
       a.related_data,
       a.dedup_key,
       a.monitor_id,
       a.id AS alert_id
FROM alerts a
WHERE a.status <> 'resolved';
COMMENT ON VIEW v_open_alerts IS
    'Every alert that is not resolved yet, acknowledged and snoozed ones included.';
COMMENT ON COLUMN v_open_alerts.severity IS 'info, warning or critical: the worst of its occurrences.';
COMMENT ON COLUMN v_open_alerts.model_name IS 'The model it is about, if it is about one.';
COMMENT ON COLUMN v_open_alerts.alert_type IS 'What kind of alert.';
COMMENT ON COLUMN v_open_alerts.title IS 'The newest occurrence in one line.';
COMMENT ON COLUMN v_open_alerts.message IS 'The newest occurrence in more words.';
COMMENT ON COLUMN v_open_alerts.status IS 'active, or acknowledged once somebody has taken it on.';
COMMENT ON COLUMN v_open_alerts.occurrences IS 'How often it was raised.';
COMMENT ON COLUMN v_open_alerts.first_seen IS 'Time of the earliest occurrence.';
COMMENT ON COLUMN v_open_alerts.last_seen IS 'Time of the latest occurrence.';
COMMENT ON COLUMN v_open_alerts.open_for IS 'How long it has been open.';
COMMENT ON COLUMN v_open_alerts.acknowledged_at IS 'When somebody took it on.';
COMMENT ON COLUMN v_open_alerts.acknowledged_by IS 'Who took it on.';
COMMENT ON COLUMN v_open_alerts.notes IS 'What was noted then.';
COMMENT ON COLUMN v_open_alerts.is_snoozed IS 'Whether it is snoozed now.';
COMMENT ON COLUMN v_open_alerts.snoozed_until IS 'Until when it is or was snoozed.';
COMMENT ON COLUMN v_open_alerts.snoozed_by IS 'Who snoozed it.';
COMMENT ON COLUMN v_open_alerts.related_data IS 'What the newest occurrence is about.';
COMMENT ON COLUMN v_open_alerts.dedup_key IS 'What makes two occurrences the same alert.';
COMMENT ON COLUMN v_open_alerts.monitor_id IS 'Id of the monitor that raised it.';
COMMENT ON COLUMN v_open_alerts.alert_id IS 'Id of the alert.';

CREATE VIEW v_monitors WITH (security_invoker = true) AS
SELECT m.id, m.model_name, m.name, m.source, m.metric_name, m.slice, m.host, m.labels, m."window",
       m.operator, m.warning_threshold, m.critical_threshold, m.consecutive, m.no_data,
       m.hysteresis, m.enabled, m.created_at, m.created_by, m.removed_at, m.removed_by,
       s.evaluated_at, s.state, s.severity, s.value, s.point_at, s.alert_id
FROM monitors m
LEFT JOIN monitor_states s ON s.monitor_id = m.id;
COMMENT ON VIEW v_monitors IS
    'Every monitor with what it found when it was last evaluated; NULLs before that.';
COMMENT ON COLUMN v_monitors.id IS 'Id of the monitor.';
COMMENT ON COLUMN v_monitors.model_name IS 'The model; only a monitor of system metrics may do without.';
COMMENT ON COLUMN v_monitors.name IS 'Name of the rule, once per model.';
COMMENT ON COLUMN v_monitors.source IS 'Where the values are: monitoring (a column of monitoring_metrics), performance (performance_metrics at stage production) or system (system_metrics).';
COMMENT ON COLUMN v_monitors.metric_name IS 'The metric that is watched.';
COMMENT ON COLUMN v_monitors.slice IS 'For performance metrics: the slice; empty for the values over all data.';
COMMENT ON COLUMN v_monitors.host IS 'For system metrics: the host.';
COMMENT ON COLUMN v_monitors.labels IS 'For system metrics: labels that the values must have.';
COMMENT ON COLUMN v_monitors."window" IS 'How far back values count; none in there means no data.';
COMMENT ON COLUMN v_monitors.operator IS 'The value is bad when it is >, >=, < or <= a threshold.';
COMMENT ON COLUMN v_monitors.warning_threshold IS 'From where on it is a warning.';
COMMENT ON COLUMN v_monitors.critical_threshold IS 'From where on it is critical; further in the direction of the operator.';
COMMENT ON COLUMN v_monitors.consecutive IS 'How many of the newest values must all be bad before an alert is raised.';
COMMENT ON COLUMN v_monitors.no_data IS 'What it means when there is no value in the window: ok, warning or critical.';
COMMENT ON COLUMN v_monitors.hysteresis IS 'How far behind the threshold the value must come back before the alert is resolved.';
COMMENT ON COLUMN v_monitors.enabled IS 'Whether it is evaluated.';
COMMENT ON COLUMN v_monitors.created_at IS 'When it was added.';
COMMENT ON COLUMN v_monitors.created_by IS 'Who added it.';
COMMENT ON COLUMN v_monitors.removed_at IS 'When it was removed; the row stays for the alerts that name it.';
COMMENT ON COLUMN v_monitors.removed_by IS 'Who removed it.';
COMMENT ON COLUMN v_monitors.evaluated_at IS 'As of when it was evaluated.';
COMMENT ON COLUMN v_monitors.state IS 'ok, warning, critical or no_data.';
COMMENT ON COLUMN v_monitors.severity IS 'How bad that is: warning, critical or NULL.';
COMMENT ON COLUMN v_monitors.value IS 'The newest value in the window.';
COMMENT ON COLUMN v_monitors.point_at IS 'Time of the newest value that was ever judged.';
COMMENT ON COLUMN v_monitors.alert_id IS 'Its alert, if one was open after the evaluation.';
