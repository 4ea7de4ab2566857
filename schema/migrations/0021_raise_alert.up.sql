-- What happens to alerts: raise, acknowledge, resolve, snooze.

CREATE FUNCTION ledger_alert_timestamp(at timestamptz, earliest timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF at IS NULL THEN
        -- The clock of an earlier caller may be a little ahead of the server's.
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
COMMENT ON FUNCTION ledger_alert_timestamp(timestamptz, timestamptz) IS
    'The timestamp of something that happens to an alert: the one given, if it is not too early, else now.';

CREATE FUNCTION ledger_lock_alert(alert_id uuid) RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked alerts;
BEGIN
    PERFORM ledger_take_turn(
        ARRAY['3', (SELECT a.dedup_key FROM alerts a WHERE a.id = alert_id)],
        format('SELECT FROM alerts WHERE id = %L FOR NO KEY UPDATE', alert_id));
    SELECT * INTO locked FROM alerts a WHERE a.id = alert_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no alert %', alert_id USING ERRCODE = 'MLNF0';
    END IF;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION ledger_lock_alert(uuid) IS 'Locks an alert until the end of the transaction.';

CREATE FUNCTION ledger_lock_open_alert(dedup_key text) RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked alerts;
BEGIN
    PERFORM ledger_take_turn(
        ARRAY['3', dedup_key],
        format('SELECT FROM alerts WHERE dedup_key = %L AND status <> ''resolved'' FOR NO KEY UPDATE', dedup_key));
    SELECT * INTO locked FROM alerts a
    WHERE a.dedup_key = ledger_lock_open_alert.dedup_key AND a.status <> 'resolved' FOR NO KEY UPDATE;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION ledger_lock_open_alert(text) IS
    'Locks the open alert of a key, if there is one, until the end of the transaction.';

CREATE FUNCTION ledger_refuse_closed_alert(alert alerts) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF alert.status <> 'active' THEN
        RAISE EXCEPTION 'alert % was already % by % at %', alert.id, alert.status,
            coalesce(alert.resolved_by, alert.acknowledged_by), coalesce(alert.resolved_at, alert.acknowledged_at)
            USING ERRCODE = 'MLCF0';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_refuse_closed_alert(alerts) IS
    'Tells a late caller who acknowledged or resolved the alert, and when.';

CREATE FUNCTION raise_alert(
    alert_type text, title text, severity text DEFAULT 'warning', message text DEFAULT NULL,
    related_data jsonb DEFAULT NULL, model_name text DEFAULT NULL, dedup_key text DEFAULT NULL,
    at timestamptz DEFAULT NULL, occurrence_id uuid DEFAULT NULL, monitor_id uuid DEFAULT NULL)
RETURNS alerts
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    key text := coalesce(raise_alert.dedup_key, concat_ws(':', raise_alert.alert_type, raise_alert.model_name));
    new alert_occurrences;
    known alert_occurrences;
    alert alerts;
BEGIN
    new.id := coalesce(occurrence_id, ledger_uuid());
    new.occurred_at := ledger_alert_timestamp(raise_alert.at, NULL);
    new.severity := lower(btrim(raise_alert.severity) COLLATE "C");
    new.title := raise_alert.title;
    new.message := raise_alert.message;
    new.related_data := coalesce(raise_alert.related_data, '{}');
    -- Out of turn it is raised by that statement, and found below to be known.
    PERFORM ledger_take_turn(
        ARRAY['3', key], NULL,
        format('SELECT raise_alert(%L, %L, %L, %L, %L, %L, %L, %L, %L, %L)', raise_alert.alert_type, raise_alert.title,
               raise_alert.severity, raise_alert.message, raise_alert.related_data, raise_alert.model_name, key,
               raise_alert.at, new.id, raise_alert.monitor_id));
    LOOP
        alert := ledger_lock_open_alert(key);
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
        IF ledger_run_in_turn(format(
            'INSERT INTO alerts'
            ' (id, alert_type, severity, title, message, related_data, model_name, dedup_key, monitor_id, first_seen, last_seen)'
            ' VALUES (%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L) ON CONFLICT DO NOTHING',
            new.id, raise_alert.alert_type, new.severity, new.title, new.message, new.related_data, raise_alert.model_name,
            key, raise_alert.monitor_id, new.occurred_at, new.occurred_at)) THEN
            SELECT * INTO alert FROM alerts a WHERE a.id = new.id;
            EXIT;
        END IF;
        -- Another has just raised it.
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
REVOKE ALL ON FUNCTION raise_alert(text, text, text, text, jsonb, text, text, timestamptz, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION acknowledge_alert(
    alert_id uuid, acknowledged_by text DEFAULT NULL, notes text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS alerts
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts := ledger_lock_alert(alert_id);
    actor text := coalesce(acknowledge_alert.acknowledged_by, session_user);
BEGIN
    IF alert.acknowledged_by = actor
       AND (acknowledge_alert.notes IS NULL OR starts_with(concat(alert.notes, E'\n'), acknowledge_alert.notes || E'\n')) THEN
        RETURN alert;
    END IF;
    PERFORM ledger_refuse_closed_alert(alert);
    UPDATE alerts a
    SET status = 'acknowledged', acknowledged_by = actor, notes = acknowledge_alert.notes,
        acknowledged_at = ledger_alert_timestamp(acknowledge_alert.at, a.first_seen)
    WHERE a.id = alert.id
    RETURNING * INTO alert;
    RETURN alert;
END
$$;
COMMENT ON FUNCTION acknowledge_alert(uuid, text, text, timestamptz) IS
    'Acknowledges an active alert. Idempotent per person and notes; a later caller is told who was first.';
REVOKE ALL ON FUNCTION acknowledge_alert(uuid, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION resolve_alert(
    alert_id uuid DEFAULT NULL, dedup_key text DEFAULT NULL, resolved_by text DEFAULT NULL,
    notes text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS SETOF alerts
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts;
    actor text := coalesce(resolve_alert.resolved_by, session_user);
BEGIN
    IF num_nonnulls(resolve_alert.alert_id, resolve_alert.dedup_key) <> 1 THEN
        RAISE EXCEPTION 'alert_id: give either an id or a dedup_key' USING ERRCODE = 'MLIV0';
    ELSIF resolve_alert.alert_id IS NOT NULL THEN
        alert := ledger_lock_alert(resolve_alert.alert_id);
    ELSE
        alert := ledger_lock_open_alert(resolve_alert.dedup_key);
        IF alert.id IS NULL THEN
            RETURN;
        END IF;
    END IF;
    IF alert.status = 'resolved' THEN
        IF alert.resolved_by <> actor
           OR right(concat(E'\n', alert.notes), char_length(resolve_alert.notes) + 1) <> E'\n' || resolve_alert.notes THEN
            PERFORM ledger_refuse_closed_alert(alert);
        END IF;
        RETURN NEXT alert;
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE alerts a
    SET status = 'resolved', resolved_by = actor, notes = nullif(concat_ws(E'\n', a.notes, resolve_alert.notes), ''),
        resolved_at = ledger_alert_timestamp(resolve_alert.at, greatest(a.last_seen, a.acknowledged_at))
    WHERE a.id = alert.id
    RETURNING *;
END
$$;
COMMENT ON FUNCTION resolve_alert(uuid, text, text, text, timestamptz) IS
    'Ends an alert for good, by its id or as the open alert of a key: then no row when none is open. Idempotent per person and notes.';
REVOKE ALL ON FUNCTION resolve_alert(uuid, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION snooze_alert(alert_id uuid, until timestamptz, snoozed_by text DEFAULT NULL) RETURNS alerts
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    alert alerts := ledger_lock_alert(alert_id);
    actor text := coalesce(snooze_alert.snoozed_by, session_user);
BEGIN
    IF alert.status = 'resolved' THEN
        PERFORM ledger_refuse_closed_alert(alert);
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
    'Hides an open alert from the list of active ones until a timestamp; without one it is back at once.';
REVOKE ALL ON FUNCTION snooze_alert(uuid, timestamptz, text) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'raise_alert'),
    ('writer', 'EXECUTE', 'FUNCTION', 'resolve_alert'),
    ('approver', 'EXECUTE', 'FUNCTION', 'acknowledge_alert'),
    ('approver', 'EXECUTE', 'FUNCTION', 'resolve_alert'),
    ('approver', 'EXECUTE', 'FUNCTION', 'snooze_alert');
