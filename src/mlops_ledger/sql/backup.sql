-- What backup and restore ask.

-- facts --
-- What a backup records of the ledger that it is made of.
SELECT current_database()::text AS database,
       current_schema()::text AS schema,
       current_setting('server_version_num')::integer / 10000 AS server,
       (SELECT max(version) FROM ledger_migrations) AS schema_version,
       (SELECT seq || ':' || encode(hash, 'hex') FROM audit_head) AS audit_head,
       now() AS made_at,
       session_user::text AS made_by,
       (SELECT count(*) FROM pg_class WHERE oid >= 16384)::integer AS relations,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS citus;

-- snapshot --
-- A name under which another session sees what this transaction sees.
SELECT pg_export_snapshot();

-- sizes --
-- The sizes in bytes of everything that holds rows, by the name that pg_dump gives it.
SELECT n.nspname || '.' || c.relname AS name, s.bytes
FROM pg_class t
CROSS JOIN LATERAL ledger_sizes(t.oid) s
JOIN pg_class c ON c.oid = s.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema');

-- roles --
-- The roles that something in the database is granted to, or by.
SELECT DISTINCT r.rolname::text
FROM (
    SELECT relacl AS acl, relowner AS owner FROM pg_class
    UNION ALL
    SELECT a.attacl, c.relowner FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    UNION ALL
    SELECT proacl, proowner FROM pg_proc
    UNION ALL
    SELECT nspacl, nspowner FROM pg_namespace
    UNION ALL
    SELECT defaclacl, defaclrole FROM pg_default_acl
) granted
CROSS JOIN LATERAL aclexplode(granted.acl) entry
JOIN pg_roles r ON r.oid IN (entry.grantee, entry.grantor) AND r.oid <> granted.owner
WHERE r.rolname NOT LIKE 'pg\_%'
ORDER BY 1;

-- be_patient --
-- Let the transaction last as long as it takes.
SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true);

-- target --
-- What a restore must know of the server before it changes anything.
SELECT current_setting('server_version_num')::integer / 10000 AS server,
       current_setting('max_locks_per_transaction')::bigint
           * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS locks,
       ARRAY(SELECT r FROM unnest(%(roles)s::text[]) r
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) ORDER BY r) AS missing_roles,
       (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_create_roles;

-- is_empty --
-- Whether a database holds nothing of its own.
SELECT NOT EXISTS (
    SELECT FROM (
        SELECT 'pg_class'::regclass AS class, oid, relnamespace AS namespace FROM pg_class
        UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
        UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
    ) o
    JOIN pg_namespace n ON n.oid = o.namespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'));

-- guard --
-- Give a table back what it had not while it was distributed.
SELECT ledger_guard_system_metrics();

-- analyze --
-- Gather the statistics that a restored database lacks.
ANALYZE;
