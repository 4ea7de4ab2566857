-- What the tables have in common: ids, times, the trigger that keeps history, privileges.

CREATE FUNCTION ledger_uuid() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    -- A random uuid whose first 48 bits are the time in milliseconds and whose version is 7.
    set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                FROM 1 FOR 6),
        52, 1), 53, 1),
    'hex')::uuid;
COMMENT ON FUNCTION ledger_uuid() IS
    'A new time-ordered UUIDv7 (RFC 9562), on every supported PostgreSQL.';

CREATE FUNCTION ledger_metric(metrics jsonb, name text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(metrics -> name) = 'number' THEN (metrics ->> name)::double precision END;
COMMENT ON FUNCTION ledger_metric(jsonb, text) IS 'The number stored under a name in a metrics object, or NULL.';

CREATE FUNCTION ledger_is_time(at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN at >= '0001-01-01 00:00+00' AND at < '10000-01-01 00:00+00';
COMMENT ON FUNCTION ledger_is_time(timestamptz) IS 'Whether a timestamp lies in the years 1 to 9999, which every client can read.';

CREATE FUNCTION ledger_refuse_future(field text, at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Clocks differ a little.
    IF at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION '%: lies in the future', field
            USING ERRCODE = 'MLIV0', HINT = 'Give the time at which it happened.';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_refuse_future(text, timestamptz) IS 'Refuses a time that has not come, naming its field.';

CREATE FUNCTION ledger_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'MLAO0', HINT = 'Record a new fact instead of changing history.';
END
$$;
COMMENT ON FUNCTION ledger_refuse_change() IS 'Trigger of append-only tables: refuses the statement.';

-- Writer, approver, auditor and agent are members of reader. The owner has everything, because it owns what is named here.
CREATE TABLE ledger_privileges (
    role text NOT NULL
        CONSTRAINT ledger_privileges_role_check CHECK (role IN ('reader', 'writer', 'approver', 'auditor', 'agent', 'owner')),
    privilege text NOT NULL,
    object_type text NOT NULL
        CONSTRAINT ledger_privileges_object_type_check CHECK (object_type IN ('TABLE', 'VIEW', 'SEQUENCE', 'FUNCTION')),
    object_name text NOT NULL,
    columns text[],
    CONSTRAINT ledger_privileges_pkey PRIMARY KEY (object_name, role, privilege)
);
COMMENT ON TABLE ledger_privileges IS
    'What each kind of role may do; each migration adds the rows of what it makes. A role that is not named here may do nothing, except the owner.';
COMMENT ON COLUMN ledger_privileges.role IS 'reader, writer, approver, auditor or agent, of which the last four are members of the first; owner for what nobody else may do.';
COMMENT ON COLUMN ledger_privileges.privilege IS 'SELECT, INSERT, UPDATE, DELETE, USAGE or EXECUTE.';
COMMENT ON COLUMN ledger_privileges.object_type IS 'TABLE, VIEW, SEQUENCE or FUNCTION.';
COMMENT ON COLUMN ledger_privileges.object_name IS 'Name of the table, view, sequence or function.';
COMMENT ON COLUMN ledger_privileges.columns IS 'With these columns only; NULL for all.';
INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'ledger_privileges'),
    ('reader', 'SELECT', 'TABLE', 'ledger_migrations');
