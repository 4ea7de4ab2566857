-- Monitors: rules that raise and resolve alerts on what monitoring runs and metrics say.

CREATE TABLE monitors (
    id uuid CONSTRAINT monitors_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    model_name text
        CONSTRAINT monitors_model_name_check CHECK (model_name IS NOT NULL OR source = 'system'),
    name text NOT NULL
        CONSTRAINT monitors_name_check
        CHECK (char_length(name) BETWEEN 1 AND 255 AND name = btrim(name) AND name !~ '[[:cntrl:]]'),
    source text NOT NULL
        CONSTRAINT monitors_source_check CHECK (source IN ('monitoring', 'performance', 'system')),
    metric_name text NOT NULL
        CONSTRAINT monitors_metric_name_check
        CHECK (char_length(metric_name) BETWEEN 1 AND 255 AND metric_name = btrim(metric_name) AND metric_name !~ '[[:cntrl:]]'),
    slice text NOT NULL DEFAULT ''
        CONSTRAINT monitors_slice_check CHECK (slice = '' OR source = 'performance'),
    host text
        CONSTRAINT monitors_host_check CHECK ((host IS NOT NULL) = (source = 'system')),
    attributes jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT monitors_attributes_check CHECK (jsonb_typeof(attributes) = 'object' AND (attributes = '{}' OR source = 'system')),
    "window" interval NOT NULL
        CONSTRAINT monitors_window_check CHECK ("window" > '0' AND "window" <= '3660 days'),
    operator text NOT NULL
        CONSTRAINT monitors_operator_check CHECK (operator IN ('>', '>=', '<', '<=')),
    warning_threshold double precision
        CONSTRAINT monitors_warning_threshold_check CHECK (abs(warning_threshold) <= 1e150),
    critical_threshold double precision
        CONSTRAINT monitors_critical_threshold_check CHECK (abs(critical_threshold) <= 1e150),
    consecutive integer NOT NULL DEFAULT 1
        CONSTRAINT monitors_consecutive_check CHECK (consecutive BETWEEN 1 AND 100),
    no_data text NOT NULL DEFAULT 'ok'
        CONSTRAINT monitors_no_data_check CHECK (no_data IN ('ok', 'warning', 'critical')),
    hysteresis double precision NOT NULL DEFAULT 0
        CONSTRAINT monitors_hysteresis_check CHECK (hysteresis BETWEEN 0 AND 1e150),
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT monitors_created_at_check CHECK (created_at >= '0001-01-01 00:00+00' AND created_at < '10000-01-01 00:00+00'),
    created_by text NOT NULL DEFAULT session_user,
    removed_at timestamptz
        CONSTRAINT monitors_removed_at_check CHECK (removed_at >= created_at AND removed_at < '10000-01-01 00:00+00'),
    removed_by text,
    CONSTRAINT monitors_known_metric_check
        CHECK (source <> 'monitoring'
               OR metric_name IN ('num_predictions', 'positive_rate', 'probability_mean', 'probability_std', 'entropy',
                                  'dataset_drift_detected', 'feature_drift_ratio', 'num_drifted_features', 'num_features',
                                  'coverage_pct', 'labeled_samples')),
    CONSTRAINT monitors_thresholds_check
        CHECK (num_nonnulls(warning_threshold, critical_threshold) > 0
               AND CASE WHEN operator IN ('>', '>=') THEN critical_threshold > warning_threshold
                        ELSE critical_threshold < warning_threshold END IS NOT FALSE),
    CONSTRAINT monitors_removed_by_check CHECK ((removed_by IS NULL) = (removed_at IS NULL))
);
CREATE UNIQUE INDEX monitors_one_of_a_name_idx ON monitors (model_name, name) NULLS NOT DISTINCT WHERE removed_at IS NULL;
CREATE INDEX monitors_model_name_idx ON monitors (model_name, id);

COMMENT ON TABLE monitors IS
    'Rules that raise alerts. A rule is never changed, so that its alerts can be understood later: remove it and add another.';
