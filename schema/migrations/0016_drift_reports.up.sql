-- Drift reports: how the data of a window differ from a reference, feature by feature.

CREATE TABLE drift_reports (
    id uuid CONSTRAINT drift_reports_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT drift_reports_timestamp_check CHECK (ledger_is_time(timestamp)),
    model_name text NOT NULL,
    model_version_id uuid NOT NULL,
    lookback_hours double precision NOT NULL,
    window_start timestamptz NOT NULL
        CONSTRAINT drift_reports_window_start_check CHECK (window_start >= '0001-01-01 00:00+00'),
    window_end timestamptz NOT NULL
        CONSTRAINT drift_reports_window_end_check CHECK (window_end <= timestamp),
    drift_detected boolean NOT NULL,
    drift_score double precision
        CONSTRAINT drift_reports_drift_score_check CHECK (abs(drift_score) <= 1e150),
    method text
        CONSTRAINT drift_reports_method_check CHECK (char_length(method) BETWEEN 1 AND 255),
    threshold double precision
        CONSTRAINT drift_reports_threshold_check CHECK (abs(threshold) <= 1e150),
    features jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT drift_reports_features_check CHECK (jsonb_typeof(features) = 'array'),
    drifted_features text[]
        CONSTRAINT drift_reports_drifted_features_check
        CHECK (cardinality(drifted_features) = 0 OR array_ndims(drifted_features) = 1 AND array_position(drifted_features, NULL) IS NULL),
    n_drifted_features integer
        CONSTRAINT drift_reports_n_drifted_features_check CHECK (n_drifted_features >= 0),
    n_features integer
        CONSTRAINT drift_reports_n_features_check CHECK (n_features >= 0),
    reference_size bigint
        CONSTRAINT drift_reports_reference_size_check CHECK (reference_size >= 0),
    current_size bigint
        CONSTRAINT drift_reports_current_size_check CHECK (current_size >= 0),
    reference_start timestamptz
        CONSTRAINT drift_reports_reference_start_check CHECK (reference_start >= '0001-01-01 00:00+00' AND reference_start <= timestamp),
    reference_end timestamptz
        CONSTRAINT drift_reports_reference_end_check CHECK (reference_end >= '0001-01-01 00:00+00' AND reference_end <= timestamp),
    report_ref text,
    summary_ref text,
    monitoring_run_id uuid,
    metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT drift_reports_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT drift_reports_created_at_check CHECK (ledger_is_time(created_at)),
    CONSTRAINT drift_reports_window_check CHECK (window_start < window_end),
    CONSTRAINT drift_reports_reference_check CHECK (reference_start <= reference_end),
    CONSTRAINT drift_reports_drifted_of_features_check CHECK (n_drifted_features <= n_features),
    CONSTRAINT drift_reports_drifted_count_check CHECK (n_drifted_features = cardinality(drifted_features)),
    CONSTRAINT drift_reports_report_key UNIQUE NULLS NOT DISTINCT
        (model_version_id, timestamp, lookback_hours, method, reference_start, reference_end),
    CONSTRAINT drift_reports_model_version_fkey
        FOREIGN KEY (model_version_id, model_name) REFERENCES model_versions (id, model_name),
    CONSTRAINT drift_reports_monitoring_run_fkey
        FOREIGN KEY (monitoring_run_id, model_name) REFERENCES monitoring_metrics (id, model_name)
);
CREATE INDEX drift_reports_model_name_timestamp_idx ON drift_reports (model_name, timestamp DESC, id DESC);
CREATE INDEX drift_reports_timestamp_idx ON drift_reports (timestamp DESC, id DESC);
CREATE INDEX drift_reports_monitoring_run_idx ON drift_reports (monitoring_run_id);

COMMENT ON TABLE drift_reports IS
    'Drift reports, append-only: the data of a window compared with a reference, feature by feature.';
