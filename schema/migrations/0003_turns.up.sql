-- The order in which calls lock rows, and how they wait.

-- The rows that calls lock are taken in one order by all: of a model the model and then its slots, models by name,
-- then actions, alerts, partitions. Whoever keeps to it waits, and cannot be part of a deadlock. Whoever comes out of it holds
-- what others may wait for. Such a transaction does not wait: it tries for a quarter of a second and is told to run
-- again. It tries without queueing, or another's search for deadlocks could find it and fail the one that kept to it.
CREATE FUNCTION ledger_take_turn(place text[], lock text, make text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last text := nullif(current_setting('mlops_ledger.turn', true), '');
    timeout text := current_setting('lock_timeout');
    locked bigint;
BEGIN
    IF last IS NULL OR place COLLATE "C" >= last::text[] THEN
        PERFORM set_config('mlops_ledger.turn', place::text, true);
        IF lock IS NOT NULL THEN
            EXECUTE lock || ' SKIP LOCKED';  -- A row that is free needs no subtransaction.
            GET DIAGNOSTICS locked = ROW_COUNT;
            IF locked = 0 THEN
                PERFORM ledger_run_in_turn(lock);
            END IF;
        END IF;
        RETURN;
    END IF;
    FOR attempt_number IN 1..25 LOOP
        BEGIN
            PERFORM set_config('mlops_ledger.turn', place::text, true), set_config('lock_timeout', '1ms', true);
            IF lock IS NOT NULL THEN
                EXECUTE lock || ' NOWAIT';
            END IF;
            IF make IS NOT NULL THEN
                EXECUTE make;
            END IF;
            PERFORM set_config('mlops_ledger.turn', last, true), set_config('lock_timeout', timeout, true);
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.01);
        END;
    END LOOP;
    RAISE EXCEPTION 'a concurrent transaction got in the way: run the transaction again'
        USING ERRCODE = '40001', HINT = 'Take models, slots and alerts in the order of their names, and it waits instead.';
END
$$;
COMMENT ON FUNCTION ledger_take_turn(text[], text, text) IS
    'Locks a row in the order of all, by a SELECT that waits; out of order it does not wait, and runs what makes the row if there is none, or fails with a serialization error.';
REVOKE ALL ON FUNCTION ledger_take_turn(text[], text, text) FROM PUBLIC;

-- Out of order an insert cannot be tried without queueing, so that a transaction in order may be the one that fails.
CREATE FUNCTION ledger_run_in_turn(statement text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    affected bigint;
BEGIN
    FOR attempt IN 1..10 LOOP
        BEGIN
            EXECUTE statement;
            GET DIAGNOSTICS affected = ROW_COUNT;
            RETURN affected > 0;
        EXCEPTION WHEN deadlock_detected THEN
            NULL;  -- The other gives way.
        END;
    END LOOP;
    RAISE EXCEPTION 'a concurrent transaction got in the way: run the transaction again' USING ERRCODE = '40001';
END
$$;
COMMENT ON FUNCTION ledger_run_in_turn(text) IS
    'Waits for a row, or makes one, in the order of all, does not fail for a transaction out of order, and says whether there was one.';
REVOKE ALL ON FUNCTION ledger_run_in_turn(text) FROM PUBLIC;