COMMENT ON COLUMN monitors.id IS 'Time-ordered id (UUIDv7); its alerts have the dedup_key monitor:id.';
COMMENT ON COLUMN monitors.model_name IS 'The model; only a monitor of system metrics may do without.';
COMMENT ON COLUMN monitors.name IS 'Name of the rule, once per model.';
COMMENT ON COLUMN monitors.source IS 'Where the values are: monitoring (a column of monitoring_metrics), performance (performance_metrics at stage production) or system (system_metrics).';
COMMENT ON COLUMN monitors.metric_name IS 'The metric that is watched.';
COMMENT ON COLUMN monitors.slice IS 'For performance metrics: the slice; empty for the values over all data.';
COMMENT ON COLUMN monitors.host IS 'For system metrics: the host.';
COMMENT ON COLUMN monitors.attributes IS 'For system metrics: attributes that the values must have.';
COMMENT ON COLUMN monitors."window" IS 'How far back values count; none in there means no data.';
COMMENT ON COLUMN monitors.operator IS 'The value is bad when it is >, >=, < or <= a threshold.';
COMMENT ON COLUMN monitors.warning_threshold IS 'From where on it is a warning.';
COMMENT ON COLUMN monitors.critical_threshold IS 'From where on it is critical; further in the direction of the operator.';
COMMENT ON COLUMN monitors.consecutive IS 'How many of the newest values must all be bad before an alert is raised.';
COMMENT ON COLUMN monitors.no_data IS 'What it means when there is no value in the window: ok, warning or critical.';
COMMENT ON COLUMN monitors.hysteresis IS 'How far behind the threshold the value must come back before the alert is resolved.';
COMMENT ON COLUMN monitors.enabled IS 'Whether it is evaluated.';
COMMENT ON COLUMN monitors.created_at IS 'When it was added.';
COMMENT ON COLUMN monitors.created_by IS 'Who added it.';
COMMENT ON COLUMN monitors.removed_at IS 'When it was removed; the row stays for the alerts that name it.';
COMMENT ON COLUMN monitors.removed_by IS 'Who removed it.';

CREATE TABLE monitor_states (
    monitor_id uuid CONSTRAINT monitor_states_pkey PRIMARY KEY
        CONSTRAINT monitor_states_monitor_fkey REFERENCES monitors (id),
    evaluated_at timestamptz NOT NULL,
    state text NOT NULL
        CONSTRAINT monitor_states_state_check CHECK (state IN ('ok', 'warning', 'critical', 'no_data')),
    severity text
        CONSTRAINT monitor_states_severity_check CHECK (severity IN ('warning', 'critical')),
    value double precision,
    point_at timestamptz,
    alerted_at timestamptz,
    alert_id uuid
        CONSTRAINT monitor_states_alert_fkey REFERENCES alerts (id)
);
CREATE INDEX monitor_states_alert_idx ON monitor_states (alert_id) WHERE alert_id IS NOT NULL;
COMMENT ON TABLE monitor_states IS
    'What each monitor found when it was last evaluated; tells new values from those that have been judged.';
COMMENT ON COLUMN monitor_states.monitor_id IS 'The monitor.';
COMMENT ON COLUMN monitor_states.evaluated_at IS 'As of when it was evaluated.';
COMMENT ON COLUMN monitor_states.state IS 'ok, warning, critical or no_data.';
COMMENT ON COLUMN monitor_states.severity IS 'How bad that is: warning, critical or NULL.';
COMMENT ON COLUMN monitor_states.value IS 'The newest value in the window.';
COMMENT ON COLUMN monitor_states.point_at IS 'Time of the newest value that was ever judged.';
COMMENT ON COLUMN monitor_states.alerted_at IS 'When it last raised or repeated its alert.';
COMMENT ON COLUMN monitor_states.alert_id IS 'Its alert, if one was open after the evaluation.';