COMMENT ON COLUMN drift_reports.id IS 'Time-ordered id (UUIDv7); a report retried with the same id is recorded once.';
COMMENT ON COLUMN drift_reports.timestamp IS 'When the data were compared.';
COMMENT ON COLUMN drift_reports.model_name IS 'The model that the data were for.';
COMMENT ON COLUMN drift_reports.model_version_id IS
    'The version that the data were for; without one, that of the monitoring run, or the version in production at timestamp.';
COMMENT ON COLUMN drift_reports.lookback_hours IS 'Length of the window in hours; without one, from window_start to window_end.';
COMMENT ON COLUMN drift_reports.window_start IS 'Start of the window; without one, lookback_hours before its end.';
COMMENT ON COLUMN drift_reports.window_end IS 'End of the window, excluded; without one, timestamp.';
COMMENT ON COLUMN drift_reports.drift_detected IS 'Whether the job calls the window drifted.';
COMMENT ON COLUMN drift_reports.drift_score IS 'How far the window as a whole is from the reference: the share of features that drifted, unless the method has a measure of the whole.';
COMMENT ON COLUMN drift_reports.method IS 'How it was compared: psi, ks, wasserstein or another word.';
COMMENT ON COLUMN drift_reports.threshold IS 'The drift_score from which on the window counts as drifted.';
COMMENT ON COLUMN drift_reports.features IS
    'Every feature compared: [{"feature": text, "drifted": boolean, "method": text, "statistic": …, "p_value": …, "score": …, "threshold": …}].';
COMMENT ON COLUMN drift_reports.drifted_features IS 'Names of the drifted features; without them, those of features.';
COMMENT ON COLUMN drift_reports.n_drifted_features IS 'Number of drifted features; without one, that of drifted_features.';
COMMENT ON COLUMN drift_reports.n_features IS 'Number of features compared; without one, that of features.';
COMMENT ON COLUMN drift_reports.reference_size IS 'Number of rows of the reference.';
COMMENT ON COLUMN drift_reports.current_size IS 'Number of rows of the window.';
COMMENT ON COLUMN drift_reports.reference_start IS 'Start of the time that the reference is from.';
COMMENT ON COLUMN drift_reports.reference_end IS 'End of the time that the reference is from.';
COMMENT ON COLUMN drift_reports.report_ref IS 'Where the report for people is stored.';
COMMENT ON COLUMN drift_reports.summary_ref IS 'Where the machine-readable summary is stored.';
COMMENT ON COLUMN drift_reports.monitoring_run_id IS 'The monitoring run that it is part of.';
COMMENT ON COLUMN drift_reports.metadata IS 'Anything else the job wants to keep.';
COMMENT ON COLUMN drift_reports.created_at IS 'When the row was written.';

CREATE FUNCTION ledger_require_feature_results(features jsonb) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    wrong record;
BEGIN
    SELECT f.position - 1 AS position, p.problem INTO wrong
    FROM (SELECT r.result, r.position, count(*) OVER (PARTITION BY r.result -> 'feature') AS same_name
          FROM jsonb_array_elements(features) WITH ORDINALITY r (result, position)) f
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN jsonb_typeof(result -> 'feature') IS DISTINCT FROM 'string'
              OR jsonb_typeof(result -> 'drifted') IS DISTINCT FROM 'boolean'
                THEN ': must be {"feature": text, "drifted": true or false, …}'
            WHEN char_length(result ->> 'feature') NOT BETWEEN 1 AND 255
                THEN '.feature: must have 1 to 255 characters'
            WHEN same_name > 1
                THEN '.feature: is there twice'
            WHEN jsonb_typeof(result -> 'method') NOT IN ('string', 'null')
                THEN '.method: must be text'
            WHEN ledger_metric(result, 'p_value') NOT BETWEEN 0 AND 1
                THEN '.p_value: must be between 0 and 1'
            ELSE (SELECT format('.%s: must be a number', name)
                  FROM unnest(ARRAY['statistic', 'p_value', 'score', 'threshold']) name
                  WHERE jsonb_typeof(result -> name) NOT IN ('number', 'null')
                     OR abs(ledger_metric(result, name)) > 1e150
                  LIMIT 1)
        END AS problem) p
    WHERE p.problem IS NOT NULL
    ORDER BY f.position
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'features[%]%', wrong.position, wrong.problem USING ERRCODE = 'MLIV0';
    END IF;
