-- Statements of Objects: what the schema consists of. They call functions of the system alone, with arguments of
-- the very types these declare: the owner could put another of the same name beside any other.

-- fragment here --
-- The schema of the ledger.
quote_ident(current_schema()::text)::regnamespace

-- fragment not_of_an_extension --
-- An object that no extension e has made.
NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e'

-- qualify_nothing --
-- Have the server write names without their schema, and nothing temporary stand in for what they name.
SELECT set_config('search_path', quote_ident(current_schema()::text) || ', pg_temp', true);

-- found --
-- Every object of the named tables, views and functions, with its definition.
WITH relation AS (
    SELECT c.oid, c.relname::text AS name, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
           c.reloptions, c.relispartition, p.relname::text AS parent
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relnamespace = {here} AND c.relkind IN ('r', 'p', 'v', 'f', 'm')
      AND (c.relname = ANY (%(names)s::text[]) OR p.relname = ANY (%(names)s::text[]) AND p.relnamespace = {here})
)
SELECT CASE r.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind, ARRAY[r.name] AS name,
       ARRAY[r.relkind::text, r.relpersistence::text, r.relrowsecurity::text, r.relforcerowsecurity::text,
             CASE r.relkind WHEN 'p' THEN pg_get_partkeydef(r.oid) END,
             CASE r.relkind WHEN 'v' THEN r.reloptions::text END,
             CASE r.relkind WHEN 'v' THEN pg_get_viewdef(r.oid) END] AS definition
FROM relation r WHERE r.parent IS NULL
UNION ALL
-- Partitions are made as time goes on; no other child is the ledger's.
SELECT 'child', ARRAY[r.parent, r.name], ARRAY[r.relkind::text]
FROM relation r WHERE r.parent IS NOT NULL AND NOT (r.relispartition AND r.relkind = 'r')
UNION ALL
SELECT 'column', ARRAY[r.name, a.attname::text],
       ARRAY[format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attidentity::text, a.attgenerated::text,
             CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
             pg_get_expr(d.adbin, d.adrelid)]
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.parent IS NULL
UNION ALL
-- From version 18 on NOT NULL is one as well; the columns tell it.
SELECT 'constraint', ARRAY[r.name, c.conname::text], ARRAY[pg_get_constraintdef(c.oid)]
FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
WHERE c.contype <> 'n' AND c.coninhcount = 0 AND c.conparentid = 0
UNION ALL
SELECT 'index', ARRAY[r.name, x.relname::text], ARRAY[pg_get_indexdef(i.indexrelid)]
FROM relation r
JOIN pg_index i ON i.indrelid = r.oid
JOIN pg_class x ON x.oid = i.indexrelid
WHERE NOT x.relispartition
UNION ALL
SELECT 'trigger', ARRAY[r.name, t.tgname::text], ARRAY[pg_get_triggerdef(t.oid, true)]
FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT 'rule', ARRAY[r.name, w.rulename::text], ARRAY[pg_get_ruledef(w.oid)]
FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', ARRAY[r.name, p.polname::text], ARRAY[p.polcmd::text, p.polpermissive::text, p.polroles::text, pg_get_expr(p.polqual, p.polrelid),
                                                      pg_get_expr(p.polwithcheck, p.polrelid)]
FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT 'function', ARRAY[f.oid::regprocedure::text],
       ARRAY[f.prokind::text, f.prosecdef::text, f.proleakproof::text, f.proisstrict::text, f.provolatile::text,
             f.proparallel::text, l.lanname::text, f.probin, f.proconfig::text,
             has_function_privilege('public'::name, f.oid, 'EXECUTE'::text)::text,
             pg_get_function_arguments(f.oid), pg_get_function_result(f.oid), f.prosrc, pg_get_function_sqlbody(f.oid)]
FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
WHERE f.pronamespace = {here}
  AND (f.proname = ANY (%(names)s::text[]) OR starts_with(f.proname::text, 'ledger_'::text)
       -- One of the name of the system's, with types that fit better, is called in its place.
       OR EXISTS (SELECT FROM pg_proc s WHERE s.pronamespace = 'pg_catalog'::regnamespace AND s.proname = f.proname)
          AND {not_of_an_extension} AND e.classid = 'pg_proc'::regclass AND e.objid = f.oid))