ALTER TABLE alerts ADD CONSTRAINT alerts_monitor_fkey FOREIGN KEY (monitor_id) REFERENCES monitors (id);
CREATE INDEX alerts_monitor_idx ON alerts (monitor_id) WHERE monitor_id IS NOT NULL;

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

CREATE TRIGGER monitors_append_only
    BEFORE DELETE OR TRUNCATE ON monitors
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION monitors_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.source := lower(btrim(NEW.source));
    NEW.no_data := lower(btrim(NEW.no_data));
    IF NEW.model_name IS NOT NULL THEN
        PERFORM ledger_require_known_model(NEW.model_name, NULL);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION monitors_before_insert() IS 'Trigger of monitors: the model must be known.';

CREATE FUNCTION monitors_before_update() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    allowed monitors := OLD;
BEGIN
    allowed.enabled := NEW.enabled;
    allowed.removed_at := NEW.removed_at;
    allowed.removed_by := NEW.removed_by;
    IF OLD.removed_at IS NOT NULL OR allowed IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'monitor % is never changed, only enabled, disabled or removed', OLD.id
            USING ERRCODE = 'MLAO0', HINT = 'Remove it and add another.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION monitors_before_update() IS
    'Trigger of monitors: a rule keeps its words, so that its alerts can be understood later.';

CREATE TRIGGER monitors_before_insert
    BEFORE INSERT ON monitors
    FOR EACH ROW EXECUTE FUNCTION monitors_before_insert();
CREATE TRIGGER monitors_before_update
    BEFORE UPDATE ON monitors
    FOR EACH ROW EXECUTE FUNCTION monitors_before_update();

CREATE FUNCTION add_default_monitors(
    model_name text, "window" interval DEFAULT '8 days', created_by text DEFAULT NULL)
RETURNS SETOF monitors
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_require_known_model(add_default_monitors.model_name, NULL);
    RETURN QUERY
    WITH reference AS (
        SELECT * FROM model_versions v WHERE v.model_name = add_default_monitors.model_name
        ORDER BY (v.stage = 'production') DESC, v.created_at DESC, v.id DESC LIMIT 1
    ), registered (metric_name, value, is_loss) AS (
        SELECT m.* FROM reference v CROSS JOIN LATERAL (VALUES
            ('accuracy', v.accuracy, false), ('f1_score', v.f1_score, false), ('roc_auc', v.roc_auc, false),
            ('brier_score', v.brier_score, true), ('rmse', v.rmse, true), ('mae', v.mae, true)) m
    ), rules (name, source, metric_name, operator, warning, critical, consecutive, no_data, hysteresis) AS (
        VALUES
            ('feature_drift_ratio', 'monitoring', 'feature_drift_ratio', '>=', 0.3::double precision, 0.5::double precision,
             1, 'ok', 0.05::double precision),
            ('num_predictions', 'monitoring', 'num_predictions', '<=', NULL, 0, 1, 'warning', 0),
            ('coverage_pct', 'monitoring', 'coverage_pct', '<', 50, NULL, 2, 'ok', 5)
        UNION ALL
        -- Against what the version promised at registration; one that promised nothing has no rule.
        SELECT r.metric_name, 'performance', r.metric_name, CASE WHEN r.is_loss THEN '>' ELSE '<' END,
               r.value * CASE WHEN r.is_loss THEN 1.1 ELSE 0.95 END,
               r.value * CASE WHEN r.is_loss THEN 1.25 ELSE 0.9 END, 1, 'ok', r.value * 0.01
        FROM registered r WHERE r.value > 0
    )
    INSERT INTO monitors AS m
        (model_name, name, source, metric_name, operator, warning_threshold, critical_threshold, consecutive, no_data,
         hysteresis, "window", created_by)
    SELECT add_default_monitors.model_name, r.*, add_default_monitors.window,
           coalesce(add_default_monitors.created_by, session_user)
    FROM rules r
    ON CONFLICT DO NOTHING
    RETURNING m.*;
END
$$;
COMMENT ON FUNCTION add_default_monitors(text, interval, text) IS
    'Adds the usual monitors of a model and returns them; one whose name is taken is left as it is. Performance is held against the metrics at registration of the version in production.';

