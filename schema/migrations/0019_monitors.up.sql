-- Monitors: rules about what monitoring runs and metrics say.

CREATE TABLE monitors (
    id uuid CONSTRAINT monitors_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    model_name text
        CONSTRAINT monitors_model_name_check CHECK (model_name IS NOT NULL OR source = 'system'),
    name text NOT NULL
        CONSTRAINT monitors_name_check CHECK (ledger_is_name(name)),
    source text NOT NULL
        CONSTRAINT monitors_source_check CHECK (source IN ('monitoring', 'performance', 'system')),
    metric_name text NOT NULL
        CONSTRAINT monitors_metric_name_check CHECK (ledger_is_name(metric_name)),
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
        CONSTRAINT monitors_created_at_check CHECK (ledger_is_time(created_at)),
    created_by text NOT NULL DEFAULT session_user
        CONSTRAINT monitors_created_by_check CHECK (ledger_is_person(created_by)),
    removed_at timestamptz
        CONSTRAINT monitors_removed_at_check CHECK (removed_at >= created_at AND removed_at < '10000-01-01 00:00+00'),
    removed_by text
        CONSTRAINT monitors_removed_by_check CHECK (ledger_is_person(removed_by)),
    CONSTRAINT monitors_known_metric_check
        CHECK (source <> 'monitoring'
               OR metric_name IN ('num_predictions', 'positive_rate', 'probability_mean', 'probability_std', 'entropy',
                                  'dataset_drift_detected', 'feature_drift_ratio', 'num_drifted_features', 'num_features',
                                  'coverage_pct', 'labeled_samples')),
    CONSTRAINT monitors_thresholds_check
        CHECK (num_nonnulls(warning_threshold, critical_threshold) > 0
               AND CASE WHEN operator IN ('>', '>=') THEN critical_threshold > warning_threshold
                        ELSE critical_threshold < warning_threshold END IS NOT FALSE),
    CONSTRAINT monitors_removal_check CHECK ((removed_by IS NULL) = (removed_at IS NULL))
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
COMMENT ON COLUMN monitors.consecutive IS 'How many of the latest values must all be bad before an alert is raised.';
COMMENT ON COLUMN monitors.no_data IS 'What it means when there is no value in the window: ok, warning or critical.';
COMMENT ON COLUMN monitors.hysteresis IS 'How far behind the threshold the value must come back before the alert is resolved.';
COMMENT ON COLUMN monitors.enabled IS 'Whether it is evaluated.';
COMMENT ON COLUMN monitors.created_at IS 'When it was added.';
COMMENT ON COLUMN monitors.created_by IS 'Who added it.';
COMMENT ON COLUMN monitors.removed_at IS 'When it was removed; the row stays for the alerts that name it.';
COMMENT ON COLUMN monitors.removed_by IS 'Who removed it.';

CREATE FUNCTION monitors_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.source := lower(btrim(NEW.source) COLLATE "C");
    NEW.no_data := lower(btrim(NEW.no_data) COLLATE "C");
    IF NEW.model_name IS NOT NULL THEN
        PERFORM ledger_require_known_model(NEW.model_name, NULL);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION monitors_before_insert() IS 'Trigger of monitors: the model must be known.';

CREATE TRIGGER monitors_before_insert
    BEFORE INSERT ON monitors
    FOR EACH ROW EXECUTE FUNCTION monitors_before_insert();

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

CREATE TRIGGER monitors_before_update
    BEFORE UPDATE ON monitors
    FOR EACH ROW EXECUTE FUNCTION monitors_before_update();
CREATE TRIGGER monitors_append_only
    BEFORE DELETE OR TRUNCATE ON monitors
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

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

CREATE FUNCTION ledger_lock_monitor(monitor_id uuid) RETURNS monitors
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked monitors;
BEGIN
    -- In the place of its alert, which is locked next.
    PERFORM ledger_take_turn(
        ARRAY['3', 'monitor:' || monitor_id],
        format('SELECT FROM monitors WHERE id = %L FOR NO KEY UPDATE', monitor_id));
    SELECT * INTO locked FROM monitors m WHERE m.id = ledger_lock_monitor.monitor_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no monitor %', monitor_id USING ERRCODE = 'MLNF0';
    END IF;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION ledger_lock_monitor(uuid) IS 'Locks a monitor until the end of the transaction.';

CREATE FUNCTION remove_monitor(monitor_id uuid, removed_by text DEFAULT NULL) RETURNS monitors
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    monitor monitors := ledger_lock_monitor(monitor_id);
    actor text := coalesce(remove_monitor.removed_by, session_user);
BEGIN
    IF monitor.removed_at IS NULL THEN
        UPDATE monitors m SET removed_at = clock_timestamp(), removed_by = actor
        WHERE m.id = monitor.id RETURNING * INTO monitor;
        PERFORM resolve_alert(dedup_key => 'monitor:' || monitor.id, resolved_by => actor, notes => 'the monitor was removed');
    END IF;
    RETURN monitor;
END
$$;
COMMENT ON FUNCTION remove_monitor(uuid, text) IS
    'Ends a monitor and resolves its alert; repeating it changes nothing.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'monitors'),
    ('writer', 'INSERT', 'TABLE', 'monitors'),
    ('writer', 'EXECUTE', 'FUNCTION', 'add_default_monitors'),
    ('owner', 'EXECUTE', 'FUNCTION', 'remove_monitor');
