-- What monitoring jobs found out: one row per run.

CREATE TABLE monitoring_metrics (
    id uuid CONSTRAINT monitoring_metrics_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    model_name text NOT NULL,
    model_version_id uuid NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT monitoring_metrics_timestamp_check CHECK (ledger_is_time(timestamp)),
    lookback_hours double precision NOT NULL
        CONSTRAINT monitoring_metrics_lookback_hours_check CHECK (lookback_hours > 0 AND lookback_hours < 'infinity'),
    num_predictions bigint NOT NULL
        CONSTRAINT monitoring_metrics_num_predictions_check CHECK (num_predictions >= 0),
    positive_rate double precision
        CONSTRAINT monitoring_metrics_positive_rate_check CHECK (positive_rate BETWEEN 0 AND 1),
    probability_mean double precision
        CONSTRAINT monitoring_metrics_probability_mean_check CHECK (probability_mean BETWEEN 0 AND 1),
    probability_std double precision
        CONSTRAINT monitoring_metrics_probability_std_check CHECK (probability_std BETWEEN 0 AND 1),
    entropy double precision
        CONSTRAINT monitoring_metrics_entropy_check CHECK (entropy >= 0 AND entropy < 'infinity'),
    dataset_drift_detected boolean,
    feature_drift_ratio double precision
        CONSTRAINT monitoring_metrics_feature_drift_ratio_check CHECK (feature_drift_ratio BETWEEN 0 AND 1),
    num_drifted_features integer
        CONSTRAINT monitoring_metrics_num_drifted_features_check CHECK (num_drifted_features >= 0),
    num_features integer
        CONSTRAINT monitoring_metrics_num_features_check CHECK (num_features >= 0),
    drifted_features text[]
        CONSTRAINT monitoring_metrics_drifted_features_check
        CHECK (cardinality(drifted_features) = 0 OR array_ndims(drifted_features) = 1 AND array_position(drifted_features, NULL) IS NULL),
    drift_summary_ref text,
    drift_report_ref text,
    coverage_pct double precision
        CONSTRAINT monitoring_metrics_coverage_pct_check CHECK (coverage_pct BETWEEN 0 AND 100),
    labeled_samples bigint
        CONSTRAINT monitoring_metrics_labeled_samples_check CHECK (labeled_samples >= 0),
    metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT monitoring_metrics_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT monitoring_metrics_created_at_check CHECK (ledger_is_time(created_at)),
    -- Lets a decision prove that the run it names is about its own model.
    CONSTRAINT monitoring_metrics_id_model_name_key UNIQUE (id, model_name),
    CONSTRAINT monitoring_metrics_run_key UNIQUE (model_name, timestamp, lookback_hours),
    CONSTRAINT monitoring_metrics_drifted_of_features_check CHECK (num_drifted_features <= num_features),
    CONSTRAINT monitoring_metrics_labeled_of_predictions_check CHECK (labeled_samples <= num_predictions),
    CONSTRAINT monitoring_metrics_model_version_fkey
        FOREIGN KEY (model_version_id, model_name) REFERENCES model_versions (id, model_name)
);
CREATE INDEX monitoring_metrics_timestamp_idx ON monitoring_metrics (timestamp DESC, id DESC);
CREATE INDEX monitoring_metrics_model_version_idx ON monitoring_metrics (model_version_id);