CREATE FUNCTION remove_monitor(monitor_id uuid, removed_by text DEFAULT NULL) RETURNS monitors
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    monitor monitors;
    actor text := coalesce(remove_monitor.removed_by, session_user);
BEGIN
    SELECT * INTO monitor FROM monitors m WHERE m.id = remove_monitor.monitor_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no monitor %', remove_monitor.monitor_id USING ERRCODE = 'MLNF0';
    ELSIF monitor.removed_at IS NULL THEN
        UPDATE monitors m SET removed_at = clock_timestamp(), removed_by = actor
        WHERE m.id = monitor.id RETURNING * INTO monitor;
        PERFORM resolve_alert(dedup_key => 'monitor:' || monitor.id, resolved_by => actor, notes => 'the monitor was removed');
    END IF;
    RETURN monitor;
END
$$;
COMMENT ON FUNCTION remove_monitor(uuid, text) IS
    'Ends a monitor and resolves its alert; repeating it changes nothing.';

CREATE FUNCTION ledger_monitor_points(monitor monitors, at timestamptz)
RETURNS TABLE (point_at timestamptz, value double precision, details jsonb)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := at - monitor.window;
    -- Of several values at one time the worst counts: the largest, or for < and <= the smallest.
    sign integer := CASE WHEN monitor.operator IN ('>', '>=') THEN 1 ELSE -1 END;
BEGIN
    IF monitor.source = 'monitoring' THEN
        RETURN QUERY
        SELECT DISTINCT ON (r.timestamp) r.timestamp, n.value,
               jsonb_build_object('monitoring_run_id', r.id, 'model_version', v.model_version, 'lookback_hours', r.lookback_hours)
        FROM monitoring_metrics r
        JOIN model_versions v ON v.id = r.model_version_id
        CROSS JOIN LATERAL (SELECT to_jsonb(r) -> monitor.metric_name AS value) j
        CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(j.value) WHEN 'number' THEN j.value::double precision
                                        WHEN 'boolean' THEN j.value::boolean::integer END AS value) n
        WHERE r.model_name = monitor.model_name AND r.timestamp > since AND r.timestamp <= at AND n.value IS NOT NULL
        ORDER BY r.timestamp DESC, sign * n.value DESC
        LIMIT monitor.consecutive;
    ELSIF monitor.source = 'performance' THEN
        RETURN QUERY
        SELECT DISTINCT ON (p.timestamp) p.timestamp, p.metric_value,
               jsonb_build_object('performance_metric_id', p.id, 'model_version', v.model_version, 'slice', p.slice)
        FROM performance_metrics p
        JOIN model_versions v ON v.id = p.model_version_id
        WHERE p.model_name = monitor.model_name AND p.metric_name = monitor.metric_name AND p.stage = 'production'
          AND p.slice = monitor.slice AND p.timestamp > since AND p.timestamp <= at
        ORDER BY p.timestamp DESC, sign * p.metric_value DESC
        LIMIT monitor.consecutive;
    ELSE
        RETURN QUERY
        SELECT DISTINCT ON (s.timestamp) s.timestamp, s.metric_value,
               jsonb_build_object('system_metric_id', s.id, 'host', s.host, 'attributes', s.attributes, 'unit', s.unit)
        FROM system_metrics s
        WHERE s.metric_name = monitor.metric_name AND s.host = monitor.host AND s.attributes @> monitor.attributes
          AND s.timestamp > since AND s.timestamp <= at
        ORDER BY s.timestamp DESC, sign * s.metric_value DESC
        LIMIT monitor.consecutive;
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_monitor_points(monitors, timestamptz) IS
    'The newest values that a monitor judges at an instant, as many as must be bad in a row.';

