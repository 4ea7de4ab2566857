-- Metrics of models over time.

CREATE TABLE performance_metrics (
    id uuid CONSTRAINT performance_metrics_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT performance_metrics_timestamp_check CHECK (ledger_is_time(timestamp)),
    model_name text NOT NULL,
    model_version_id uuid NOT NULL,
    metric_type text NOT NULL DEFAULT 'performance'
        CONSTRAINT performance_metrics_metric_type_check CHECK (ledger_is_name(metric_type)),
    metric_name text NOT NULL
        CONSTRAINT performance_metrics_metric_name_check CHECK (ledger_is_name(metric_name)),
    metric_value double precision NOT NULL
        CONSTRAINT performance_metrics_metric_value_check CHECK (abs(metric_value) <= 1e150),
    stage text NOT NULL DEFAULT 'production'
        CONSTRAINT performance_metrics_stage_check CHECK (ledger_is_slug(stage)),
    step bigint,
    dataset_version text,
    slice text NOT NULL DEFAULT ''
        CONSTRAINT performance_metrics_slice_check CHECK (slice = '' OR ledger_is_name(slice)),
    metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT performance_metrics_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT performance_metrics_created_at_check CHECK (ledger_is_time(created_at))
);
-- Answers what is newest of a series without reading the rest of it.
CREATE INDEX performance_metrics_series_idx
    ON performance_metrics (model_version_id, metric_name, stage, slice, timestamp DESC, id DESC);
CREATE INDEX performance_metrics_model_name_metric_idx
    ON performance_metrics (model_name, metric_name, timestamp DESC, id DESC);
CREATE INDEX performance_metrics_model_name_timestamp_idx
    ON performance_metrics (model_name, timestamp DESC, id DESC);

COMMENT ON TABLE performance_metrics IS
    'Any metric of a model version over time. A series is the values of a metric of a version at one stage on one slice.';
COMMENT ON COLUMN performance_metrics.id IS 'Time-ordered id (UUIDv7); a value retried with the same id is stored once.';
COMMENT ON COLUMN performance_metrics.timestamp IS 'The time that the value is about.';
COMMENT ON COLUMN performance_metrics.model_name IS 'The model.';
COMMENT ON COLUMN performance_metrics.model_version_id IS 'The version; without one, the version in production at timestamp.';
COMMENT ON COLUMN performance_metrics.metric_type IS 'What sort of metric it is: performance, latency, business, drift, coverage, data_quality or another word.';
COMMENT ON COLUMN performance_metrics.metric_name IS 'Name of the metric, such as rmse, f1_score, latency_p95_ms or revenue.';
COMMENT ON COLUMN performance_metrics.metric_value IS 'The value: a number, at most 1e150 either way, so that sums of squares fit as well.';
COMMENT ON COLUMN performance_metrics.stage IS 'Where it was measured: production, staging, validation, test or another word.';
COMMENT ON COLUMN performance_metrics.step IS 'The step of a training, such as an epoch, that the value is of.';
COMMENT ON COLUMN performance_metrics.dataset_version IS 'The data it was measured on.';
COMMENT ON COLUMN performance_metrics.slice IS 'The part of the data it is about, such as carrier=AA; empty for all of them.';
COMMENT ON COLUMN performance_metrics.metadata IS 'Anything else, such as the number of samples.';
COMMENT ON COLUMN performance_metrics.created_at IS 'When the row was written.';

CREATE FUNCTION performance_metrics_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_require_known_model(NEW.model_name, NEW.timestamp);
    NEW.model_version_id := coalesce(NEW.model_version_id, ledger_version_at(NEW.model_name, NEW.timestamp));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION performance_metrics_before_insert() IS
    'Fills in the version then in production and refuses values from the future.';

-- Most rows name their version, which is checked once for each statement.
CREATE TRIGGER performance_metrics_before_insert
    BEFORE INSERT ON performance_metrics
    FOR EACH ROW WHEN (NEW.model_version_id IS NULL OR NEW.timestamp > clock_timestamp())
    EXECUTE FUNCTION performance_metrics_before_insert();

