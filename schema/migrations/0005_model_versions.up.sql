-- The versions of the models, and those that were withdrawn.

CREATE TABLE model_versions (
    id uuid CONSTRAINT model_versions_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    model_name text NOT NULL
        CONSTRAINT model_versions_model_fkey REFERENCES models (model_name),
    model_version text NOT NULL
        CONSTRAINT model_versions_model_version_check CHECK (ledger_is_name(model_version)),
    stage text NOT NULL DEFAULT 'development'
        CONSTRAINT model_versions_stage_check
        CHECK (stage IN ('development', 'staging', 'production', 'archived')),
    mlflow_run_id text
        CONSTRAINT model_versions_mlflow_run_id_check CHECK (char_length(mlflow_run_id) <= 255),
    description text,
    algorithm text,
    metrics jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT model_versions_metrics_check
        CHECK (jsonb_typeof(metrics) = 'object'
               AND NOT jsonb_path_exists(metrics, '$.* ? (@.type() == "string" || @.type() == "boolean")')),
    accuracy double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'accuracy')) STORED
        CONSTRAINT model_versions_accuracy_check CHECK (accuracy BETWEEN 0 AND 1),
    "precision" double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'precision')) STORED
        CONSTRAINT model_versions_precision_check CHECK ("precision" BETWEEN 0 AND 1),
    recall double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'recall')) STORED
        CONSTRAINT model_versions_recall_check CHECK (recall BETWEEN 0 AND 1),
    f1_score double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'f1_score')) STORED
        CONSTRAINT model_versions_f1_score_check CHECK (f1_score BETWEEN 0 AND 1),
    roc_auc double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'roc_auc')) STORED
        CONSTRAINT model_versions_roc_auc_check CHECK (roc_auc BETWEEN 0 AND 1),
    -- Brier's own score sums over the classes and reaches 2; the common binary form stays below 1.
    brier_score double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'brier_score')) STORED
        CONSTRAINT model_versions_brier_score_check CHECK (brier_score BETWEEN 0 AND 2),
    rmse double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'rmse')) STORED
        CONSTRAINT model_versions_rmse_check CHECK (rmse >= 0),
    mae double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'mae')) STORED
        CONSTRAINT model_versions_mae_check CHECK (mae >= 0),
    r2 double precision GENERATED ALWAYS AS (ledger_metric(metrics, 'r2')) STORED
        CONSTRAINT model_versions_r2_check CHECK (r2 <= 1),
    hyperparameters jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT model_versions_hyperparameters_check CHECK (jsonb_typeof(hyperparameters) = 'object'),
    feature_names text[]
        CONSTRAINT model_versions_feature_names_check
        CHECK (cardinality(feature_names) > 0 AND array_ndims(feature_names) = 1 AND array_position(feature_names, NULL) IS NULL),
    task text
        CONSTRAINT model_versions_task_check CHECK (task IN ('binary', 'multiclass', 'regression')),
    class_names text[]
        CONSTRAINT model_versions_class_names_check
        CHECK (class_names IS NULL OR array_ndims(class_names) = 1 AND array_position(class_names, NULL) IS NULL
               AND CASE task WHEN 'binary' THEN cardinality(class_names) = 2
                             WHEN 'multiclass' THEN cardinality(class_names) BETWEEN 2 AND 10000 ELSE false END),
    positive_label text
        CONSTRAINT model_versions_positive_label_check
        CHECK (positive_label IS NULL OR task <> 'regression' AND coalesce(positive_label = ANY (class_names), true)),
    training_samples bigint
        CONSTRAINT model_versions_training_samples_check CHECK (training_samples >= 0),
    dataset_version text,
    dataset_digest text,
    artifact_uri text,
    metadata_uri text,
    tags jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT model_versions_tags_check CHECK (jsonb_typeof(tags) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT model_versions_created_at_check CHECK (ledger_is_time(created_at)),
    created_by text NOT NULL DEFAULT session_user
        CONSTRAINT model_versions_created_by_check CHECK (ledger_is_person(created_by)),
    promoted_at timestamptz,
    promoted_by text,
    CONSTRAINT model_versions_name_version_key UNIQUE (model_name, model_version),
    -- Lets other tables prove that a version they name belongs to the model they name.
    CONSTRAINT model_versions_id_model_name_key UNIQUE (id, model_name)
);

