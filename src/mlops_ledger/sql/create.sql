-- What making the database asks.

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
SELECT relname::text FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = quote_ident(current_schema())::regnamespace
ORDER BY relname;

-- views --
-- The ledger's views.
SELECT viewname::text FROM pg_views WHERE schemaname = current_schema() ORDER BY viewname;
