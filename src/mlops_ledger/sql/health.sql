-- What a health probe asks.

-- backend --
-- The process that answers, and the server's version.
SELECT pg_backend_pid(), current_setting('server_version');

-- schema_version --
-- The newest migration that was applied.
SELECT max(version) FROM ledger_migrations;