CREATE INDEX model_versions_model_name_created_at_idx ON model_versions (model_name, created_at DESC, id DESC);
CREATE INDEX model_versions_created_at_idx ON model_versions (created_at DESC, id DESC);
CREATE INDEX model_versions_model_name_stage_idx ON model_versions (model_name, stage);
CREATE INDEX model_versions_stage_created_at_idx ON model_versions (stage, created_at DESC, id DESC);
CREATE INDEX model_versions_tags_idx ON model_versions USING gin (tags jsonb_path_ops);
CREATE INDEX model_versions_mlflow_run_id_idx ON model_versions (mlflow_run_id);

COMMENT ON TABLE model_versions IS 'The versions: one row per version of a model, of any kind (classifier, regressor, text).';
COMMENT ON COLUMN model_versions.id IS 'Time-ordered id (UUIDv7).';
COMMENT ON COLUMN model_versions.model_name IS 'The model.';
COMMENT ON COLUMN model_versions.model_version IS 'Version within the model; without one, the next integer.';
COMMENT ON COLUMN model_versions.stage IS 'development, staging, production or archived; production follows the slot of that name.';
COMMENT ON COLUMN model_versions.mlflow_run_id IS 'The MLflow run that trained this version.';
COMMENT ON COLUMN model_versions.description IS 'What this version is, in words.';
COMMENT ON COLUMN model_versions.algorithm IS 'What was trained, such as HistGradientBoostingClassifier.';
COMMENT ON COLUMN model_versions.metrics IS 'Evaluation metrics by name: numbers, or objects and lists of them.';
COMMENT ON COLUMN model_versions.accuracy IS 'metrics.accuracy, 0 to 1.';
COMMENT ON COLUMN model_versions."precision" IS 'metrics.precision, 0 to 1.';
COMMENT ON COLUMN model_versions.recall IS 'metrics.recall, 0 to 1.';
COMMENT ON COLUMN model_versions.f1_score IS 'metrics.f1_score, 0 to 1.';
COMMENT ON COLUMN model_versions.roc_auc IS 'metrics.roc_auc, 0 to 1.';
COMMENT ON COLUMN model_versions.brier_score IS 'metrics.brier_score, 0 to 2 (0 to 1 in its binary form).';
COMMENT ON COLUMN model_versions.rmse IS 'metrics.rmse, in the unit of the target.';
COMMENT ON COLUMN model_versions.mae IS 'metrics.mae, in the unit of the target.';
COMMENT ON COLUMN model_versions.r2 IS 'metrics.r2, at most 1.';
COMMENT ON COLUMN model_versions.hyperparameters IS 'Hyperparameters by name.';
COMMENT ON COLUMN model_versions.feature_names IS 'The features in the order the model takes them.';
COMMENT ON COLUMN model_versions.task IS
    'What it predicts: binary, multiclass or regression; without one it is derived from its predictions and labels (v_version_tasks).';
COMMENT ON COLUMN model_versions.class_names IS 'Its classes, in the order of class_probabilities.';
COMMENT ON COLUMN model_versions.positive_label IS 'The class that probability is about; of two classes the second one, if none was given.';
COMMENT ON COLUMN model_versions.training_samples IS 'Number of rows the model was trained on.';
COMMENT ON COLUMN model_versions.dataset_version IS 'Version of the training data.';
COMMENT ON COLUMN model_versions.dataset_digest IS 'Checksum of the training data.';
COMMENT ON COLUMN model_versions.artifact_uri IS 'Where the trained model is stored.';
COMMENT ON COLUMN model_versions.metadata_uri IS 'Where further metadata is stored.';
COMMENT ON COLUMN model_versions.tags IS 'Free tags, searched with @>.';
COMMENT ON COLUMN model_versions.created_at IS 'When the version was registered.';
COMMENT ON COLUMN model_versions.created_by IS 'Who registered it.';
COMMENT ON COLUMN model_versions.promoted_at IS 'When it last entered production.';
COMMENT ON COLUMN model_versions.promoted_by IS 'Who last put it into production.';

