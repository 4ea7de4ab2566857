-- Alerts: problems needing attention, from their first occurrence until they are resolved.

CREATE FUNCTION ledger_severity_rank(severity text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_position(ARRAY['info', 'warning', 'critical'], severity);
COMMENT ON FUNCTION ledger_severity_rank(text) IS
    'The severities in order: info 1, warning 2, critical 3.';

CREATE TABLE alerts (
    id uuid CONSTRAINT alerts_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    alert_type text NOT NULL
        CONSTRAINT alerts_alert_type_check CHECK (ledger_is_name(alert_type)),
    severity text NOT NULL
        CONSTRAINT alerts_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
    title text NOT NULL
        CONSTRAINT alerts_title_check CHECK (char_length(title) BETWEEN 1 AND 1000),
    message text,
    related_data jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT alerts_related_data_check CHECK (jsonb_typeof(related_data) = 'object'),
    model_name text,
    dedup_key text NOT NULL
        CONSTRAINT alerts_dedup_key_check CHECK (char_length(dedup_key) BETWEEN 1 AND 511),
    monitor_id uuid
        CONSTRAINT alerts_monitor_fkey REFERENCES monitors (id),
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT alerts_status_check CHECK (status IN ('active', 'acknowledged', 'resolved')),
    occurrences bigint NOT NULL DEFAULT 1
        CONSTRAINT alerts_occurrences_check CHECK (occurrences >= 1),
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT alerts_first_seen_check CHECK (ledger_is_time(first_seen)),
    last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text
        CONSTRAINT alerts_acknowledged_by_check CHECK (ledger_is_person(acknowledged_by)),
    resolved_at timestamptz,
    resolved_by text
        CONSTRAINT alerts_resolved_by_check CHECK (ledger_is_person(resolved_by)),
    notes text,
    snoozed_until timestamptz
        CONSTRAINT alerts_snoozed_until_check CHECK (ledger_is_time(snoozed_until)),
    snoozed_by text
        CONSTRAINT alerts_snoozed_by_check CHECK (ledger_is_person(snoozed_by)),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- So that nobody else's alert can be in the way of a monitor.
    CONSTRAINT alerts_monitor_key_check
        CHECK (CASE WHEN monitor_id IS NULL THEN dedup_key !~ '^monitor:[0-9a-f-]{36}$' ELSE dedup_key = 'monitor:' || monitor_id END),
    CONSTRAINT alerts_last_seen_check CHECK (last_seen >= first_seen AND last_seen < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_acknowledged_at_check CHECK (acknowledged_at >= first_seen AND acknowledged_at < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_resolved_at_check
        CHECK (resolved_at >= last_seen AND resolved_at >= coalesce(acknowledged_at, last_seen) AND resolved_at < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_acknowledgement_check CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL)),
    CONSTRAINT alerts_resolution_check CHECK ((resolved_by IS NULL) = (resolved_at IS NULL)),
    CONSTRAINT alerts_state_check
        CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)
               AND (status = 'resolved' OR (status = 'acknowledged') = (acknowledged_at IS NOT NULL)))
);
CREATE UNIQUE INDEX alerts_one_open_idx ON alerts (dedup_key) WHERE status <> 'resolved';
CREATE INDEX alerts_open_idx ON alerts (model_name, last_seen DESC) WHERE status <> 'resolved';
CREATE INDEX alerts_model_name_first_seen_idx ON alerts (model_name, first_seen DESC, id DESC);
CREATE INDEX alerts_first_seen_idx ON alerts (first_seen DESC, id DESC);
CREATE INDEX alerts_dedup_key_idx ON alerts (dedup_key, first_seen DESC);
CREATE INDEX alerts_monitor_idx ON alerts (monitor_id) WHERE monitor_id IS NOT NULL;

COMMENT ON TABLE alerts IS
    'Problems needing attention: active, then perhaps acknowledged, then resolved for good. Raising an open alert again increments its occurrence count instead of adding a row.';