CREATE FUNCTION ledger_monitor_rank(monitor monitors, value double precision, slack double precision DEFAULT 0)
RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT
RETURN (
    SELECT coalesce(max(t.rank), 0)
    FROM (VALUES (2, monitor.warning_threshold), (3, monitor.critical_threshold)) t (rank, threshold)
    WHERE CASE monitor.operator
              WHEN '>' THEN value > t.threshold - slack
              WHEN '>=' THEN value >= t.threshold - slack
              WHEN '<' THEN value < t.threshold + slack
              WHEN '<=' THEN value <= t.threshold + slack
          END);
COMMENT ON FUNCTION ledger_monitor_rank(monitors, double precision, double precision) IS
    'How bad a value is, with thresholds that are lower by a slack: 0 good, 2 warning, 3 critical.';

CREATE FUNCTION ledger_raise_by_monitor(monitor monitors, severity text, points jsonb, at timestamptz) RETURNS alerts
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    what text := format('%s of %s', monitor.metric_name, coalesce(monitor.model_name, monitor.host));
    threshold double precision := CASE severity WHEN 'critical' THEN monitor.critical_threshold ELSE monitor.warning_threshold END;
    value double precision := (points #> '{0,value}')::double precision;
    title text := format('%s: no data for %s', what, monitor.window);
    message text;
BEGIN
    IF value IS NOT NULL THEN
        -- Four digits are enough for people; the exact value is in the data.
        title := format('%s is %s (%s: %s %s)', what,
            trim_scale(round(value::numeric, 4 - coalesce(ceil(log(nullif(abs(value), 0)::numeric)), 0)::integer)),
            severity, monitor.operator, threshold);
        message := format('Monitor %s, value of %s UTC%s.', monitor.name,
            to_char((points #>> '{0,point_at}')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
            ', version ' || (points #>> '{0,details,model_version}'));
    END IF;
    RETURN raise_alert(
        monitor.metric_name, title, severity, message,
        jsonb_strip_nulls(jsonb_build_object(
            'monitor', monitor.name, 'source', monitor.source, 'metric_name', monitor.metric_name,
            'operator', monitor.operator, 'threshold', CASE WHEN value IS NOT NULL THEN threshold END,
            'window', monitor.window, 'consecutive', monitor.consecutive)) || jsonb_build_object('points', points),
        monitor.model_name, 'monitor:' || monitor.id, at, NULL, monitor.id);
END
$$;
COMMENT ON FUNCTION ledger_raise_by_monitor(monitors, text, jsonb, timestamptz) IS
    'Raises the alert of a monitor, with what it has seen.';

CREATE FUNCTION ledger_run_monitor(monitor monitors, at timestamptz) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last monitor_states;
    next monitor_states;
    alert alerts;
    points jsonb;
    newest_rank integer;
    rank_in_a_row integer;
    current_rank integer;
    new_rank integer := 0;
    raised text;
    done text := 'none';
BEGIN
    SELECT * INTO last FROM monitor_states s WHERE s.monitor_id = monitor.id;
    IF at < last.evaluated_at THEN
        RETURN done;
    END IF;
    SELECT * INTO alert FROM alerts a
    WHERE a.dedup_key = 'monitor:' || monitor.id AND a.status <> 'resolved' FOR NO KEY UPDATE;
    SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.point_at DESC), '[]'),
           CASE WHEN count(*) = monitor.consecutive THEN min(ledger_monitor_rank(monitor, p.value)) ELSE 0 END,
           max(p.point_at)
    INTO points, rank_in_a_row, next.point_at
    FROM ledger_monitor_points(monitor, at) p;
    next.monitor_id := monitor.id;
    next.evaluated_at := at;
    next.alerted_at := last.alerted_at;
    IF next.point_at IS NULL THEN
        next.state := 'no_data';
        next.severity := nullif(monitor.no_data, 'ok');
        next.point_at := last.point_at;
        -- Silence has no new values to tell one run from the next: it counts once per window.
        IF last.state IS DISTINCT FROM 'no_data' OR at >= last.alerted_at + monitor.window THEN
            raised := next.severity;
        END IF;
    ELSIF next.point_at <= last.point_at THEN
        -- Judged already, whatever has become of the alert since.
        next.state := last.state;
        next.severity := last.severity;
        next.value := last.value;
    ELSE
        next.value := (points #> '{0,value}')::double precision;
        newest_rank := ledger_monitor_rank(monitor, next.value);
        current_rank := CASE WHEN alert.id IS NULL THEN 0
                             ELSE ledger_severity_rank(coalesce(last.severity, alert.severity)) END;
        new_rank := greatest(rank_in_a_row, least(current_rank, ledger_monitor_rank(monitor, next.value, monitor.hysteresis)));
        next.severity := (ARRAY[NULL, 'warning', 'critical'])[new_rank];
        next.state := coalesce(next.severity, 'ok');
        -- A value that only hysteresis keeps bad does not count.
        raised := (ARRAY[NULL, 'warning', 'critical'])[least(new_rank, newest_rank)];
        IF new_rank = 0 AND alert.id IS NOT NULL THEN
            PERFORM resolve_alert(alert.id, NULL, 'monitor ' || monitor.name, NULL, greatest(at, alert.last_seen, alert.acknowledged_at));
            alert.id := NULL;
            done := 'resolved';
        END IF;
    END IF;
    IF raised IS NOT NULL THEN
        done := CASE WHEN alert.id IS NULL THEN 'raised' ELSE 'repeated' END;
        alert := ledger_raise_by_monitor(monitor, raised, points, at);
        next.alerted_at := at;
    END IF;
    next.alert_id := alert.id;
    INSERT INTO monitor_states SELECT next.*
    ON CONFLICT ON CONSTRAINT monitor_states_pkey DO UPDATE
    SET evaluated_at = excluded.evaluated_at, state = excluded.state, severity = excluded.severity, value = excluded.value,
        point_at = excluded.point_at, alerted_at = excluded.alerted_at, alert_id = excluded.alert_id;
    RETURN done;
END
$$;
COMMENT ON FUNCTION ledger_run_monitor(monitors, timestamptz) IS
    'Evaluates one locked monitor as of an instant and tells what became of its alert: raised, repeated, resolved or none.';

CREATE FUNCTION run_monitors(for_model text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS TABLE (
    monitor_id uuid, model_name text, name text, source text, metric_name text, state text, severity text,
    value double precision, operator text, threshold double precision, point_at timestamptz, evaluated_at timestamptz,
    alert_id uuid, done text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz := ledger_alert_moment(run_monitors.at, NULL);
    monitor monitors;
    what text;
BEGIN
    IF for_model IS NOT NULL THEN
        PERFORM ledger_require_known_model(for_model, NULL);
    END IF;
    -- Locked, so that of two runs at once the second sees what the first has judged.
    FOR monitor IN
        SELECT * FROM monitors m
        WHERE m.enabled AND m.removed_at IS NULL AND (for_model IS NULL OR m.model_name = for_model)
        ORDER BY m.id FOR NO KEY UPDATE
    LOOP
        what := ledger_run_monitor(monitor, moment);
        RETURN QUERY
        SELECT monitor.id, monitor.model_name, monitor.name, monitor.source, monitor.metric_name, s.state, s.severity,
               s.value, monitor.operator,
               CASE s.state WHEN 'critical' THEN monitor.critical_threshold WHEN 'warning' THEN monitor.warning_threshold END,
               s.point_at, s.evaluated_at, s.alert_id, what
        FROM monitor_states s WHERE s.monitor_id = monitor.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION run_monitors(text, timestamptz) IS
    'Evaluates the monitors of a model, or all, as of an instant: raises, repeats and resolves their alerts. Evaluating the same data again changes nothing, nor does going back in time.';

CREATE VIEW v_monitors WITH (security_invoker = true) AS
SELECT m.id, m.model_name, m.name, m.source, m.metric_name, m.slice, m.host, m.attributes, m."window",
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
COMMENT ON COLUMN v_monitors.attributes IS 'For system metrics: attributes that the values must have.';
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
