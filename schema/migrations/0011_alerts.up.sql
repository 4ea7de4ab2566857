-- Alerts: what somebody should look at, from its first occurrence until it is resolved.

CREATE FUNCTION ledger_severity_rank(severity text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_position(ARRAY['info', 'warning', 'critical'], severity);
COMMENT ON FUNCTION ledger_severity_rank(text) IS
    'The severities in order: info 1, warning 2, critical 3.';

CREATE TABLE alerts (
    id uuid CONSTRAINT alerts_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    alert_type text NOT NULL
        CONSTRAINT alerts_alert_type_check
        CHECK (char_length(alert_type) BETWEEN 1 AND 255 AND alert_type = btrim(alert_type) AND alert_type !~ '[[:cntrl:]]'),
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
    monitor_id uuid,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT alerts_status_check CHECK (status IN ('active', 'acknowledged', 'resolved')),
    occurrences bigint NOT NULL DEFAULT 1
        CONSTRAINT alerts_occurrences_check CHECK (occurrences >= 1),
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT alerts_first_seen_check CHECK (first_seen >= '0001-01-01 00:00+00' AND first_seen < '10000-01-01 00:00+00'),
    last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    resolved_by text,
    notes text,
    snoozed_until timestamptz
        CONSTRAINT alerts_snoozed_until_check CHECK (snoozed_until >= '0001-01-01 00:00+00' AND snoozed_until < '10000-01-01 00:00+00'),
    snoozed_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- So that nobody else's alert can be in the way of a monitor.
    CONSTRAINT alerts_monitor_key_check
        CHECK (CASE WHEN monitor_id IS NULL THEN dedup_key !~ '^monitor:[0-9a-f-]{36}$' ELSE dedup_key = 'monitor:' || monitor_id END),
    CONSTRAINT alerts_last_seen_check CHECK (last_seen >= first_seen AND last_seen < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_acknowledged_at_check CHECK (acknowledged_at >= first_seen AND acknowledged_at < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_resolved_at_check
        CHECK (resolved_at >= last_seen AND resolved_at >= coalesce(acknowledged_at, last_seen) AND resolved_at < '10000-01-01 00:00+00'),
    CONSTRAINT alerts_acknowledged_by_check CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL)),
    CONSTRAINT alerts_resolved_by_check CHECK ((resolved_by IS NULL) = (resolved_at IS NULL)),
    CONSTRAINT alerts_state_check
        CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)
               AND (status = 'resolved' OR (status = 'acknowledged') = (acknowledged_at IS NOT NULL)))
);
CREATE UNIQUE INDEX alerts_one_open_idx ON alerts (dedup_key) WHERE status <> 'resolved';
CREATE INDEX alerts_open_idx ON alerts (model_name, last_seen DESC) WHERE status <> 'resolved';
CREATE INDEX alerts_model_name_first_seen_idx ON alerts (model_name, first_seen DESC, id DESC);
CREATE INDEX alerts_first_seen_idx ON alerts (first_seen DESC, id DESC);
CREATE INDEX alerts_dedup_key_idx ON alerts (dedup_key, first_seen DESC);

COMMENT ON TABLE alerts IS
    'What somebody should look at: active, then perhaps acknowledged, then resolved for good. A repeat of an open alert counts on it instead of adding a row.';