CREATE TABLE withdrawn_versions (
    id uuid CONSTRAINT withdrawn_versions_pkey PRIMARY KEY,
    model_name text NOT NULL
        CONSTRAINT withdrawn_versions_model_fkey REFERENCES models (model_name),
    model_version text NOT NULL,
    withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_by text NOT NULL DEFAULT session_user
        CONSTRAINT withdrawn_versions_withdrawn_by_check CHECK (ledger_is_person(withdrawn_by)),
    reason text,
    registered jsonb NOT NULL,
    CONSTRAINT withdrawn_versions_name_version_key UNIQUE (model_name, model_version)
);
COMMENT ON TABLE withdrawn_versions IS
    'The versions that were taken back; nothing ever referred to them, and their numbers are not given again.';
COMMENT ON COLUMN withdrawn_versions.id IS 'Id that the version had.';
COMMENT ON COLUMN withdrawn_versions.model_name IS 'The model.';
COMMENT ON COLUMN withdrawn_versions.model_version IS 'Number that the version had.';
COMMENT ON COLUMN withdrawn_versions.withdrawn_at IS 'When it was withdrawn.';
COMMENT ON COLUMN withdrawn_versions.withdrawn_by IS 'Who withdrew it.';
COMMENT ON COLUMN withdrawn_versions.reason IS 'Why.';
COMMENT ON COLUMN withdrawn_versions.registered IS 'The row of model_versions as it was.';

