-- Recording labels.

CREATE FUNCTION ledger_label_stage() RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF to_regclass('pg_temp.ledger_labels') IS NULL THEN
        -- Kept for the session: a table a call would fill the catalog with dead rows.
        -- A place of its own and not ctid, which no server could send to a worker of Citus.
        CREATE TEMPORARY TABLE ledger_labels (
            place bigint GENERATED ALWAYS AS IDENTITY, prediction_id uuid, predicted_at timestamptz, predicted_from timestamptz, request_id text, labeled_at timestamptz,
            actual_label text, actual_value double precision, source text, model_name text, model_version text
        ) ON COMMIT DELETE ROWS;
    ELSE
        DELETE FROM pg_temp.ledger_labels;
    END IF;
    RETURN clock_timestamp();
END
$$;
COMMENT ON FUNCTION ledger_label_stage() IS
    'Makes an empty temporary table ledger_labels, for ledger_store_labels(), and returns the time.';

CREATE FUNCTION ledger_name_requests(strict boolean) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_refused boolean;
BEGIN
    -- One request may ask several models: a label that names none of them is of the only one.
    WITH targets AS MATERIALIZED (
        SELECT s.place, p.id, p.predicted_at, v.model_name,
               s.model_name IS NULL AND min(v.model_name) OVER w <> max(v.model_name) OVER w AS is_ambiguous
        FROM pg_temp.ledger_labels s
        JOIN predictions p ON p.request_id = s.request_id
        JOIN model_versions v ON v.id = p.model_version_id
            AND v.model_name = coalesce(s.model_name, v.model_name)
            AND v.model_version = coalesce(s.model_version, v.model_version)
        WINDOW w AS (PARTITION BY s.place)
    ), named AS (
        INSERT INTO pg_temp.ledger_labels
            (prediction_id, predicted_at, predicted_from, labeled_at, actual_label, actual_value, source, model_name,
             model_version)
        SELECT t.id, t.predicted_at, date_trunc('milliseconds', t.predicted_at, 'UTC'), s.labeled_at, s.actual_label, s.actual_value, s.source,
               s.model_name, s.model_version
        FROM targets t JOIN pg_temp.ledger_labels s ON s.place = t.place
        WHERE NOT t.is_ambiguous
    ), gone AS (
        DELETE FROM pg_temp.ledger_labels WHERE place IN (SELECT t.place FROM targets t WHERE NOT t.is_ambiguous)
    )
    SELECT EXISTS (SELECT FROM targets t WHERE t.is_ambiguous) INTO is_refused;
    IF strict AND is_refused THEN
        RAISE EXCEPTION 'model_name: is needed, because the request asked several models'
            USING ERRCODE = 'MLIV0', HINT = 'Name the model that each label is about.';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_name_requests(boolean) IS
    'Replaces each staged label of a request by labels of the predictions of that request, where there are any. One that names no model while several have predicted is refused if strict, else it goes on waiting.';

CREATE FUNCTION ledger_require_label_models() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_temp.ledger_labels s WHERE s.model_name IS NULL AND s.model_version IS NOT NULL) THEN
        RAISE EXCEPTION 'model_name: is needed with model_version' USING ERRCODE = 'MLIV0';
    ELSIF EXISTS (
        SELECT FROM pg_temp.ledger_labels s
        WHERE s.model_name IS NOT NULL AND NOT EXISTS (
            SELECT FROM model_versions v
            WHERE v.model_name = s.model_name AND v.model_version = coalesce(s.model_version, v.model_version)))
    THEN
        RAISE EXCEPTION 'model_name: a label names a model or a version that the ledger does not have'
            USING ERRCODE = 'MLNF0', HINT = 'Register it first.';
    ELSIF EXISTS (
        SELECT 1 FROM pg_temp.ledger_labels s
        JOIN predictions p ON p.id = s.prediction_id
            AND p.predicted_at >= s.predicted_from AND p.predicted_at < s.predicted_from + interval '1 millisecond'
        JOIN model_versions v ON v.id = p.model_version_id
        WHERE s.model_name <> v.model_name OR s.model_version <> v.model_version)
    THEN
        RAISE EXCEPTION 'model_name: the prediction is of another model or version' USING ERRCODE = 'MLIV0';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_require_label_models() IS
    'Refuses staged labels that name a model which is unknown or did not make their prediction.';