COMMENT ON COLUMN alerts.id IS 'Time-ordered id (UUIDv7); also the id of the first occurrence.';
COMMENT ON COLUMN alerts.alert_type IS 'What kind of alert: drift, data_quality, the metric of a monitor or another word.';
COMMENT ON COLUMN alerts.severity IS 'info, warning or critical: the worst of the occurrences.';
COMMENT ON COLUMN alerts.title IS 'The latest occurrence in one line.';
COMMENT ON COLUMN alerts.message IS 'Details of the latest occurrence.';
COMMENT ON COLUMN alerts.related_data IS 'What the latest occurrence is about: values, thresholds, ids.';
COMMENT ON COLUMN alerts.model_name IS 'The model it is about, if it is about one.';
COMMENT ON COLUMN alerts.dedup_key IS 'What makes two occurrences the same alert; when not given, the alert type and the model as type:model.';
COMMENT ON COLUMN alerts.monitor_id IS 'The monitor that raised it, if one did.';
COMMENT ON COLUMN alerts.status IS 'active, acknowledged or resolved.';
COMMENT ON COLUMN alerts.occurrences IS 'How often it was raised.';
COMMENT ON COLUMN alerts.first_seen IS 'Time of the earliest occurrence.';
COMMENT ON COLUMN alerts.last_seen IS 'Time of the latest occurrence.';
COMMENT ON COLUMN alerts.acknowledged_at IS 'When it was acknowledged.';
COMMENT ON COLUMN alerts.acknowledged_by IS 'Who acknowledged it.';
COMMENT ON COLUMN alerts.resolved_at IS 'When it was resolved.';
COMMENT ON COLUMN alerts.resolved_by IS 'Who or what resolved it.';
COMMENT ON COLUMN alerts.notes IS 'What was noted when it was acknowledged and resolved, one below the other.';
COMMENT ON COLUMN alerts.snoozed_until IS 'Until when it is hidden from the list of active alerts; occurrences still count.';
COMMENT ON COLUMN alerts.snoozed_by IS 'Who snoozed it last.';
COMMENT ON COLUMN alerts.created_at IS 'When the row was written.';

CREATE FUNCTION alerts_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.model_name IS NOT NULL THEN
        PERFORM ledger_require_known_model(NEW.model_name, NEW.first_seen);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION alerts_before_insert() IS 'Trigger of alerts: the model must be known.';

CREATE TRIGGER alerts_before_insert
    BEFORE INSERT ON alerts
    FOR EACH ROW EXECUTE FUNCTION alerts_before_insert();

CREATE FUNCTION alerts_check_monitor() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Another type or model would be in the way of the next alert that the monitor raises itself.
    IF NOT EXISTS (SELECT FROM monitors m WHERE m.id = NEW.monitor_id AND m.metric_name = NEW.alert_type
                   AND m.model_name IS NOT DISTINCT FROM NEW.model_name) THEN
        RAISE EXCEPTION 'monitor_id: there is no monitor % of that metric and model', NEW.monitor_id
            USING ERRCODE = 'MLNF0';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION alerts_check_monitor() IS
    'Trigger of alerts: the alert of a monitor has the metric as its type, and the model.';

CREATE TRIGGER alerts_check_monitor
    BEFORE INSERT ON alerts
    FOR EACH ROW WHEN (NEW.monitor_id IS NOT NULL) EXECUTE FUNCTION alerts_check_monitor();

CREATE FUNCTION alerts_before_update() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    problem text := CASE
        WHEN OLD.status = 'resolved' THEN 'it is resolved for good'
        WHEN OLD.status = 'acknowledged' AND NEW.status = 'active' THEN 'an acknowledged alert does not become active again'
        WHEN (NEW.id, NEW.alert_type, NEW.model_name, NEW.dedup_key, NEW.monitor_id, NEW.created_at)
             IS DISTINCT FROM (OLD.id, OLD.alert_type, OLD.model_name, OLD.dedup_key, OLD.monitor_id, OLD.created_at)
            THEN 'what it is about stays'
        WHEN OLD.acknowledged_at IS NOT NULL
             AND (NEW.acknowledged_at, NEW.acknowledged_by) IS DISTINCT FROM (OLD.acknowledged_at, OLD.acknowledged_by)
            THEN 'who acknowledged it, and when, stays'
        WHEN NEW.occurrences < OLD.occurrences OR NEW.first_seen > OLD.first_seen OR NEW.last_seen < OLD.last_seen
             OR ledger_severity_rank(NEW.severity) < ledger_severity_rank(OLD.severity)
            THEN 'what has occurred stays'
        WHEN NOT starts_with(coalesce(NEW.notes, ''), coalesce(OLD.notes, '')) THEN 'notes are only added'
    END;
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'alert % refuses the change: %', OLD.id, problem
            USING ERRCODE = 'MLAO0', HINT = 'Use raise_alert(), acknowledge_alert(), resolve_alert() or snooze_alert().';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION alerts_before_update() IS
    'Trigger of alerts: refuses illegal transitions and changes of what has happened.';

