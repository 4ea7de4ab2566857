-- Baselines: what the data of a version looked like when it was trained, in bins.

CREATE TABLE baselines (
    id uuid CONSTRAINT baselines_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    model_name text NOT NULL,
    model_version_id uuid NOT NULL,
    num_rows bigint NOT NULL
        CONSTRAINT baselines_num_rows_check CHECK (num_rows > 0),
    window_start timestamptz,
    window_end timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL DEFAULT session_user
        CONSTRAINT baselines_created_by_check CHECK (ledger_is_person(created_by)),
    CONSTRAINT baselines_window_check CHECK (num_nulls(window_start, window_end) <> 1 AND window_start < window_end),
    CONSTRAINT baselines_model_version_fkey
        FOREIGN KEY (model_version_id, model_name) REFERENCES model_versions (id, model_name)
);
CREATE INDEX baselines_model_version_idx ON baselines (model_version_id, id DESC);
COMMENT ON TABLE baselines IS
    'What the data of a version looked like when it was trained, append-only; the newest one of a version is what its later windows are compared with.';
COMMENT ON COLUMN baselines.id IS 'Time-ordered id (UUIDv7); a baseline retried with the same id is registered once.';
COMMENT ON COLUMN baselines.model_name IS 'The model.';
COMMENT ON COLUMN baselines.model_version_id IS 'The version.';
COMMENT ON COLUMN baselines.num_rows IS 'Number of rows it was made from.';
COMMENT ON COLUMN baselines.window_start IS 'Start of the window of predictions that it was made from; empty when it came from elsewhere.';
COMMENT ON COLUMN baselines.window_end IS 'End of that window, excluded.';
COMMENT ON COLUMN baselines.created_at IS 'When it was registered.';
COMMENT ON COLUMN baselines.created_by IS 'Who registered it.';

CREATE TABLE baseline_features (
    baseline_id uuid NOT NULL
        CONSTRAINT baseline_features_baseline_fkey REFERENCES baselines (id),
    series smallint NOT NULL
        CONSTRAINT baseline_features_series_check CHECK (series > 0),
    feature text NOT NULL
        CONSTRAINT baseline_features_feature_check CHECK (char_length(feature) BETWEEN 1 AND 255),
    column_name text NOT NULL
        CONSTRAINT baseline_features_column_name_check
        CHECK (column_name IN ('feature_values', 'inputs', 'probability', 'prediction', 'predicted_label',
                               'actual_label', 'actual_value')),
    kind text NOT NULL
        CONSTRAINT baseline_features_kind_check CHECK (kind IN ('numeric', 'categorical', 'text')),
    edges double precision[],
    categories text[],
    num_categories integer
        CONSTRAINT baseline_features_num_categories_check CHECK (num_categories >= cardinality(categories)),
    counts bigint[] NOT NULL,
    sums double precision[],
    num_missing bigint NOT NULL
        CONSTRAINT baseline_features_num_missing_check CHECK (num_missing >= 0),
    mean double precision,
    std double precision
        CONSTRAINT baseline_features_std_check CHECK (std >= 0),
    min double precision,
    max double precision,
    CONSTRAINT baseline_features_pkey PRIMARY KEY (baseline_id, series),
    CONSTRAINT baseline_features_feature_key UNIQUE (baseline_id, column_name, feature),
    CONSTRAINT baseline_features_bins_check
        CHECK (CASE kind WHEN 'categorical' THEN edges IS NULL AND categories IS NOT NULL
                    ELSE edges IS NOT NULL AND categories IS NULL AND cardinality(counts) = cardinality(edges) + 2 END)
);
COMMENT ON TABLE baseline_features IS
    'The bins of a baseline, one row for each feature, score and label. Windows are counted in the same bins.';
COMMENT ON COLUMN baseline_features.baseline_id IS 'The baseline.';
COMMENT ON COLUMN baseline_features.series IS 'Number of the feature in the baseline, from 1; 32000 for labels.';
COMMENT ON COLUMN baseline_features.feature IS 'Name of the feature; of a score or label the name of its column.';
COMMENT ON COLUMN baseline_features.column_name IS
    'Where its values are: feature_values, inputs, probability, prediction or predicted_label of predictions; actual_label or actual_value of ground_truth.';
COMMENT ON COLUMN baseline_features.kind IS 'numeric; categorical; or text, of which the length is counted.';
COMMENT ON COLUMN baseline_features.edges IS
    'Of numbers: where the bins begin, ascending; bin 0 is below the first edge, the last but one from the last edge on, the last one NaN.';
COMMENT ON COLUMN baseline_features.categories IS
    'Of categories: at most the 1000 most frequent, in that order. The first 50 have bins of their own from 1 on, all others share bin 51, and those that the baseline does not have are in bin 0.';
COMMENT ON COLUMN baseline_features.num_categories IS 'Of categories: how many the baseline has; above 1000, unseen ones cannot be told from rare ones.';
COMMENT ON COLUMN baseline_features.counts IS 'Number of values in each bin, from bin 0 on.';
COMMENT ON COLUMN baseline_features.sums IS 'Of numbers: sum of the values in each bin, cut off at 1e150.';
COMMENT ON COLUMN baseline_features.num_missing IS 'Number of missing values.';
COMMENT ON COLUMN baseline_features.mean IS 'Of numbers: their mean; of texts that of their lengths.';
COMMENT ON COLUMN baseline_features.std IS 'Their standard deviation, of the population.';
COMMENT ON COLUMN baseline_features.min IS 'The smallest finite value.';
COMMENT ON COLUMN baseline_features.max IS 'The largest finite value.';

CREATE TRIGGER baselines_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON baselines
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER baseline_features_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON baseline_features
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'baselines'),
    ('reader', 'SELECT', 'TABLE', 'baseline_features'),
    ('writer', 'INSERT', 'TABLE', 'baselines'),
    ('writer', 'INSERT', 'TABLE', 'baseline_features');
