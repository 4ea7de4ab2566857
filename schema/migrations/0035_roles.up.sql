-- The roles owner, writer, reader, approver, auditor and agent, made from the table of privileges.

-- Functions that do what their callers may not do by themselves, such as to close an interval of history, run
-- with the rights of their owner. Their search_path ends with pg_temp, so that no temporary table stands in for
-- one of the ledger's; session_user remains the one who calls.

CREATE FUNCTION ledger_objects() RETURNS TABLE (kind text, identity text, owner name)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH tables AS (
        SELECT DISTINCT format('%I', g.object_name)::regclass AS id FROM ledger_privileges g
        WHERE g.object_type IN ('TABLE', 'VIEW')
    ), relations AS (
        SELECT id FROM tables UNION SELECT i.inhrelid FROM pg_inherits i JOIN tables t ON t.id = i.inhparent
    )
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, format('%I.%I', current_schema(), c.relname),
           pg_get_userbyid(c.relowner)
    FROM pg_class c JOIN relations r ON r.id = c.oid
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, pg_get_userbyid(p.proowner)
    FROM pg_proc p
    WHERE p.pronamespace = quote_ident(current_schema())::regnamespace
      AND (p.proname LIKE 'ledger\_%'
           OR p.proname IN (SELECT g.object_name FROM ledger_privileges g WHERE g.object_type = 'FUNCTION')
           OR p.oid IN (SELECT t.tgfoid FROM pg_trigger t JOIN relations r ON r.id = t.tgrelid))
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION ledger_objects() IS
    'The tables with their partitions, views and functions that belong to the role owner, and to whom they belong.';

CREATE FUNCTION ledger_role_statements(prefix text DEFAULT 'mlops_') RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    schema text := current_schema();
    owner_role text := prefix || 'owner';
BEGIN
    IF prefix !~ '^[a-z_][a-z0-9_]{0,50}$' OR prefix LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'prefix: must be lower-case letters, digits or _, at most 51 of them, and not pg_'
            USING ERRCODE = 'MLIV0';
    END IF;
    RETURN QUERY
    SELECT format('CREATE ROLE %I NOLOGIN', prefix || kind)
    FROM unnest('{owner,writer,reader,approver,auditor,agent}'::text[]) WITH ORDINALITY k (kind, place)
    WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = prefix || kind)
    ORDER BY place;
    -- What runs with the rights of the owner reaches the workers of Citus as the owner.
    IF EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'citus')
        AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = owner_role AND r.rolcanlogin) THEN
        RETURN NEXT format('ALTER ROLE %I LOGIN', owner_role);
    END IF;
    -- Whoever logs in as one of them and forgets an open transaction holds its locks no longer than this.
    RETURN QUERY
    SELECT format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', prefix || kind, '1min')
    FROM unnest('{writer,reader,approver,auditor,agent}'::text[]) WITH ORDINALITY k (kind, place)
    WHERE NOT EXISTS (
        SELECT FROM pg_roles r WHERE r.rolname = prefix || kind
        AND r.rolconfig::text LIKE '%idle_in_transaction_session_timeout=%')
    ORDER BY place;
    RETURN NEXT format('GRANT %I TO %I, %I, %I, %I', prefix || 'reader', prefix || 'writer', prefix || 'approver', prefix || 'auditor',
                       prefix || 'agent');
    -- A role that could create objects there could deceive the functions that run with the owner's rights.
    RETURN NEXT format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', schema);
    RETURN NEXT format('GRANT USAGE ON SCHEMA %I TO %I', schema, prefix || 'reader');
    RETURN NEXT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', schema, owner_role);
    -- Superusers need not be members, and everybody else must be one to give something away.
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = session_user)
        AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = owner_role AND pg_has_role(session_user, r.oid, 'USAGE')) THEN
        RETURN NEXT format('GRANT %I TO %I', owner_role, session_user);
    END IF;
    RETURN QUERY
    SELECT format('ALTER %s %s OWNER TO %I', o.kind, o.identity, owner_role) FROM ledger_objects() o
    WHERE o.owner <> owner_role;
    -- What an earlier release granted and this one does not, goes.
    RETURN QUERY
    SELECT format('REVOKE ALL ON %s %s FROM %I, %I, %I, %I, %I', replace(o.kind, 'VIEW', 'TABLE'), o.identity,
                  prefix || 'writer', prefix || 'reader', prefix || 'approver', prefix || 'auditor', prefix || 'agent')
    FROM ledger_objects() o;
    RETURN QUERY
    SELECT format('GRANT %s%s ON %s %I.%I TO %I', g.privilege, ' (' || array_to_string(g.columns, ', ') || ')',
                  replace(g.object_type, 'VIEW', 'TABLE'), schema, g.object_name, prefix || g.role)
    FROM ledger_privileges g WHERE g.object_type <> 'FUNCTION' AND g.role <> 'owner'
    ORDER BY g.object_name, g.role, g.privilege;
    RETURN QUERY
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, prefix || g.role)
    FROM ledger_privileges g
    JOIN pg_proc p ON p.proname = g.object_name AND p.pronamespace = quote_ident(schema)::regnamespace
    WHERE g.object_type = 'FUNCTION' AND g.role <> 'owner'
    ORDER BY g.object_name, g.role, g.privilege, p.oid::regprocedure::text;
END
$$;
COMMENT ON FUNCTION ledger_role_statements(text) IS
    'The statements that make the roles owner, writer, reader, approver, auditor and agent, with names that begin with a prefix, hand the ledger to the owner, and grant what ledger_privileges says; in psql: SELECT ledger_role_statements() \gexec. Running them again changes nothing.';