UNION ALL
SELECT 'operator', ARRAY[o.oid::regoperator::text], ARRAY[o.oprcode::text]
FROM pg_operator o
WHERE o.oprnamespace = {here} AND {not_of_an_extension} AND e.classid = 'pg_operator'::regclass AND e.objid = o.oid)
UNION ALL
-- It has code of its own run at every change of the schema. Those of somebody else are not the ledger's matter.
SELECT 'event trigger', ARRAY[t.evtname::text], ARRAY[t.evtfoid::regproc::text]
FROM pg_event_trigger t JOIN pg_class m ON m.oid = 'ledger_migrations'::regclass
WHERE t.evtowner = m.relowner AND {not_of_an_extension} AND e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid)
UNION ALL
SELECT 'privilege', ARRAY[g.role, g.privilege, g.object_name], ARRAY[g.object_type, g.columns::text]
FROM ledger_privileges g;

-- names --
-- All tables, views and functions of the schema.
SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = {here} AND c.relkind IN ('r', 'p', 'v')
UNION
SELECT f.proname::text FROM pg_proc f WHERE f.pronamespace = {here}
ORDER BY 1;

-- grants --
-- Rights on the named objects, and owners of them, that are not those that `roles create` makes.
WITH relation AS (
    SELECT c.oid, c.relname::text AS name, c.relowner AS owner, c.relacl AS acl
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relnamespace = {here} AND c.relkind IN ('r', 'p', 'v', 'S')
      AND (c.relname = ANY (%(names)s::text[]) OR p.relname = ANY (%(names)s::text[]) AND p.relnamespace = {here}
           OR c.relkind = 'S' AND c.relname IN (SELECT g.object_name FROM ledger_privileges g WHERE g.object_type = 'SEQUENCE'))
), routine AS (
    SELECT f.oid, f.proname::text AS name, f.proowner AS owner, f.proacl AS acl
    FROM pg_proc f WHERE f.pronamespace = {here} AND f.proname = ANY (%(names)s::text[])
), ledger AS (
    SELECT o.oid AS owner, left(o.rolname::text, -5) AS prefix
    FROM relation r JOIN pg_roles o ON o.oid = r.owner
    WHERE r.name = 'ledger_migrations'
), planned AS (
    SELECT g.object_name AS name, r.oid AS grantee, g.privilege,
           (SELECT array_agg(c.name ORDER BY c.name) FROM unnest(g.columns) c (name)) AS columns
    FROM ledger_privileges g
    CROSS JOIN ledger l
    JOIN pg_roles r ON r.rolname::text = l.prefix || g.role AND g.role <> 'owner'
    JOIN pg_roles o ON o.oid = l.owner AND o.rolname::text = l.prefix || 'owner'
), granted AS (
    SELECT r.name, a.grantee, a.privilege_type AS privilege, NULL::text[] AS columns
    FROM relation r CROSS JOIN LATERAL aclexplode(r.acl) a WHERE a.grantee <> r.owner
    UNION ALL
    SELECT r.name, a.grantee, a.privilege_type, array_agg(c.attname::text ORDER BY c.attname::text)
    FROM relation r
    JOIN pg_attribute c ON c.attrelid = r.oid AND c.attnum > 0
    CROSS JOIN LATERAL aclexplode(c.attacl) a WHERE a.grantee <> r.owner
    GROUP BY r.name, a.grantee, a.privilege_type
    UNION ALL
    SELECT f.name, a.grantee, a.privilege_type, NULL
    FROM routine f CROSS JOIN LATERAL aclexplode(f.acl) a
    WHERE a.grantee <> f.owner AND a.grantee <> 0
), extra AS (
    SELECT * FROM granted EXCEPT SELECT * FROM planned
), lacking AS (
    SELECT * FROM planned EXCEPT SELECT * FROM granted
)
SELECT format('%%s may %%s %%s', CASE e.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(e.grantee)::text END, e.privilege, e.name)
FROM extra e
-- Whom else the owner lets read is the owner's affair; what everybody may run is in the list of objects.
WHERE (e.privilege <> 'SELECT' OR e.grantee = 0 OR e.grantee IN (SELECT p.grantee FROM planned p))
  AND NOT EXISTS (SELECT FROM routine f WHERE f.name = e.name AND has_function_privilege('public'::name, f.oid, 'EXECUTE'::text))
UNION
SELECT format('%%s may not %%s %%s', pg_get_userbyid(k.grantee), k.privilege, k.name) FROM lacking k
UNION
SELECT format('%%s belongs to %%s', o.name, pg_get_userbyid(o.owner))
FROM (SELECT name, owner FROM relation UNION SELECT name, owner FROM routine) o CROSS JOIN ledger l
WHERE o.owner <> l.owner
ORDER BY 1;