CREATE FUNCTION ledger_refuse_contradiction() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'labeled_at: a label says something else about the same prediction at the same time'
        USING ERRCODE = 'MLCF0', HINT = 'Give a correction its own, later labeled_at.';
END
$$;
COMMENT ON FUNCTION ledger_refuse_contradiction() IS
    'Refuses two labels of one prediction and time that differ.';

CREATE FUNCTION ledger_drop_known_labels(strict boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    dropped bigint;
    is_contradicted boolean;
BEGIN
    WITH known AS MATERIALIZED (
        SELECT s.place, (g.actual_label, g.actual_value) IS DISTINCT FROM (s.actual_label, s.actual_value) AS differs
        FROM pg_temp.ledger_labels s
        JOIN ground_truth g ON g.prediction_id = s.prediction_id AND g.labeled_at = s.labeled_at
            AND g.predicted_at >= s.predicted_from AND g.predicted_at < s.predicted_from + interval '1 millisecond'
    ), again AS MATERIALIZED (
        SELECT s.place, (s.actual_label, s.actual_value) IS DISTINCT FROM
               (first_value(s.actual_label) OVER w, first_value(s.actual_value) OVER w) AS differs,
               row_number() OVER w AS number
        FROM pg_temp.ledger_labels s WHERE s.prediction_id IS NOT NULL
        WINDOW w AS (PARTITION BY s.prediction_id, s.labeled_at ORDER BY s.place)
    ), surplus AS (
        SELECT place, differs FROM known UNION ALL SELECT place, differs FROM again WHERE number > 1
    ), gone AS (
        DELETE FROM pg_temp.ledger_labels WHERE place IN (SELECT place FROM surplus) RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone), EXISTS (SELECT FROM surplus WHERE differs) INTO dropped, is_contradicted;
    IF strict AND is_contradicted THEN
        PERFORM ledger_refuse_contradiction();
    END IF;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION ledger_drop_known_labels(boolean) IS
    'Drops the staged labels that are stored already; those that say something else are refused if strict.';

CREATE FUNCTION ledger_let_labels_wait(strict boolean) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    unmatched bigint;
    written bigint;
BEGIN
    WITH known AS MATERIALIZED (
        SELECT s.place FROM pg_temp.ledger_labels s
        JOIN ground_truth g ON g.prediction_id = s.prediction_id AND g.labeled_at = s.labeled_at
            AND g.predicted_at >= s.predicted_from AND g.predicted_at < s.predicted_from + interval '1 millisecond')
    DELETE FROM pg_temp.ledger_labels WHERE place IN (SELECT place FROM known);
    WITH inserted AS (
        INSERT INTO ground_truth_waiting
            (prediction_id, predicted_from, request_id, labeled_at, actual_label, actual_value, source, model_name,
             model_version)
        SELECT s.prediction_id, s.predicted_from, s.request_id, s.labeled_at, s.actual_label, s.actual_value, s.source,
               s.model_name, s.model_version
        FROM pg_temp.ledger_labels s
        ORDER BY s.request_id, s.prediction_id, s.labeled_at
        ON CONFLICT ON CONSTRAINT ground_truth_waiting_label_key DO NOTHING
        RETURNING 1)
    SELECT (SELECT count(*) FROM pg_temp.ledger_labels), (SELECT count(*) FROM inserted) INTO unmatched, written;
    IF strict AND written < unmatched AND (
        EXISTS (SELECT FROM pg_temp.ledger_labels s JOIN ground_truth_waiting w USING (prediction_id, labeled_at)
                WHERE (w.actual_label, w.actual_value) IS DISTINCT FROM (s.actual_label, s.actual_value))
        OR EXISTS (SELECT FROM pg_temp.ledger_labels s JOIN ground_truth_waiting w USING (request_id, labeled_at)
                   WHERE (w.model_name, w.model_version) IS NOT DISTINCT FROM (s.model_name, s.model_version)
                     AND (w.actual_label, w.actual_value) IS DISTINCT FROM (s.actual_label, s.actual_value)))
    THEN
        PERFORM ledger_refuse_contradiction();
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_let_labels_wait(boolean) IS
    'Moves the staged labels that were not stored to those that wait.';

CREATE FUNCTION ledger_find_labeled(since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    WITH known AS MATERIALIZED (
        SELECT s.place FROM pg_temp.ledger_labels s
        JOIN ground_truth g ON g.prediction_id = s.prediction_id AND g.labeled_at = s.labeled_at AND g.predicted_at = s.predicted_at
        WHERE g.predicted_at >= since AND g.predicted_at < until)
    DELETE FROM pg_temp.ledger_labels WHERE place IN (SELECT place FROM known);
    WITH found AS MATERIALIZED (
        SELECT s.place, p.predicted_at FROM pg_temp.ledger_labels s
        JOIN predictions p ON p.id = s.prediction_id
            AND p.predicted_at >= s.predicted_from AND p.predicted_at < s.predicted_from + interval '1 millisecond'
        WHERE p.predicted_at >= since AND p.predicted_at < until AND p.predicted_at <> s.predicted_at)
    UPDATE pg_temp.ledger_labels s SET predicted_at = f.predicted_at FROM found f WHERE s.place = f.place;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION ledger_find_labeled(timestamptz, timestamptz) IS
    'Looks for the predictions of staged labels whose ids were made elsewhere, so that they tell the millisecond only; drops the labels that were stored.';

CREATE FUNCTION ledger_store_labels(strict boolean, OUT stored bigint, OUT waiting bigint, OUT duplicates bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
-- ledger_match_write has turned it off for what it does itself.
SET enable_hashjoin = on AS $$
DECLARE
    first timestamptz;
    last timestamptz;
    latest timestamptz;
    requests bigint;
    names bigint;
    staged bigint;
    attempts integer := 0;
    broken text;
BEGIN
    SELECT max(labeled_at), count(request_id), count(coalesce(model_name, model_version)), count(*), min(predicted_from),
           max(predicted_from) + interval '1 millisecond'
    INTO latest, requests, names, staged, first, last
    FROM pg_temp.ledger_labels;
    -- A label from the future would count until its time has come; clocks differ a little.
    IF latest > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'labeled_at: lies in the future'
            USING ERRCODE = 'MLIV0', HINT = 'Give the time at which the truth was found out.';
    END IF;
    IF strict AND names > 0 THEN
        PERFORM ledger_require_label_models();
    END IF;
    IF requests > 0 THEN
        PERFORM ledger_name_requests(strict);
        SELECT count(*), min(predicted_from), max(predicted_from) + interval '1 millisecond'
        INTO staged, first, last
        FROM pg_temp.ledger_labels;
    END IF;
    duplicates := 0;
    LOOP
        BEGIN
            -- ON CONFLICT would double the cost of every label for the sake of the few that repeat.
            WITH written AS (
                INSERT INTO ground_truth
                    (prediction_id, predicted_at, labeled_at, model_version_id, actual_value, prediction,
                     probability, confidence_lower, confidence_upper, class_probabilities, actual_label, predicted_label, source)
                SELECT p.id, p.predicted_at, s.labeled_at, p.model_version_id, s.actual_value, p.prediction,
                       p.probability, p.confidence_lower, p.confidence_upper, p.class_probabilities, s.actual_label, p.predicted_label, s.source
                FROM pg_temp.ledger_labels s
                JOIN predictions p ON p.id = s.prediction_id AND p.predicted_at = s.predicted_at
                WHERE p.predicted_at >= first AND p.predicted_at < last
                RETURNING model_version_id, predicted_at, actual_value, prediction, probability, actual_label, predicted_label
            ), marked AS (
                INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
                SELECT model_version_id, 'ground_truth', min(predicted_at), max(predicted_at) FROM written
                GROUP BY model_version_id, date_bin('1 hour', predicted_at, 'epoch')
            ), outcomes AS (
                SELECT model_version_id, actual_label, predicted_label, ledger_whole(actual_label, actual_value) AS actual,
                       ledger_whole(predicted_label, prediction) AS predicted,
                       ledger_is_continuous(actual_value, prediction, probability) AS is_continuous, count(*) AS n
                FROM written GROUP BY 1, 2, 3, 4, 5, 6
            ), observed AS (
                SELECT sum(n) AS n,
                       ledger_observe(model_version_id, array_agg(actual_label) || array_agg(predicted_label),
                                      array_agg(actual) || array_agg(predicted), bool_or(is_continuous))
                FROM outcomes GROUP BY model_version_id ORDER BY model_version_id
            )
            SELECT coalesce(sum(n), 0) INTO stored FROM observed;
            EXIT;
        EXCEPTION
            -- Two writers of the same labels may also stand in each other's way.
            WHEN unique_violation OR check_violation OR internal_error OR deadlock_detected THEN
                GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
                broken := ledger_obstacle(SQLSTATE, SQLERRM, broken);
                attempts := attempts + 1;
                IF broken IS NULL OR attempts > 10 THEN
                    RAISE;
                ELSIF broken = 'known' THEN
                    duplicates := duplicates + ledger_drop_known_labels(strict);
                    CONTINUE;
                END IF;
                PERFORM ledger_make_partitions('ground_truth', ARRAY(
                    SELECT DISTINCT date_trunc('day', p.predicted_at, 'UTC')
                    FROM pg_temp.ledger_labels s
                    JOIN predictions p ON p.id = s.prediction_id AND p.predicted_at = s.predicted_at
                    WHERE p.predicted_at >= first AND p.predicted_at < last));
        END;
    END LOOP;
    waiting := staged - duplicates - stored;
    IF waiting > 0 AND ledger_find_labeled(first, last) THEN
        SELECT ledger_store_labels.stored + s.stored, s.waiting, ledger_store_labels.duplicates + s.duplicates
        INTO stored, waiting, duplicates
        FROM ledger_store_labels(strict) s;
    ELSIF waiting > 0 THEN
        PERFORM ledger_let_labels_wait(strict);
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_store_labels(boolean) IS
    'Stores the staged labels with what had been predicted; those whose prediction is not there yet wait.';

CREATE FUNCTION record_ground_truth(labels jsonb, OUT stored bigint, OUT waiting bigint, OUT duplicates bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_label_stage();
    INSERT INTO pg_temp.ledger_labels
        (prediction_id, predicted_at, predicted_from, request_id, labeled_at, actual_label, actual_value, source,
         model_name, model_version)
    SELECT l.prediction_id, u.predicted_at, date_trunc('milliseconds', u.predicted_at, 'UTC'), l.request_id,
           coalesce(l.labeled_at, clock_timestamp()), l.actual_label, l.actual_value, l.source, l.model_name, l.model_version
    FROM jsonb_to_recordset(labels) AS l (
        prediction_id uuid, request_id text, labeled_at timestamptz, actual_label text,
        actual_value double precision, source text, model_name text, model_version text)
    CROSS JOIN LATERAL (SELECT ledger_uuid_time(l.prediction_id) AS predicted_at) u;
    SELECT s.stored, s.waiting, s.duplicates INTO stored, waiting, duplicates FROM ledger_store_labels(true) s;
END
$$;
COMMENT ON FUNCTION record_ground_truth(jsonb) IS
    'Records labels, a list of {"prediction_id" or "request_id", "actual_label" and/or "actual_value", "labeled_at", "source", "model_name", "model_version"}, and returns how many were stored, wait for their prediction, or were there already.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'record_ground_truth');
