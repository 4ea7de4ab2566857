-- Matching the labels that came before their prediction.

CREATE FUNCTION match_ground_truth(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    first timestamptz := greatest(since, '2000-01-01 00:00:00+00');
    last timestamptz := least(until, now() + interval '1 year');
    due bigint[];
BEGIN
    -- A reader who asks for metrics gets them without the labels that only a writer can match.
    IF current_setting('transaction_read_only')::boolean
        OR NOT has_table_privilege('ground_truth_waiting', 'DELETE')
        OR NOT EXISTS (SELECT FROM ground_truth_waiting)
    THEN
        RETURN 0;
    END IF;
    -- Two statements, because Citus locks no rows in one that reads predictions.
    SELECT array_agg(d.id) INTO due
    FROM (
        SELECT w.id
        FROM ground_truth_waiting w
        JOIN predictions p ON p.id = w.prediction_id
            AND p.predicted_at >= w.predicted_from AND p.predicted_at < w.predicted_from + interval '1 millisecond'
        WHERE w.predicted_from >= first - interval '1 millisecond' AND w.predicted_from <= last
          AND p.predicted_at >= first AND p.predicted_at <= last
        UNION
        SELECT w.id
        FROM ground_truth_waiting w
        JOIN predictions p ON p.request_id = w.request_id
        LEFT JOIN model_versions v ON v.id = p.model_version_id
        WHERE w.request_id IS NOT NULL AND p.request_id IS NOT NULL
          AND p.predicted_at >= first AND p.predicted_at <= last
          AND (w.model_name IS NULL
               OR v.model_name = w.model_name AND v.model_version = coalesce(w.model_version, v.model_version))) d;
    IF due IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM ledger_label_stage();
    WITH locked AS MATERIALIZED (
        -- A concurrent transaction that matches the same labels has them already.
        SELECT w.id FROM ground_truth_waiting w WHERE w.id = ANY (due) FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM ground_truth_waiting w WHERE w.id IN (SELECT id FROM locked)
        RETURNING prediction_id, predicted_from, request_id, labeled_at, actual_label, actual_value, source, model_name,
                  model_version
    )
    INSERT INTO pg_temp.ledger_labels
        (prediction_id, predicted_at, predicted_from, request_id, labeled_at, actual_label, actual_value, source,
         model_name, model_version)
    SELECT prediction_id, ledger_uuid_time(prediction_id), predicted_from, request_id, labeled_at, actual_label,
           actual_value, source, model_name, model_version
    FROM gone;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    RETURN (SELECT s.stored FROM ledger_store_labels(false) s);
END
$$;
COMMENT ON FUNCTION match_ground_truth(timestamptz, timestamptz) IS
    'Stores the labels that waited for predictions of a window, both ends included, and returns how many. Of labels with the same prediction and labeled_at the one stored first stays.';

CREATE FUNCTION ledger_match_write(since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql
-- A write is small against all that may wait: each of its rows is looked up, whatever statistics say.
SET search_path FROM CURRENT SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    PERFORM match_ground_truth(since, until);
EXCEPTION WHEN OTHERS THEN
    -- A lock that is not granted or a label that is refused is no reason to lose a prediction. A statement that the
    -- server cannot run is an error: such labels would wait for ever.
    IF SQLSTATE ~ '^(0A|42|XX)' AND SQLSTATE <> '42501' THEN
        RAISE;
    END IF;
    RAISE LOG 'mlops-ledger: labels could not be matched (SQLSTATE %)', SQLSTATE;
END
$$;
COMMENT ON FUNCTION ledger_match_write(timestamptz, timestamptz) IS
    'Matches the labels that waited for a write of predictions; those that are refused, or whose locks are not granted, go on waiting.';

CREATE FUNCTION prediction_batches_after_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Among the predictions of a longer time looking would take too long: performance does it.
    IF NEW.last_predicted_at <= NEW.first_predicted_at + interval '1 hour' AND (
        EXISTS (SELECT FROM ground_truth_waiting w
                WHERE w.predicted_from >= NEW.first_predicted_at - interval '1 millisecond'
                  AND w.predicted_from <= NEW.last_predicted_at)
        OR EXISTS (SELECT FROM ground_truth_waiting w WHERE w.request_id IS NOT NULL))
    THEN
        PERFORM ledger_match_write(NEW.first_predicted_at, NEW.last_predicted_at);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION prediction_batches_after_insert() IS
    'Matches the labels that waited for the predictions of a write, when it commits.';

CREATE CONSTRAINT TRIGGER prediction_batches_after_insert
    AFTER INSERT ON prediction_batches DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prediction_batches_after_insert();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'match_ground_truth');
