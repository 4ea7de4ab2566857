-- Statements of Distribution.

-- cluster --
-- What there is to spread the ledger over.
SELECT citus, workers, unreachable, foreign_messages, owner, owner_may_log_in,
       quote_ident(current_schema()) <> current_schema() AS needs_quotes
FROM ledger_cluster();

-- tables --
-- The tables that can be spread, where they are, and their sizes in bytes.
SELECT t.name AS table_name, d.table_name IS NOT NULL AS is_distributed,
       (SELECT sum(s.bytes) FROM ledger_sizes(t.name::regclass, complete => false) s)::bigint AS bytes,
       (SELECT count(*) FROM ledger_partitions(t.name)) AS partitions, o.period
FROM unnest('{predictions,ground_truth,system_metrics}'::text[]) WITH ORDINALITY t (name, place)
LEFT JOIN ledger_distributed() d ON d.table_name = t.name
LEFT JOIN partition_policies o ON o.table_name = t.name
ORDER BY t.place;

-- distributed --
-- The tables that are spread over workers; takes no lock of theirs.
SELECT table_name FROM ledger_distributed();

-- wait_for_writers --
-- Let the transaction wait for its locks, and then last as long as it takes.
SELECT set_config('idle_in_transaction_session_timeout', '0', true),
       set_config('lock_timeout', (%(wait)s::double precision * 1000)::bigint || 'ms', true);

-- keep_writers_out --
-- Wait for those who write, and let nobody else begin.
LOCK TABLE prediction_batches, predictions, ground_truth, system_metrics IN ACCESS EXCLUSIVE MODE;

-- count_predictions --
-- How many rows there are, wherever they are.
SELECT count(*) FROM predictions;

-- count_ground_truth --
-- How many rows there are, wherever they are.
SELECT count(*) FROM ground_truth;

-- count_system_metrics --
-- How many rows there are, wherever they are.
SELECT count(*) FROM system_metrics;

-- distribute_table --
-- Spread a table.
SELECT ledger_distribute(%(table_name)s::text);

-- undistribute_table --
-- Bring a table back.
SELECT ledger_undistribute(%(table_name)s::text);

-- lengthen --
-- Make the partitions that are made from now on longer, where they are a day.
UPDATE partition_policies SET period = %(period)s::text
WHERE period = 'day' AND period <> %(period)s::text AND table_name IN ('predictions', 'ground_truth', 'system_metrics')
RETURNING table_name;

-- rights_and_comments --
-- What is granted on tables and views and said of them, as statements that do it again.
-- Those of the schema, and all other views, which may be of its tables; not those of an extension.
WITH relations AS (
    SELECT c.oid, c.relname, n.nspname, c.relacl,
           CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition OR c.relkind IN ('v', 'm'))
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), parts AS (
    SELECT r.oid, r.nspname, r.relname, r.kind, 0 AS number, NULL::name AS column_name, r.relacl AS acl FROM relations r
    UNION ALL
    SELECT r.oid, r.nspname, r.relname, r.kind, t.attnum, t.attname, t.attacl
    FROM relations r JOIN pg_attribute t ON t.attrelid = r.oid AND t.attnum > 0 AND NOT t.attisdropped
)
SELECT format('GRANT %%s%%s ON TABLE %%I.%%I TO %%s%%s', a.privilege_type, ' (' || quote_ident(p.column_name) || ')',
              p.nspname, p.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM parts p CROSS JOIN LATERAL aclexplode(p.acl) a
UNION ALL
SELECT format('COMMENT ON %%s %%I.%%I%%s IS %%L', CASE p.number WHEN 0 THEN p.kind ELSE 'COLUMN' END,
              p.nspname, p.relname, '.' || quote_ident(p.column_name), d.description)
FROM parts p JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = p.oid AND d.objsubid = p.number
ORDER BY 1;