EXCEPTION
    WHEN numeric_value_out_of_range THEN
        RAISE EXCEPTION 'features: holds a number that double precision cannot' USING ERRCODE = 'MLIV0';
END
$$;
COMMENT ON FUNCTION ledger_require_feature_results(jsonb) IS
    'Refuses results of features that are not well formed.';

CREATE FUNCTION drift_reports_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    drifted text[];
    seconds double precision;
BEGIN
    PERFORM ledger_require_known_model(NEW.model_name, NEW.timestamp);
    IF NEW.lookback_hours IS NULL AND NEW.window_start IS NULL THEN
        RAISE EXCEPTION 'lookback_hours: or window_start is needed' USING ERRCODE = 'MLIV0';
    ELSIF NOT (NEW.lookback_hours > 0 AND NEW.lookback_hours <= 876600) THEN
        RAISE EXCEPTION 'lookback_hours: must be above 0 and at most 876600, a hundred years' USING ERRCODE = 'MLIV0';
    END IF;
    NEW.window_end := coalesce(NEW.window_end, NEW.timestamp);
    NEW.window_start := coalesce(NEW.window_start, NEW.window_end - make_interval(secs => 3600 * NEW.lookback_hours));
    seconds := extract(epoch FROM NEW.window_end - NEW.window_start);
    NEW.lookback_hours := coalesce(NEW.lookback_hours, seconds / 3600);
    IF abs(NEW.lookback_hours * 3600 - seconds) > 0.001 THEN
        RAISE EXCEPTION 'lookback_hours: is not the length of the window' USING ERRCODE = 'MLIV0';
    END IF;
    IF NEW.model_version_id IS NULL THEN
        SELECT r.model_version_id INTO NEW.model_version_id FROM monitoring_metrics r
        WHERE r.id = NEW.monitoring_run_id AND r.model_name = NEW.model_name;
        NEW.model_version_id := coalesce(NEW.model_version_id, ledger_version_at(NEW.model_name, NEW.timestamp));
    END IF;
    IF jsonb_typeof(NEW.features) = 'array' AND NEW.features <> '[]' THEN
        PERFORM ledger_require_feature_results(NEW.features);
        SELECT coalesce(array_agg(f.result ->> 'feature' ORDER BY f.position), '{}') INTO drifted
        FROM jsonb_array_elements(NEW.features) WITH ORDINALITY f (result, position)
        WHERE (f.result -> 'drifted')::boolean;
        IF NEW.n_features <> jsonb_array_length(NEW.features) THEN
            RAISE EXCEPTION 'n_features: is not the number of features' USING ERRCODE = 'MLIV0';
        ELSIF cardinality(NEW.drifted_features) <> cardinality(drifted) OR NOT NEW.drifted_features @> drifted THEN
            RAISE EXCEPTION 'drifted_features: are not those that features says have drifted' USING ERRCODE = 'MLIV0';
        END IF;
        NEW.n_features := jsonb_array_length(NEW.features);
        NEW.drifted_features := coalesce(NEW.drifted_features, drifted);
    END IF;
    NEW.n_drifted_features := coalesce(NEW.n_drifted_features, cardinality(NEW.drifted_features));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION drift_reports_before_insert() IS
    'Fills in window, version and counts, and refuses counts that contradict the features.';

CREATE TRIGGER drift_reports_before_insert
    BEFORE INSERT ON drift_reports
    FOR EACH ROW EXECUTE FUNCTION drift_reports_before_insert();
CREATE TRIGGER drift_reports_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON drift_reports
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'drift_reports'),
    ('writer', 'INSERT', 'TABLE', 'drift_reports');
