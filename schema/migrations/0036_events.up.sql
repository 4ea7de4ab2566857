-- What happened, in the order in which it was committed: the audit log, without what only auditors may see.

CREATE VIEW v_event_types AS
SELECT 'mlops_ledger.' || t.name AS type, t.description, t.fields
FROM (VALUES
    ('deployment.promoted', 'A version was put into a slot; replaced_version is the one that left it.',
     '{id,model_name,slot,model_version,model_version_id,replaced_version,deployed_at,deployed_by,reason,decision_id,action_id}'::text[]),
    ('deployment.rolled_back', 'An earlier version was put back into a slot; replaced_version is the one that left it.',
     '{id,model_name,slot,model_version,model_version_id,replaced_version,deployed_at,deployed_by,reason,restores_id}'),
    ('deployment.retired', 'A slot was emptied.',
     '{id,model_name,slot,model_version,model_version_id,deployed_at,retired_at,retired_by,retired_reason}'),
    ('decision.recorded', 'A candidate was judged; action is promote, reject or pending.',
     '{id,model_name,timestamp,action,trigger_reason,candidate_version,candidate_version_id,production_version,production_version_id,gate_results,reasoning,decided_by,monitoring_run_id,resolves_id}'),
    ('action.requested', 'Somebody asked for an action.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status}'),
    ('action.approved', 'An action was approved.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status,reviewed_by,reviewed_at,review_comment}'),
    ('action.rejected', 'An action was rejected.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status,reviewed_by,reviewed_at,review_comment}'),
    ('action.executed', 'An action was carried out; that of a promotion by the promotion itself.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status,reviewed_by,reviewed_at,review_comment,executed_by,executed_at,result}'),
    ('action.failed', 'An action was carried out and failed.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status,reviewed_by,reviewed_at,review_comment,executed_by,executed_at,result}'),
    ('action.expired', 'An action was marked as expired.',
     '{id,model_name,model_version,model_version_id,decision_id,action_type,description,parameters,risk_level,requires_approval,requested_at,requested_by,expires_at,status,reviewed_by,reviewed_at,review_comment}'),
    ('alert.raised', 'An alert was opened; further occurrences are not events.',
     '{id,model_name,alert_type,severity,title,message,related_data,dedup_key,monitor_id,status,occurrences,first_seen,last_seen}'),
    ('alert.escalated', 'A further occurrence made an open alert more severe.',
     '{id,model_name,alert_type,severity,title,message,related_data,dedup_key,monitor_id,status,occurrences,first_seen,last_seen}'),
    ('alert.acknowledged', 'Somebody took an alert on.',
     '{id,model_name,alert_type,severity,title,message,related_data,dedup_key,monitor_id,status,occurrences,first_seen,last_seen,acknowledged_at,acknowledged_by,notes}'),
    ('alert.snoozed', 'An alert was hidden from the active ones until snoozed_until; with none, it is back.',
     '{id,model_name,alert_type,severity,title,message,related_data,dedup_key,monitor_id,status,occurrences,first_seen,last_seen,snoozed_until,snoozed_by}'),
    ('alert.resolved', 'An alert was resolved for good.',
     '{id,model_name,alert_type,severity,title,message,related_data,dedup_key,monitor_id,status,occurrences,first_seen,last_seen,acknowledged_at,acknowledged_by,resolved_at,resolved_by,notes}'),
    ('monitoring_run.recorded', 'A monitoring job looked at a window of a model.',
     '{id,model_name,model_version,model_version_id,timestamp,lookback_hours,num_predictions,positive_rate,dataset_drift_detected,feature_drift_ratio,num_drifted_features,num_features,drifted_features,coverage_pct,labeled_samples}'),
    ('drift_report.recorded', 'The data of a window were compared with a reference; the results of each feature are in drift_reports.',
     '{id,model_name,model_version,model_version_id,timestamp,window_start,window_end,drift_detected,drift_score,method,threshold,drifted_features,n_drifted_features,n_features,monitoring_run_id}')
) t (name, description, fields);
COMMENT ON VIEW v_event_types IS 'The types of events. A type, and a field of its data, stays what it is; new ones may be added.';
COMMENT ON COLUMN v_event_types.type IS 'Type of the event, as in CloudEvents.';
COMMENT ON COLUMN v_event_types.description IS 'What has happened.';
COMMENT ON COLUMN v_event_types.fields IS 'Fields of its data: columns of the row that changed, and the names of its slot and versions.';

