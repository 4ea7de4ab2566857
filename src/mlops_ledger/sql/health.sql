-- What a first look at the server asks.

-- backend --
-- The process that answers, the ledger's schema, and the settings that a startup option cannot state.
SELECT pg_backend_pid() AS backend,
       current_setting('server_version') AS server_version,
       current_setting('server_encoding') AS encoding,
       ledger.schema,
       coalesce(ledger.visible, false) AS visible,
       place.schema AS place,
       concat_ws(', ', quote_ident(coalesce(ledger.schema, place.schema)),
                 nullif(current_setting('search_path'), ''), 'pg_temp') AS path,
       ARRAY(SELECT l.name FROM unnest(%(names)s::text[], %(values)s::text[]) l (name, value)
             WHERE current_setting(l.name, true) <> l.value) AS late
FROM (VALUES (coalesce(current_schema()::text,
                       CASE WHEN %(elsewhere)s::boolean THEN to_regnamespace('public')::text END))) place (schema)
LEFT JOIN LATERAL (
    SELECT n.nspname::text AS schema, pg_table_is_visible(c.oid) AS visible
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'ledger_migrations' AND c.relkind = 'r'
      AND (n.nspname = ANY (current_schemas(false)) OR %(elsewhere)s::boolean AND n.nspname = 'public')
    ORDER BY array_position(current_schemas(false), n.nspname) LIMIT 1
) ledger ON true;

-- settings --
-- Set some settings of the session, or of the transaction.
SELECT set_config(s.name, s.value, %(local)s::boolean)
FROM unnest(%(names)s::text[], %(values)s::text[]) s (name, value);

-- schema_version --
-- The newest migration that was applied.
SELECT max(version) FROM ledger_migrations;

-- identity --
-- Which cluster and which database of it a server has; a standby has those of its primary.
SELECT s.system_identifier::text || ' ' || d.oid::text
FROM pg_control_system() s, pg_database d
WHERE d.datname = current_database();

-- position --
-- The end of what the primary has written.
SELECT pg_current_wal_insert_lsn()::text;

-- has_replayed --
-- Whether a server, standby or primary, has all that was written up to some positions.
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END
       >= ALL (%(positions)s::text[]::pg_lsn[]);

-- replica --
-- How far a server is behind a position of the primary.
SELECT true AS reachable, NULL::text AS problem, l.is_standby,
       greatest(pg_wal_lsn_diff(%(position)s::text::pg_lsn, l.replayed), 0)::bigint AS bytes_behind,
       CASE WHEN l.replayed >= %(position)s::text::pg_lsn THEN 0
            WHEN l.replayed < %(position)s::text::pg_lsn
            THEN greatest(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
       END::double precision AS seconds_behind
FROM (SELECT pg_is_in_recovery() AS is_standby,
             CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END AS replayed) l;
