-- How far each consumer of events has come.

CREATE TABLE event_consumers (
    consumer text CONSTRAINT event_consumers_pkey PRIMARY KEY
        CONSTRAINT event_consumers_consumer_check CHECK (ledger_is_name(consumer)),
    seq bigint NOT NULL
        CONSTRAINT event_consumers_seq_check CHECK (seq >= 0),
    db_role text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE event_consumers IS
    'Who reads events under which name, and how far: start_event_consumer() makes a row, move_event_consumer() moves it on.';
COMMENT ON COLUMN event_consumers.consumer IS 'Name of the consumer.';
COMMENT ON COLUMN event_consumers.seq IS 'The last event that it has dealt with; 0 for none.';
COMMENT ON COLUMN event_consumers.db_role IS 'The role that made it; nobody else but the owner may move it.';
COMMENT ON COLUMN event_consumers.created_at IS 'When it was made.';
COMMENT ON COLUMN event_consumers.moved_at IS 'When it was moved last.';

CREATE FUNCTION ledger_require_event_consumer(consumer text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    maker text := (SELECT c.db_role FROM event_consumers c WHERE c.consumer = ledger_require_event_consumer.consumer);
BEGIN
    IF maker IS NULL THEN
        RAISE EXCEPTION 'consumer: there is no consumer %', consumer USING ERRCODE = 'MLNF0';
    ELSIF maker <> session_user
        AND NOT pg_has_role(session_user, (SELECT t.relowner FROM pg_class t WHERE t.oid = 'event_consumers'::regclass), 'USAGE') THEN
        RAISE EXCEPTION 'consumer: % belongs to %, who made it', consumer, maker
            USING ERRCODE = 'MLCF0', HINT = 'Take another name.';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_require_event_consumer(text) IS
    'Refuses a consumer that is not there, or that another role has made.';

CREATE FUNCTION start_event_consumer(consumer text, after bigint DEFAULT 0) RETURNS event_consumers
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    found event_consumers;
BEGIN
    INSERT INTO event_consumers AS c (consumer, seq)
    VALUES (start_event_consumer.consumer, coalesce(start_event_consumer.after, 0))
    ON CONFLICT ON CONSTRAINT event_consumers_pkey DO NOTHING;
    PERFORM ledger_require_event_consumer(start_event_consumer.consumer);
    SELECT * INTO found FROM event_consumers c WHERE c.consumer = start_event_consumer.consumer;
    RETURN found;
END
$$;
COMMENT ON FUNCTION start_event_consumer(text, bigint) IS
    'Where a consumer of events is. One that is new begins after an event, by default before the first.';
REVOKE ALL ON FUNCTION start_event_consumer(text, bigint) FROM PUBLIC;

CREATE FUNCTION move_event_consumer(consumer text, seq bigint) RETURNS event_consumers
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved event_consumers;
BEGIN
    PERFORM ledger_require_event_consumer(move_event_consumer.consumer);
    -- Only forward: of two processes with one name, the slower must not take the other back.
    UPDATE event_consumers c SET seq = greatest(c.seq, move_event_consumer.seq), moved_at = clock_timestamp()
    WHERE c.consumer = move_event_consumer.consumer RETURNING * INTO moved;
    RETURN moved;
END
$$;
COMMENT ON FUNCTION move_event_consumer(text, bigint) IS
    'Remembers that a consumer has dealt with all events up to one; never moves it back.';
REVOKE ALL ON FUNCTION move_event_consumer(text, bigint) FROM PUBLIC;

CREATE FUNCTION remove_event_consumer(consumer text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_require_event_consumer(remove_event_consumer.consumer);
    DELETE FROM event_consumers c WHERE c.consumer = remove_event_consumer.consumer;
END
$$;
COMMENT ON FUNCTION remove_event_consumer(text) IS
    'Forgets a consumer; started again, it begins from the start.';
REVOKE ALL ON FUNCTION remove_event_consumer(text) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'event_consumers'),
    ('reader', 'EXECUTE', 'FUNCTION', 'start_event_consumer'),
    ('reader', 'EXECUTE', 'FUNCTION', 'move_event_consumer'),
    ('reader', 'EXECUTE', 'FUNCTION', 'remove_event_consumer');