CREATE TRIGGER alerts_before_update
    BEFORE UPDATE ON alerts
    FOR EACH ROW EXECUTE FUNCTION alerts_before_update();
CREATE TRIGGER alerts_append_only
    BEFORE DELETE OR TRUNCATE ON alerts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TABLE alert_occurrences (
    id uuid CONSTRAINT alert_occurrences_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    alert_id uuid NOT NULL
        CONSTRAINT alert_occurrences_alert_fkey REFERENCES alerts (id),
    occurred_at timestamptz NOT NULL,
    severity text NOT NULL
        CONSTRAINT alert_occurrences_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
    title text NOT NULL
        CONSTRAINT alert_occurrences_title_check CHECK (char_length(title) BETWEEN 1 AND 1000),
    message text,
    related_data jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT alert_occurrences_related_data_check CHECK (jsonb_typeof(related_data) = 'object')
);
CREATE INDEX alert_occurrences_alert_idx ON alert_occurrences (alert_id, occurred_at DESC, id DESC);

COMMENT ON TABLE alert_occurrences IS
    'Every time an alert was raised, append-only; the id tells a retried call from a new occurrence.';
COMMENT ON COLUMN alert_occurrences.id IS 'Id of the occurrence; raising it again with the same id counts once.';
COMMENT ON COLUMN alert_occurrences.alert_id IS 'The alert whose occurrence it is.';
COMMENT ON COLUMN alert_occurrences.occurred_at IS 'When it occurred.';
COMMENT ON COLUMN alert_occurrences.severity IS 'Its severity: info, warning or critical.';
COMMENT ON COLUMN alert_occurrences.title IS 'The occurrence in one line.';
COMMENT ON COLUMN alert_occurrences.message IS 'Details of the occurrence.';
COMMENT ON COLUMN alert_occurrences.related_data IS 'What it is about: values, thresholds, ids.';

CREATE TRIGGER alert_occurrences_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_occurrences
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

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
COMMENT ON COLUMN v_open_alerts.title IS 'The latest occurrence in one line.';
COMMENT ON COLUMN v_open_alerts.message IS 'Details of the latest occurrence.';
COMMENT ON COLUMN v_open_alerts.status IS 'active, or acknowledged once acknowledged.';
COMMENT ON COLUMN v_open_alerts.occurrences IS 'How often it was raised.';
COMMENT ON COLUMN v_open_alerts.first_seen IS 'Time of the earliest occurrence.';
COMMENT ON COLUMN v_open_alerts.last_seen IS 'Time of the latest occurrence.';
COMMENT ON COLUMN v_open_alerts.open_for IS 'How long it has been open.';
COMMENT ON COLUMN v_open_alerts.acknowledged_at IS 'When it was acknowledged.';
COMMENT ON COLUMN v_open_alerts.acknowledged_by IS 'Who acknowledged it.';
COMMENT ON COLUMN v_open_alerts.notes IS 'What was noted then.';
COMMENT ON COLUMN v_open_alerts.is_snoozed IS 'Whether it is snoozed now.';
COMMENT ON COLUMN v_open_alerts.snoozed_until IS 'Until when it is or was snoozed.';
COMMENT ON COLUMN v_open_alerts.snoozed_by IS 'Who snoozed it.';
COMMENT ON COLUMN v_open_alerts.related_data IS 'What the latest occurrence is about.';
COMMENT ON COLUMN v_open_alerts.dedup_key IS 'What makes two occurrences the same alert.';
COMMENT ON COLUMN v_open_alerts.monitor_id IS 'Id of the monitor that raised it.';
COMMENT ON COLUMN v_open_alerts.alert_id IS 'Id of the alert.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'alerts'),
    ('reader', 'SELECT', 'TABLE', 'alert_occurrences'),
    ('reader', 'SELECT', 'VIEW', 'v_open_alerts');