-- A foreign key would look each row up, which costs more than storing it.
CREATE FUNCTION performance_metrics_check_versions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    named integer := (SELECT count(*) FROM (SELECT DISTINCT w.model_version_id, w.model_name FROM written w) d);
    found integer;
BEGIN
    -- Locked as a foreign key does, so that nobody deletes the version meanwhile.
    WITH known AS (
        SELECT FROM model_versions v
        WHERE (v.id, v.model_name) IN (SELECT w.model_version_id, w.model_name FROM written w)
        FOR KEY SHARE
    )
    SELECT count(*) INTO found FROM known;
    IF found < named THEN
        RAISE EXCEPTION 'model_version_id: names no version of this model'
            USING ERRCODE = 'MLNF0', HINT = 'Register the version first.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION performance_metrics_check_versions() IS 'Refuses values of versions that the ledger does not have.';
REVOKE ALL ON FUNCTION performance_metrics_check_versions() FROM PUBLIC;

CREATE TRIGGER performance_metrics_check_versions_inserted
    AFTER INSERT ON performance_metrics REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION performance_metrics_check_versions();
CREATE TRIGGER performance_metrics_check_versions_updated
    AFTER UPDATE ON performance_metrics REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION performance_metrics_check_versions();

CREATE FUNCTION model_versions_keep_measured() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM performance_metrics m WHERE m.model_version_id = OLD.id) THEN
        RAISE EXCEPTION 'model_version_id: performance_metrics has values of this version'
            USING ERRCODE = 'MLCF0', HINT = 'Delete those first.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION model_versions_keep_measured() IS 'Keeps a version, with its id and its model, while metrics name it.';
REVOKE ALL ON FUNCTION model_versions_keep_measured() FROM PUBLIC;

CREATE TRIGGER model_versions_keep_measured_deleted
    BEFORE DELETE ON model_versions
    FOR EACH ROW EXECUTE FUNCTION model_versions_keep_measured();
CREATE TRIGGER model_versions_keep_measured_renamed
    BEFORE UPDATE OF id, model_name ON model_versions
    FOR EACH ROW WHEN ((OLD.id, OLD.model_name) IS DISTINCT FROM (NEW.id, NEW.model_name))
    EXECUTE FUNCTION model_versions_keep_measured();

CREATE FUNCTION latest_performance_metrics(model_version_id uuid) RETURNS SETOF performance_metrics
LANGUAGE sql STABLE ROWS 10 SET search_path FROM CURRENT AS $$
    -- From one series to the next by the index, however many values each has.
    WITH RECURSIVE series AS (
        (SELECT m.metric_name, m.stage, m.slice FROM performance_metrics m
         WHERE m.model_version_id = latest_performance_metrics.model_version_id
         ORDER BY m.metric_name, m.stage, m.slice
         LIMIT 1)
        UNION ALL
        SELECT n.metric_name, n.stage, n.slice
        FROM series s
        CROSS JOIN LATERAL (
            SELECT m.metric_name, m.stage, m.slice FROM performance_metrics m
            WHERE m.model_version_id = latest_performance_metrics.model_version_id
              AND (m.metric_name, m.stage, m.slice) > (s.metric_name, s.stage, s.slice)
            ORDER BY m.metric_name, m.stage, m.slice
            LIMIT 1) n
    )
    SELECT l.*
    FROM series s
    CROSS JOIN LATERAL (
        SELECT m.* FROM performance_metrics m
        WHERE m.model_version_id = latest_performance_metrics.model_version_id
          AND m.metric_name = s.metric_name AND m.stage = s.stage AND m.slice = s.slice
        ORDER BY m.timestamp DESC, m.id DESC
        LIMIT 1) l
$$;
COMMENT ON FUNCTION latest_performance_metrics(uuid) IS
    'The newest value of every series of a version, by metric, stage and slice.';

-- No row trigger sees a TRUNCATE, so that the audit log would not.
CREATE TRIGGER performance_metrics_no_truncate
    BEFORE TRUNCATE ON performance_metrics
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'performance_metrics'),
    ('writer', 'INSERT', 'TABLE', 'performance_metrics'),
    ('reader', 'EXECUTE', 'FUNCTION', 'latest_performance_metrics');
