DROP FUNCTION ledger_role_statements(text);
DROP FUNCTION ledger_objects();

DO $$
DECLARE
    guarded regprocedure;
BEGIN
    FOR guarded IN
        SELECT DISTINCT p.oid::regprocedure
        FROM ledger_privileges() g
        JOIN pg_proc p ON p.proname = g.object_name AND p.pronamespace = quote_ident(current_schema())::regnamespace
        WHERE g.object_type = 'FUNCTION'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY INVOKER', guarded);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', guarded);
    END LOOP;
END
$$;

DROP FUNCTION ledger_privileges();
