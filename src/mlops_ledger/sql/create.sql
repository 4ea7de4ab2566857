-- What making the database asks.

-- fragment own --
-- What is in the ledger's schema, but for what belongs to an extension.
c.relnamespace = quote_ident(current_schema())::regnamespace
  AND c.oid NOT IN (SELECT e.objid FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'e')

-- database_owner --
-- The owner of a database, if it exists.
SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %(database)s::text;

-- may_create --
-- Whether the user may create databases.
SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user;

-- is_ledger --
-- Whether the database is a ledger's, or empty.
SELECT to_regclass('ledger_migrations') IS NOT NULL
       OR NOT EXISTS (SELECT FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'));

-- tables --
-- The ledger's tables, without their partitions.
SELECT c.relname::text FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {own}
ORDER BY c.relname;

-- views --
-- The ledger's views.
SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'v' AND {own} ORDER BY c.relname;
