-- Evaluating monitors: raises and resolves alerts on what monitoring runs and metrics say.

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
    'What each monitor found when it was last evaluated; tells new values from evaluated ones.';
COMMENT ON COLUMN monitor_states.monitor_id IS 'The monitor.';
COMMENT ON COLUMN monitor_states.evaluated_at IS 'As of when it was evaluated.';
COMMENT ON COLUMN monitor_states.state IS 'ok, warning, critical or no_data.';
COMMENT ON COLUMN monitor_states.severity IS 'How bad that is: warning, critical or NULL.';
COMMENT ON COLUMN monitor_states.value IS 'The latest value in the window.';
COMMENT ON COLUMN monitor_states.point_at IS 'Time of the latest value ever evaluated.';
COMMENT ON COLUMN monitor_states.alerted_at IS 'When it last raised or repeated its alert.';
COMMENT ON COLUMN monitor_states.alert_id IS 'Its alert, if one was open after the evaluation.';

-- The two that follow are queries of their own: Citus has none that looks into labels once for each row of something else.
CREATE FUNCTION ledger_label_delays(versions uuid[], since timestamptz, until timestamptz, at timestamptz) RETURNS SETOF interval
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (g.prediction_id) g.labeled_at - g.predicted_at
    FROM ground_truth g
    WHERE g.prediction_id >= ledger_uuid_floor(since)
      AND g.predicted_at >= since AND g.predicted_at < until AND g.labeled_at <= at
      AND g.model_version_id = ANY (versions)
    ORDER BY g.prediction_id, g.labeled_at
    LIMIT 200;
END
$$;
COMMENT ON FUNCTION ledger_label_delays(uuid[], timestamptz, timestamptz, timestamptz) IS
    'How long after their prediction the first labels were found out, as known at a timestamp, of the first 200 labelled predictions of some versions within a range of time.';

CREATE FUNCTION ledger_labeled_samples(version uuid, since timestamptz, until timestamptz, at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN (SELECT count(DISTINCT g.prediction_id) FROM ground_truth g
            WHERE g.predicted_at >= since AND g.predicted_at < until
              AND g.model_version_id = version AND g.labeled_at <= at);
END
$$;
COMMENT ON FUNCTION ledger_labeled_samples(uuid, timestamptz, timestamptz, timestamptz) IS
    'How many predictions of a version within a range of time have a label, as known at a timestamp.';

CREATE FUNCTION ledger_label_delay(model_name text, at timestamptz) RETURNS interval
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- A few labels of each day: the first predictions of it, not the first labels, which are the fast ones.
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY greatest(s.delay, '0'))
    FROM (SELECT array_agg(v.id) AS versions FROM model_versions v WHERE v.model_name = ledger_label_delay.model_name) v
    CROSS JOIN generate_series(1, 90) day
    CROSS JOIN LATERAL (SELECT ledger_label_delay.at - day * interval '24 hours' AS since) d
    CROSS JOIN LATERAL ledger_label_delays(v.versions, d.since, d.since + interval '24 hours', ledger_label_delay.at) s (delay)
$$;
COMMENT ON FUNCTION ledger_label_delay(text, timestamptz) IS
    'How long after the prediction 95 % of the first labels of a model are found out, as known at a timestamp from a sample of 90 days; NULL without labels.';

CREATE FUNCTION ledger_coverage_points(monitor monitors, at timestamptz)
RETURNS TABLE (point_at timestamptz, value double precision, details jsonb)
LANGUAGE sql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
    WITH due AS MATERIALIZED (
        -- Bounded, so that a window stays in sight however late labels come.
        SELECT least(coalesce(ledger_label_delay(monitor.model_name, at), '0'), '90 days') AS delay
    ), runs AS (
        SELECT DISTINCT ON (r.timestamp) r.*, d.delay
        FROM monitoring_metrics r CROSS JOIN due d
        WHERE r.model_name = monitor.model_name AND r.coverage_pct IS NOT NULL
          AND r.timestamp > at - monitor.window - d.delay AND r.timestamp <= at - d.delay
        ORDER BY r.timestamp DESC, r.coverage_pct
        LIMIT monitor.consecutive
    )
    SELECT r.timestamp, greatest(r.coverage_pct, least(100.0 * l.labeled_samples / nullif(r.num_predictions, 0), 100)),
           jsonb_build_object('monitoring_run_id', r.id, 'model_version', v.model_version, 'lookback_hours', r.lookback_hours,
                              'recorded', r.coverage_pct, 'label_delay', r.delay)
    FROM runs r
    JOIN model_versions v ON v.id = r.model_version_id
    CROSS JOIN LATERAL ledger_labeled_samples(
        r.model_version_id, r.timestamp - r.lookback_hours * interval '1 hour', r.timestamp, at) l (labeled_samples)