COMMENT ON COLUMN alerts.id IS 'Time-ordered id (UUIDv7); also the id of the first occurrence.';
COMMENT ON COLUMN alerts.alert_type IS 'What kind of alert: drift, data_quality, the metric of a monitor or another word.';
COMMENT ON COLUMN alerts.severity IS 'info, warning or critical: the worst of the occurrences.';
COMMENT ON COLUMN alerts.title IS 'The newest occurrence in one line.';
COMMENT ON COLUMN alerts.message IS 'The newest occurrence in more words.';
COMMENT ON COLUMN alerts.related_data IS 'What the newest occurrence is about: values, thresholds, ids.';
COMMENT ON COLUMN alerts.model_name IS 'The model it is about, if it is about one.';
COMMENT ON COLUMN alerts.dedup_key IS 'What makes two occurrences the same alert; when not given, the alert type and the model as type:model.';
COMMENT ON COLUMN alerts.monitor_id IS 'The monitor that raised it, if one did.';
COMMENT ON COLUMN alerts.status IS 'active, acknowledged or resolved.';
COMMENT ON COLUMN alerts.occurrences IS 'How often it was raised.';
COMMENT ON COLUMN alerts.first_seen IS 'Time of the earliest occurrence.';
COMMENT ON COLUMN alerts.last_seen IS 'Time of the latest occurrence.';
COMMENT ON COLUMN alerts.acknowledged_at IS 'When somebody took it on.';
COMMENT ON COLUMN alerts.acknowledged_by IS 'Who took it on.';
COMMENT ON COLUMN alerts.resolved_at IS 'When it was over.';
COMMENT ON COLUMN alerts.resolved_by IS 'Who or what found that it was over.';
COMMENT ON COLUMN alerts.notes IS 'What was noted when it was acknowledged and resolved, one below the other.';
COMMENT ON COLUMN alerts.snoozed_until IS 'Until then it is left out of the list of active alerts; repeats still count.';
COMMENT ON COLUMN alerts.snoozed_by IS 'Who snoozed it last.';
COMMENT ON COLUMN alerts.created_at IS 'When the row was written.';

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
COMMENT ON COLUMN alert_occurrences.alert_id IS 'The alert it counts on.';
COMMENT ON COLUMN alert_occurrences.occurred_at IS 'When it occurred.';
COMMENT ON COLUMN alert_occurrences.severity IS 'Its severity: info, warning or critical.';
COMMENT ON COLUMN alert_occurrences.title IS 'The occurrence in one line.';
COMMENT ON COLUMN alert_occurrences.message IS 'The occurrence in more words.';
COMMENT ON COLUMN alert_occurrences.related_data IS 'What it is about: values, thresholds, ids.';

CREATE TRIGGER alert_occurrences_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_occurrences
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER alerts_append_only
    BEFORE DELETE OR TRUNCATE ON alerts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

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

CREATE TRIGGER alerts_before_insert
    BEFORE INSERT ON alerts
    FOR EACH ROW EXECUTE FUNCTION alerts_before_insert();
CREATE TRIGGER alerts_before_update
    BEFORE UPDATE ON alerts
    FOR EACH ROW EXECUTE FUNCTION alerts_before_update();