CREATE TRIGGER withdrawn_versions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON withdrawn_versions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_version_id(model_name text, model_version text, model_version_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF model_version IS NULL THEN
        RETURN model_version_id;
    ELSIF model_version_id IS NOT NULL THEN
        RAISE EXCEPTION 'model_version: give the version or its id, not both' USING ERRCODE = 'MLIV0';
    ELSIF model_name IS NULL THEN
        RAISE EXCEPTION 'model_name: is needed with model_version' USING ERRCODE = 'MLIV0';
    END IF;
    SELECT v.id INTO model_version_id FROM model_versions v
    WHERE v.model_name = ledger_version_id.model_name AND v.model_version = ledger_version_id.model_version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model % has no version %', model_name, model_version USING ERRCODE = 'MLNF0';
    END IF;
    RETURN model_version_id;
END
$$;
COMMENT ON FUNCTION ledger_version_id(text, text, uuid) IS
    'The id of a version that is named by its number, or by its id, or not at all.';

CREATE FUNCTION ledger_positive_label(class_names text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN class_names <@ '{0,1}' OR class_names <@ '{-1,1}' THEN '1'
            WHEN lower(array_to_string(class_names, ',') COLLATE "C") = 'false,true' THEN class_names[2]
            WHEN lower(array_to_string(class_names, ',') COLLATE "C") = 'true,false' THEN class_names[1]
       END;
COMMENT ON FUNCTION ledger_positive_label(text[]) IS
    'The positive one of two classes where their names leave no doubt: 1 of {0, 1} and of {-1, 1}, true of {false, true}; else NULL.';

CREATE FUNCTION ledger_complete_task(version model_versions) RETURNS model_versions
LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF (SELECT count(*) > count(DISTINCT c) FROM unnest(version.class_names) c) THEN
        RAISE EXCEPTION 'class_names: names a class twice' USING ERRCODE = 'MLIV0';
    END IF;
    IF version.task IS NULL AND num_nonnulls(version.class_names, version.positive_label) > 0 THEN
        version.task := CASE WHEN cardinality(version.class_names) > 2 THEN 'multiclass' ELSE 'binary' END;
    END IF;
    IF version.task = 'binary' AND version.positive_label IS NULL THEN
        version.positive_label := coalesce(ledger_positive_label(version.class_names), version.class_names[2]);
    END IF;
    RETURN version;
END
$$;
COMMENT ON FUNCTION ledger_complete_task(model_versions) IS
    'Fills in what a new version leaves open of its task: two classes are binary, more are multiclass, and the positive one is 1 or true where that is one of two (ledger_positive_label), else the second.';

CREATE FUNCTION model_versions_before_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    statement text;
BEGIN
    NEW.stage := lower(btrim(NEW.stage) COLLATE "C");
    PERFORM ledger_refuse_future('created_at', NEW.created_at);
    IF (SELECT count(*) > count(DISTINCT f) FROM unnest(NEW.feature_names) f WHERE f IS NOT NULL) THEN
        RAISE EXCEPTION 'feature_names: names a feature twice' USING ERRCODE = 'MLIV0';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF num_nonnulls(NEW.promoted_at, NEW.promoted_by) > 0 THEN
            RAISE EXCEPTION 'promoted_at: a version is registered before it is promoted'
                USING ERRCODE = 'MLIV0', HINT = 'Register it, then promote it.';
        END IF;
        IF NOT ledger_lock_model(NEW.model_name) AND NEW.model_name IS NOT NULL THEN
            -- Of several at once one makes it. Both constraints are asked, or the other one would fail the rest.
            statement := format(
                'INSERT INTO models (model_name, created_at, created_by) VALUES (%L, %L, %L) ON CONFLICT DO NOTHING',
                NEW.model_name, coalesce(NEW.created_at, clock_timestamp()), coalesce(NEW.created_by, session_user));
            PERFORM ledger_take_turn(ARRAY['1', NEW.model_name], NULL, statement), ledger_run_in_turn(statement);
            IF NOT ledger_lock_model(NEW.model_name) THEN
                -- It looks like another, which the constraint says.
                INSERT INTO models (model_name) VALUES (NEW.model_name);
            END IF;
        END IF;
        IF EXISTS (SELECT FROM withdrawn_versions w WHERE w.id = NEW.id
                   OR (w.model_name, w.model_version) = (NEW.model_name, NEW.model_version)) THEN
            RAISE EXCEPTION 'model_version: this version of the model was withdrawn'
                USING ERRCODE = 'MLCF0', HINT = 'Register another version; a number is given once.';
        END IF;
        NEW := ledger_complete_task(NEW);
    END IF;
    IF NEW.model_version IS NULL THEN
        SELECT coalesce(max(g.model_version::numeric), 0) + 1 INTO NEW.model_version
        FROM (SELECT v.model_name, v.model_version FROM model_versions v
              UNION ALL SELECT w.model_name, w.model_version FROM withdrawn_versions w) g
        WHERE g.model_name = NEW.model_name AND g.model_version ~ '^[0-9]+$';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_versions_before_write() IS
    'Accepts the stage in any case, completes the task and gives the next integer to a version inserted without a number.';
REVOKE ALL ON FUNCTION model_versions_before_write() FROM PUBLIC;

CREATE TRIGGER model_versions_before_write
    BEFORE INSERT OR UPDATE OF stage, model_version, feature_names ON model_versions
    FOR EACH ROW EXECUTE FUNCTION model_versions_before_write();

CREATE FUNCTION model_versions_keep_name() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'model_versions: name and version of a registered version cannot be changed'
        USING ERRCODE = 'MLAO0', HINT = 'Register another version.';
END
$$;
COMMENT ON FUNCTION model_versions_keep_name() IS
    'Trigger of model_versions: history names versions, so they keep their names.';

CREATE TRIGGER model_versions_keep_name
    BEFORE UPDATE ON model_versions
    FOR EACH ROW
    WHEN ((OLD.id, OLD.model_name, OLD.model_version) IS DISTINCT FROM (NEW.id, NEW.model_name, NEW.model_version))
    EXECUTE FUNCTION model_versions_keep_name();

CREATE FUNCTION model_versions_before_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- Who registers a version waits, and then finds its number taken.
    PERFORM ledger_lock_model(OLD.model_name);
    INSERT INTO withdrawn_versions (id, model_name, model_version, registered)
    VALUES (OLD.id, OLD.model_name, OLD.model_version, to_jsonb(OLD)) ON CONFLICT (id) DO NOTHING;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION model_versions_before_delete() IS
    'Trigger of model_versions: remembers a version that is deleted, so that its number is not given again.';
REVOKE ALL ON FUNCTION model_versions_before_delete() FROM PUBLIC;

CREATE TRIGGER model_versions_before_delete
    BEFORE DELETE ON model_versions
    FOR EACH ROW EXECUTE FUNCTION model_versions_before_delete();

-- No row trigger sees a TRUNCATE, so that the audit log would not.
CREATE TRIGGER model_versions_no_truncate
    BEFORE TRUNCATE ON model_versions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name, columns) VALUES
    ('reader', 'SELECT', 'TABLE', 'model_versions', NULL),
    ('writer', 'INSERT', 'TABLE', 'model_versions', NULL),
    ('writer', 'UPDATE', 'TABLE', 'model_versions', '{stage, description, tags}'),
    ('reader', 'SELECT', 'TABLE', 'withdrawn_versions', NULL);