$$;
COMMENT ON FUNCTION ledger_coverage_points(monitors, timestamptz) IS
    'The label coverage of the latest windows whose labels are due: as recorded, or as high as it has become since.';

CREATE FUNCTION ledger_monitor_points(monitor monitors, at timestamptz)
RETURNS TABLE (point_at timestamptz, value double precision, details jsonb)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := at - monitor.window;
    -- If timestamps tie, the worst counts: the largest, or for < and <= the smallest.
    sign integer := CASE WHEN monitor.operator IN ('>', '>=') THEN 1 ELSE -1 END;
BEGIN
    IF monitor.metric_name = 'coverage_pct' AND monitor.source = 'monitoring' THEN
        RETURN QUERY SELECT * FROM ledger_coverage_points(monitor, at);
    ELSIF monitor.source = 'monitoring' THEN
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
    'The latest values that a monitor evaluates at a timestamp, as many as must be bad in a row.';

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
        -- The severity is not named: that of the alert is the worst of its occurrences, not that of the latest.
        title := format('%s is %s (%s %s)', what,
            trim_scale(round(value::numeric, 4 - coalesce(ceil(log(nullif(abs(value), 0)::numeric)), 0)::integer)),
            monitor.operator, threshold);
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
    alert := ledger_lock_open_alert('monitor:' || monitor.id);
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
        -- No data means no new values to tell one run from the next: it counts once per window.
        IF last.state IS DISTINCT FROM 'no_data' OR at >= last.alerted_at + monitor.window THEN
            raised := next.severity;
        END IF;
    ELSIF next.point_at <= last.point_at THEN
        -- Evaluated already, whatever has happened to the alert since.
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
    'Evaluates one locked monitor as of a timestamp and returns what happened to its alert: raised, repeated, resolved or none.';

CREATE FUNCTION run_monitors(for_model text DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS TABLE (
    monitor_id uuid, model_name text, name text, source text, metric_name text, state text, severity text,
    value double precision, operator text, threshold double precision, point_at timestamptz, evaluated_at timestamptz,
    alert_id uuid, done text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    at_time timestamptz := ledger_alert_timestamp(run_monitors.at, NULL);
    known uuid;
    monitor monitors;
    what text;
BEGIN
    IF for_model IS NOT NULL THEN
        PERFORM ledger_require_known_model(for_model, NULL);
    END IF;
    FOR known IN
        SELECT m.id FROM monitors m
        WHERE m.enabled AND m.removed_at IS NULL AND (for_model IS NULL OR m.model_name = for_model)
        ORDER BY m.id
    LOOP
        -- Locked, so that of two concurrent runs the second sees what the first has evaluated.
        monitor := ledger_lock_monitor(known);
        CONTINUE WHEN NOT monitor.enabled OR monitor.removed_at IS NOT NULL;
        what := ledger_run_monitor(monitor, at_time);
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
    'Evaluates the monitors of a model, or all, as of a timestamp: raises, repeats and resolves their alerts. Evaluating the same data again changes nothing, nor does going back in time.';
REVOKE ALL ON FUNCTION run_monitors(text, timestamptz) FROM PUBLIC;

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
COMMENT ON COLUMN v_monitors.consecutive IS 'How many of the latest values must all be bad before an alert is raised.';
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
COMMENT ON COLUMN v_monitors.value IS 'The latest value in the window.';
COMMENT ON COLUMN v_monitors.point_at IS 'Time of the latest value ever evaluated.';
COMMENT ON COLUMN v_monitors.alert_id IS 'Its alert, if one was open after the evaluation.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'monitor_states'),
    ('writer', 'EXECUTE', 'FUNCTION', 'run_monitors'),
    ('reader', 'SELECT', 'VIEW', 'v_monitors');