CREATE FUNCTION ledger_alert_moment(at timestamptz, earliest timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF at IS NULL THEN
        -- The clock of whoever came before may be a little ahead of the server's.
        RETURN greatest(clock_timestamp(), earliest);
    ELSIF at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'at: lies in the future'
            USING ERRCODE = 'MLIV0', HINT = 'Give the time at which it happened, or none for now.';
    ELSIF at < earliest THEN
        RAISE EXCEPTION 'at: lies before what has already happened to the alert, at %', earliest
            USING ERRCODE = 'MLIV0', HINT = 'Give a later time, or none for now.';
    END IF;
    RETURN at;
END
$$;
COMMENT ON FUNCTION ledger_alert_moment(timestamptz, timestamptz) IS
    'The instant of something that happens to an alert: the one given, if it is not too early, else now.';

CREATE FUNCTION ledger_lock_alert(alert_id uuid) RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked alerts;
BEGIN
    SELECT * INTO locked FROM alerts a WHERE a.id = alert_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no alert %', alert_id USING ERRCODE = 'MLNF0';
    END IF;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION ledger_lock_alert(uuid) IS 'Locks an alert until the end of the transaction.';

CREATE FUNCTION ledger_refuse_settled_alert(settled alerts) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF settled.status <> 'active' THEN
        RAISE EXCEPTION 'alert % was already % by % at %', settled.id, settled.status,
            coalesce(settled.resolved_by, settled.acknowledged_by), coalesce(settled.resolved_at, settled.acknowledged_at)
            USING ERRCODE = 'MLCF0';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_refuse_settled_alert(alerts) IS
    'Tells whoever comes too late who acknowledged or resolved the alert, and when.';

CREATE FUNCTION raise_alert(
    alert_type text, title text, severity text DEFAULT 'warning', message text DEFAULT NULL,
    related_data jsonb DEFAULT NULL, model_name text DEFAULT NULL, dedup_key text DEFAULT NULL,
    at timestamptz DEFAULT NULL, occurrence_id uuid DEFAULT NULL, monitor_id uuid DEFAULT NULL)
RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    key text := coalesce(raise_alert.dedup_key, concat_ws(':', raise_alert.alert_type, raise_alert.model_name));
    new alert_occurrences;
    known alert_occurrences;
    alert alerts;
BEGIN
    new.id := coalesce(occurrence_id, ledger_uuid());
    new.occurred_at := ledger_alert_moment(raise_alert.at, NULL);
    new.severity := lower(btrim(raise_alert.severity));
    new.title := raise_alert.title;
    new.message := raise_alert.message;
    new.related_data := coalesce(raise_alert.related_data, '{}');
    LOOP
        SELECT * INTO alert FROM alerts a
        WHERE a.dedup_key = key AND a.status <> 'resolved' FOR NO KEY UPDATE;
        -- Looked up after the wait for the lock, so that an earlier try with the same id is seen.
        SELECT * INTO known FROM alert_occurrences o WHERE o.id = new.id;
        IF FOUND THEN
            SELECT * INTO alert FROM alerts a WHERE a.id = known.alert_id;
            new.alert_id := alert.id;
            new.occurred_at := coalesce(raise_alert.at, known.occurred_at);
            IF new IS DISTINCT FROM known
               OR (alert.dedup_key, alert.alert_type, alert.model_name) IS DISTINCT FROM (key, raise_alert.alert_type, raise_alert.model_name) THEN
                RAISE EXCEPTION 'occurrence_id: % already names another occurrence', new.id USING ERRCODE = 'MLCF0';
            END IF;
            RETURN alert;
        END IF;
        IF alert.id IS NOT NULL THEN
            IF (alert.alert_type, alert.model_name) IS DISTINCT FROM (raise_alert.alert_type, raise_alert.model_name) THEN
                RAISE EXCEPTION 'dedup_key: the open alert % of that key is of type % and about model %',
                    alert.id, alert.alert_type, coalesce(alert.model_name, '(none)')
                    USING ERRCODE = 'MLCF0', HINT = 'Give each type and model a key of its own, or none.';
            END IF;
            UPDATE alerts a
            SET occurrences = a.occurrences + 1,
                severity = CASE WHEN ledger_severity_rank(new.severity) > ledger_severity_rank(a.severity)
                                THEN new.severity ELSE a.severity END,
                first_seen = least(a.first_seen, new.occurred_at),
                last_seen = greatest(a.last_seen, new.occurred_at),
                title = CASE WHEN new.occurred_at >= a.last_seen THEN new.title ELSE a.title END,
                message = CASE WHEN new.occurred_at >= a.last_seen THEN new.message ELSE a.message END,
                related_data = CASE WHEN new.occurred_at >= a.last_seen THEN new.related_data ELSE a.related_data END
            WHERE a.id = alert.id
            RETURNING * INTO alert;
            EXIT;
        END IF;
        INSERT INTO alerts
            (id, alert_type, severity, title, message, related_data, model_name, dedup_key, monitor_id, first_seen, last_seen)
        VALUES
            (new.id, raise_alert.alert_type, new.severity, new.title, new.message, new.related_data, raise_alert.model_name,
             key, raise_alert.monitor_id, new.occurred_at, new.occurred_at)
        ON CONFLICT DO NOTHING
        RETURNING * INTO alert;
        -- Otherwise another has just raised it.
        EXIT WHEN FOUND;
    END LOOP;
    INSERT INTO alert_occurrences (id, alert_id, occurred_at, severity, title, message, related_data)
    VALUES (new.id, alert.id, new.occurred_at, new.severity, new.title, new.message, new.related_data)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Committed under another alert since the look-up: undone here, a repeat will find it.
        RAISE EXCEPTION 'occurrence % was raised at the same time', new.id USING ERRCODE = '40001';
    END IF;
    RETURN alert;
END
$$;
COMMENT ON FUNCTION raise_alert(text, text, text, text, jsonb, text, text, timestamptz, uuid, uuid) IS
    'Opens an alert, or counts one more occurrence on the open one of the same key. Repeating an occurrence_id counts nothing.';

CREATE FUNCTION acknowledge_alert(
    alert_id uuid, acknowledged_by text DEFAULT NULL, notes text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts := ledger_lock_alert(alert_id);
    actor text := coalesce(acknowledge_alert.acknowledged_by, session_user);
BEGIN
    IF alert.acknowledged_by = actor
       AND (acknowledge_alert.notes IS NULL OR starts_with(concat(alert.notes, E'\n'), acknowledge_alert.notes || E'\n')) THEN
        RETURN alert;
    END IF;
    PERFORM ledger_refuse_settled_alert(alert);
    UPDATE alerts a
    SET status = 'acknowledged', acknowledged_by = actor, notes = acknowledge_alert.notes,
        acknowledged_at = ledger_alert_moment(acknowledge_alert.at, a.first_seen)
    WHERE a.id = alert.id
    RETURNING * INTO alert;
    RETURN alert;
END
$$;
COMMENT ON FUNCTION acknowledge_alert(uuid, text, text, timestamptz) IS
    'Records who takes an active alert on. Repeated by the same person with the same notes it changes nothing; whoever else comes later is told who was first.';

CREATE FUNCTION resolve_alert(
    alert_id uuid DEFAULT NULL, dedup_key text DEFAULT NULL, resolved_by text DEFAULT NULL,
    notes text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS SETOF alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts;
    actor text := coalesce(resolve_alert.resolved_by, session_user);
BEGIN
    IF num_nonnulls(resolve_alert.alert_id, resolve_alert.dedup_key) <> 1 THEN
        RAISE EXCEPTION 'alert_id: give either an id or a dedup_key' USING ERRCODE = 'MLIV0';
    ELSIF resolve_alert.alert_id IS NOT NULL THEN
        alert := ledger_lock_alert(resolve_alert.alert_id);
    ELSE
        SELECT * INTO alert FROM alerts a
        WHERE a.dedup_key = resolve_alert.dedup_key AND a.status <> 'resolved' FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    IF alert.status = 'resolved' THEN
        IF alert.resolved_by <> actor
           OR right(concat(E'\n', alert.notes), char_length(resolve_alert.notes) + 1) <> E'\n' || resolve_alert.notes THEN
            PERFORM ledger_refuse_settled_alert(alert);
        END IF;
        RETURN NEXT alert;
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE alerts a
    SET status = 'resolved', resolved_by = actor, notes = nullif(concat_ws(E'\n', a.notes, resolve_alert.notes), ''),
        resolved_at = ledger_alert_moment(resolve_alert.at, greatest(a.last_seen, a.acknowledged_at))
    WHERE a.id = alert.id
    RETURNING *;
END
$$;
COMMENT ON FUNCTION resolve_alert(uuid, text, text, text, timestamptz) IS
    'Ends an alert for good, by its id or as the open alert of a key: then no row when none is open. Repeated by the same person with the same notes it changes nothing.';

CREATE FUNCTION snooze_alert(alert_id uuid, until timestamptz, snoozed_by text DEFAULT NULL) RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts := ledger_lock_alert(alert_id);
    actor text := coalesce(snooze_alert.snoozed_by, session_user);
BEGIN
    IF alert.status = 'resolved' THEN
        PERFORM ledger_refuse_settled_alert(alert);
    ELSIF (alert.snoozed_until, alert.snoozed_by) IS NOT DISTINCT FROM (until, actor) THEN
        RETURN alert;
    ELSIF until <= clock_timestamp() THEN
        RAISE EXCEPTION 'until: lies in the past'
            USING ERRCODE = 'MLIV0', HINT = 'Give none to end the snooze.';
    END IF;
    UPDATE alerts a SET snoozed_until = until, snoozed_by = actor WHERE a.id = alert.id RETURNING * INTO alert;
    RETURN alert;
END
$$;
COMMENT ON FUNCTION snooze_alert(uuid, timestamptz, text) IS
    'Leaves an open alert out of the list of active ones until an instant; without one it is back at once.';

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
