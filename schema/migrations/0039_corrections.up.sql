-- Mistaken registrations: a version that nothing refers to is corrected, or taken back.

CREATE FUNCTION ledger_lock_unused_version(model_name text, model_version text) RETURNS model_versions
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    version model_versions;
    place record;
    num_rows bigint;
    found_in text[] := '{}';
BEGIN
    -- Whoever refers to the version holds it, or waits for this lock: each query below sees all references.
    SELECT * INTO version FROM model_versions v
    WHERE v.model_name = ledger_lock_unused_version.model_name AND v.model_version = ledger_lock_unused_version.model_version
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model % has no version %', model_name, model_version USING ERRCODE = 'MLNF0';
    END IF;
    FOR place IN
        SELECT c.relname AS table_name, string_agg(format('%I = $1', a.attname), ' OR ') AS condition
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = (SELECT o.relnamespace FROM pg_class o WHERE o.oid = 'model_versions'::regclass)
          AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.atttypid = 'uuid'::regtype
          AND a.attname LIKE '%version\_id' AND NOT a.attisdropped
        GROUP BY c.relname ORDER BY c.relname
    LOOP
        -- A column, because Citus sends its workers no list of none.
        EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM %I WHERE %s LIMIT 1000) f', place.table_name, place.condition)
        INTO num_rows USING version.id;
        IF num_rows > 0 THEN
            found_in := found_in || format('%s (%s%s)', place.table_name, num_rows, CASE WHEN num_rows = 1000 THEN ' or more' END);
        END IF;
    END LOOP;
    IF cardinality(found_in) > 0 THEN
        RAISE EXCEPTION 'version % of model % is referred to by rows of %', model_version, model_name, array_to_string(found_in, ', ')
            USING ERRCODE = 'MLCF0', HINT = 'What relies on a version keeps it as it is; register another version.';
    END IF;
    RETURN version;
END
$$;
COMMENT ON FUNCTION ledger_lock_unused_version(text, text) IS
    'Locks a version that nothing refers to, or names the tables whose rows refer to it.';

CREATE FUNCTION withdraw_version(
    model_name text, model_version text, withdrawn_by text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS withdrawn_versions
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    version model_versions;
    withdrawn withdrawn_versions;
BEGIN
    PERFORM ledger_lock_model(model_name);
    SELECT * INTO withdrawn FROM withdrawn_versions w
    WHERE w.model_name = withdraw_version.model_name AND w.model_version = withdraw_version.model_version;
    IF NOT FOUND THEN
        version := ledger_lock_unused_version(model_name, model_version);
        INSERT INTO withdrawn_versions (id, model_name, model_version, withdrawn_by, reason, registered)
        VALUES (version.id, version.model_name, version.model_version, coalesce(withdrawn_by, session_user),
                withdraw_version.reason, to_jsonb(version))
        RETURNING * INTO withdrawn;
        DELETE FROM model_versions v WHERE v.id = version.id;
    END IF;
    RETURN withdrawn;
END
$$;
COMMENT ON FUNCTION withdraw_version(text, text, text, text) IS
    'Takes back a version that nothing refers to; its number is not given again. Repeating the call changes nothing.';
REVOKE ALL ON FUNCTION withdraw_version(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION correct_version(
    model_name text, model_version text, mlflow_run_id text DEFAULT NULL, algorithm text DEFAULT NULL,
    metrics jsonb DEFAULT NULL, hyperparameters jsonb DEFAULT NULL, feature_names text[] DEFAULT NULL,
    task text DEFAULT NULL, class_names text[] DEFAULT NULL, positive_label text DEFAULT NULL,
    training_samples bigint DEFAULT NULL, dataset_version text DEFAULT NULL, dataset_digest text DEFAULT NULL,
    artifact_uri text DEFAULT NULL, metadata_uri text DEFAULT NULL) RETURNS model_versions
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new model_versions := ledger_lock_unused_version(model_name, model_version);
BEGIN
    IF num_nonnulls(task, class_names, positive_label) > 0 THEN
        new.task := correct_version.task;
        new.class_names := correct_version.class_names;
        new.positive_label := correct_version.positive_label;
        new := ledger_complete_task(new);
    END IF;
    UPDATE model_versions v
    SET mlflow_run_id = coalesce(correct_version.mlflow_run_id, v.mlflow_run_id),
        algorithm = coalesce(correct_version.algorithm, v.algorithm),
        metrics = coalesce(correct_version.metrics, v.metrics),
        hyperparameters = coalesce(correct_version.hyperparameters, v.hyperparameters),
        feature_names = coalesce(correct_version.feature_names, v.feature_names),
        task = new.task, class_names = new.class_names, positive_label = new.positive_label,
        training_samples = coalesce(correct_version.training_samples, v.training_samples),
        dataset_version = coalesce(correct_version.dataset_version, v.dataset_version),
        dataset_digest = coalesce(correct_version.dataset_digest, v.dataset_digest),
        artifact_uri = coalesce(correct_version.artifact_uri, v.artifact_uri),
        metadata_uri = coalesce(correct_version.metadata_uri, v.metadata_uri)
    WHERE v.id = new.id RETURNING * INTO new;
    RETURN new;
END
$$;
COMMENT ON FUNCTION correct_version(text, text, text, text, jsonb, jsonb, text[], text, text[], text, bigint, text, text, text, text) IS
    'Corrects what was registered of a version that nothing refers to; the audit log has what it was. What is NULL stays; task, class_names and positive_label are one declaration, given together.';
REVOKE ALL ON FUNCTION correct_version(text, text, text, text, jsonb, jsonb, text[], text, text[], text, bigint, text, text, text, text) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'correct_version'),
    ('writer', 'EXECUTE', 'FUNCTION', 'withdraw_version');