-- With the rights of its owner, because readers may not read the audit log: the fields of an event are columns that
-- readers may read. No condition of a query sees a row that is not an event.
CREATE VIEW v_events WITH (security_barrier = true) AS
SELECT a.seq,
       t.type,
       a.recorded_at AS time,
       a.object_table || '/' || a.object_id AS subject,
       a.after ->> 'model_name' AS model_name,
       (SELECT jsonb_object_agg(f.name, CASE f.name
            WHEN 'slot' THEN
                (SELECT to_jsonb(s.slot) FROM model_slots s WHERE s.id = (a.after ->> 'slot_id')::integer)
            WHEN 'replaced_version' THEN
                (SELECT to_jsonb(v.model_version)
                 FROM (SELECT d.model_version_id, d.retired_at FROM model_deployments d
                       WHERE d.slot_id = (a.after ->> 'slot_id')::integer
                         AND d.deployed_at < (a.after ->> 'deployed_at')::timestamptz
                       ORDER BY d.deployed_at DESC LIMIT 1) p
                 JOIN model_versions v ON v.id = p.model_version_id
                 WHERE p.retired_at = (a.after ->> 'deployed_at')::timestamptz)
            WHEN 'model_version' THEN
                (SELECT to_jsonb(v.model_version) FROM model_versions v WHERE v.id = (a.after ->> 'model_version_id')::uuid)
            WHEN 'candidate_version' THEN
                (SELECT to_jsonb(v.model_version) FROM model_versions v WHERE v.id = (a.after ->> 'candidate_version_id')::uuid)
            WHEN 'production_version' THEN
                (SELECT to_jsonb(v.model_version) FROM model_versions v WHERE v.id = (a.after ->> 'production_version_id')::uuid)
            ELSE a.after -> f.name END)
        FROM unnest(t.fields) f (name)) AS data
FROM audit_log a
JOIN v_event_types t ON t.type = 'mlops_ledger.' || CASE a.event
    WHEN 'promotion' THEN 'deployment.promoted'
    WHEN 'rollback' THEN 'deployment.rolled_back'
    -- A promotion ends the interval before it at the very timestamp at which it begins its own.
    WHEN 'retirement' THEN CASE WHEN NOT EXISTS (
        SELECT FROM model_deployments d
        WHERE d.slot_id = (a.after ->> 'slot_id')::integer
          AND d.deployed_at = (a.after ->> 'retired_at')::timestamptz) THEN 'deployment.retired' END
    WHEN 'decision' THEN 'decision.recorded'
    WHEN 'action' THEN CASE WHEN a.before IS NULL THEN 'action.requested' ELSE 'action.' || (a.after ->> 'status') END
    WHEN 'alert' THEN CASE
        WHEN a.before IS NULL THEN 'alert.raised'
        WHEN a.before -> 'status' <> a.after -> 'status' THEN 'alert.' || (a.after ->> 'status')
        WHEN a.before -> 'snoozed_until' <> a.after -> 'snoozed_until' THEN 'alert.snoozed'
        ELSE 'alert.escalated' END
    WHEN 'monitoring_run' THEN 'monitoring_run.recorded'
    WHEN 'drift_report' THEN 'drift_report.recorded' END;
COMMENT ON VIEW v_events IS
    'What happened, in the order in which it was committed: read on with seq > the last one, ORDER BY seq. No event ever comes before one that was read.';
COMMENT ON COLUMN v_events.seq IS 'Number of the entry in the audit log; increases in the order of commits, with gaps where an entry is no event.';
COMMENT ON COLUMN v_events.type IS 'Type of the event, one of v_event_types.';
COMMENT ON COLUMN v_events.time IS 'When it was recorded, by the clock of the server.';
COMMENT ON COLUMN v_events.subject IS 'The row that changed, as table/id.';
COMMENT ON COLUMN v_events.model_name IS 'The model it is about, if it is about one.';
COMMENT ON COLUMN v_events.data IS 'The fields of its type, as they were after the change.';

CREATE FUNCTION event_head() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF has_function_privilege('seal_audit_log()', 'EXECUTE') THEN
        PERFORM seal_audit_log();
    END IF;
    RETURN (SELECT h.seq FROM audit_head h);
END
$$;
COMMENT ON FUNCTION event_head() IS
    'The number up to which there are events now. Whoever may append what waits in audit_queue does so.';
REVOKE ALL ON FUNCTION event_head() FROM PUBLIC;

CREATE FUNCTION audit_log_notify() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('mlops_ledger_events', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit_log_notify() IS
    'Trigger of audit_log: wakes whoever listens on the channel mlops_ledger_events, at commit. The events are in v_events.';

CREATE TRIGGER audit_log_notify
    AFTER INSERT ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_notify();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name, columns) VALUES
    ('reader', 'SELECT', 'VIEW', 'v_event_types', NULL),
    ('reader', 'SELECT', 'VIEW', 'v_events', NULL),
    ('reader', 'SELECT', 'TABLE', 'audit_head', '{seq}'),
    ('reader', 'EXECUTE', 'FUNCTION', 'event_head', NULL);
