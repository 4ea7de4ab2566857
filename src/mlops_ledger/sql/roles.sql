-- Statements of Roles.

-- statements --
-- The statements that make the roles and grant what they may do.
SELECT statement FROM ledger_role_statements(%(prefix)s::text) statement;

-- missing --
-- Which of the five roles are not there.
SELECT %(prefix)s::text || kind
FROM unnest('{owner,writer,reader,approver,auditor}'::text[]) WITH ORDINALITY k (kind, place)
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = %(prefix)s::text || kind)
ORDER BY place;

-- show --
-- What is granted to the roles in the ledger's schema, as the server has it.
SELECT grants.role, grants.object_type, grants.object_name, grants.privileges, grants.columns
FROM (
    SELECT a.grantee, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS object_type, c.relname::text AS object_name,
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
WHERE r.rolname IN (SELECT %(prefix)s::text || kind FROM unnest('{owner,writer,reader,approver,auditor}'::text[]) kind)
ORDER BY 1, 2, 3, 4;
