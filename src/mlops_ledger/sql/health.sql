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
