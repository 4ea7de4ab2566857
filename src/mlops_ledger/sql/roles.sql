-- Statements of Roles.

-- statements --
-- The statements that make the roles and grant what they may do.
SELECT statement FROM ledger_role_statements(%(prefix)s::text) statement;

-- missing --
-- Which of the roles are not there.
SELECT %(prefix)s::text || kind
FROM unnest('{owner,writer,reader,approver,auditor,agent}'::text[]) WITH ORDINALITY k (kind, place)
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = %(prefix)s::text || kind)
ORDER BY place;

-- decisive_rights --
-- What a role may do that decides something, of what no agent may.
SELECT r.name
FROM unnest('{promote,rollback,retire,approve_action,reject_action,execute_action,acknowledge_alert,resolve_alert}'::text[])
     WITH ORDINALITY r (name, place)
JOIN pg_proc p ON p.proname = r.name AND p.pronamespace = quote_ident(current_schema())::regnamespace
WHERE has_function_privilege(coalesce(%(role)s::text, current_user), p.oid, 'EXECUTE')
UNION ALL
SELECT 'write ' || c.relname
FROM pg_class c
WHERE c.relname IN ('agent_actions', 'model_deployments', 'promotion_policies', 'retraining_decisions')
  AND c.relnamespace = quote_ident(current_schema())::regnamespace
  AND (has_table_privilege(coalesce(%(role)s::text, current_user), c.oid, 'UPDATE')
       OR c.relname <> 'agent_actions' AND has_table_privilege(coalesce(%(role)s::text, current_user), c.oid, 'INSERT'));

-- can_become --
-- Whether the connected user may work as a role; NULL when there is none.
SELECT pg_has_role(session_user, to_regrole(quote_ident(%(role)s::text)), 'MEMBER');

-- show --
-- What is granted to the roles in the ledger's schema, as the server has it.
SELECT grants.role, grants.object_type, grants.object_name, grants.privileges, grants.columns
FROM (
    SELECT a.grantee, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS object_type, c.relname::text AS object_name,
           array_agg(a.privilege_type::text ORDER BY a.privilege_type) AS privileges, NULL::text[] AS columns
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND NOT c.relispartition AND a.grantee <> c.relowner
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT a.grantee, 'table', c.relname::text, ARRAY[a.privilege_type::text], array_agg(t.attname::text ORDER BY t.attnum)
    FROM pg_attribute t
    JOIN pg_class c ON c.oid = t.attrelid
    CROSS JOIN LATERAL aclexplode(t.attacl) a
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace
    GROUP BY 1, 2, 3, a.privilege_type
    UNION ALL
    SELECT a.grantee, 'function', p.proname::text, array_agg(a.privilege_type::text), NULL
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
    WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND a.grantee <> p.proowner
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT o.oid, 'ledger', current_schema()::text, ARRAY['OWNER'], NULL
    FROM pg_roles o WHERE o.oid = (SELECT relowner FROM pg_class WHERE oid = 'model_versions'::regclass)
) granted (grantee, object_type, object_name, privileges, columns)
JOIN pg_roles r ON r.oid = granted.grantee
CROSS JOIN LATERAL (SELECT r.rolname::text AS role, granted.*) grants
WHERE r.rolname IN (SELECT %(prefix)s::text || kind FROM unnest('{owner,writer,reader,approver,auditor,agent}'::text[]) kind)
ORDER BY 1, 2, 3, 4;