COMMENT ON TABLE monitoring_metrics IS 'Monitoring runs: what a job computed over the predictions of a window.';
COMMENT ON COLUMN monitoring_metrics.id IS 'Time-ordered id (UUIDv7).';
COMMENT ON COLUMN monitoring_metrics.model_name IS 'The model that was monitored.';
COMMENT ON COLUMN monitoring_metrics.model_version_id IS 'The version that was monitored; without one, the version then in production.';
COMMENT ON COLUMN monitoring_metrics.timestamp IS 'End of the window, excluded.';
COMMENT ON COLUMN monitoring_metrics.lookback_hours IS 'Length of the window in hours.';
COMMENT ON COLUMN monitoring_metrics.num_predictions IS 'Number of predictions in the window.';
COMMENT ON COLUMN monitoring_metrics.positive_rate IS 'Share of positive predictions, 0 to 1.';
COMMENT ON COLUMN monitoring_metrics.probability_mean IS 'Mean predicted probability, 0 to 1.';
COMMENT ON COLUMN monitoring_metrics.probability_std IS 'Standard deviation of the predicted probability.';
COMMENT ON COLUMN monitoring_metrics.entropy IS 'Mean entropy of the predicted distribution, in bits.';
COMMENT ON COLUMN monitoring_metrics.dataset_drift_detected IS 'Whether the job calls the window drifted.';
COMMENT ON COLUMN monitoring_metrics.feature_drift_ratio IS 'Share of drifted features, 0 to 1; without one, num_drifted_features / num_features.';
COMMENT ON COLUMN monitoring_metrics.num_drifted_features IS 'Number of drifted features.';
COMMENT ON COLUMN monitoring_metrics.num_features IS 'Number of features compared.';
COMMENT ON COLUMN monitoring_metrics.drifted_features IS 'Names of the drifted features.';
COMMENT ON COLUMN monitoring_metrics.drift_summary_ref IS 'Where the machine-readable drift summary is stored.';
COMMENT ON COLUMN monitoring_metrics.drift_report_ref IS 'Where the drift report for people is stored.';
COMMENT ON COLUMN monitoring_metrics.coverage_pct IS 'Share of the predictions whose ground truth is known, in percent.';
COMMENT ON COLUMN monitoring_metrics.labeled_samples IS 'Number of predictions whose ground truth is known.';
COMMENT ON COLUMN monitoring_metrics.metadata IS 'Anything else the job wants to keep, such as the statistic of each feature.';
COMMENT ON COLUMN monitoring_metrics.created_at IS 'When the row was written.';

CREATE FUNCTION ledger_version_at(model_name text, at timestamptz) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    found_id uuid := (SELECT p.model_version_id FROM production_at(model_name, at) p);
BEGIN
    IF found_id IS NULL THEN
        RAISE EXCEPTION 'model_version_id: no version of model % was in production at %', model_name,
            to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            USING ERRCODE = 'MLNF0', HINT = 'Name the version that it is about.';
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION ledger_version_at(text, timestamptz) IS
    'The version in production at a timestamp, for a fact that names none; refuses one about a time when there was none.';

CREATE FUNCTION monitoring_metrics_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_require_known_model(NEW.model_name, NEW.timestamp);
    IF NEW.model_version_id IS NULL THEN
        -- A repeated run is told by its key, but only after this trigger; give it what it has.
        SELECT r.model_version_id INTO NEW.model_version_id FROM monitoring_metrics r
        WHERE r.model_name = NEW.model_name AND r.timestamp = NEW.timestamp AND r.lookback_hours = NEW.lookback_hours;
        NEW.model_version_id := coalesce(NEW.model_version_id, ledger_version_at(NEW.model_name, NEW.timestamp));
    END IF;
    IF NEW.feature_drift_ratio IS NULL AND NEW.num_features > 0 AND NEW.num_drifted_features BETWEEN 0 AND NEW.num_features THEN
        NEW.feature_drift_ratio := NEW.num_drifted_features::double precision / NEW.num_features;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION monitoring_metrics_before_insert() IS
    'Fills in the version then in production and the drift ratio.';

CREATE TRIGGER monitoring_metrics_before_insert
    BEFORE INSERT ON monitoring_metrics
    FOR EACH ROW EXECUTE FUNCTION monitoring_metrics_before_insert();

-- No row trigger sees a TRUNCATE, so that the audit log would not.
CREATE TRIGGER monitoring_metrics_no_truncate
    BEFORE TRUNCATE ON monitoring_metrics
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'monitoring_metrics'),
    ('writer', 'INSERT', 'TABLE', 'monitoring_metrics');
