-- Statements of Distribution.

-- cluster --
-- What there is to spread the ledger over.
SELECT citus, workers, unreachable, foreign_messages, owner, owner_may_log_in,
       quote_ident(current_schema()) <> current_schema() AS needs_quotes
FROM ledger_cluster();

-- tables --
-- The tables that can be spread, where they are, and their sizes in bytes.
SELECT t.name AS table_name, d.table_name IS NOT NULL AS is_distributed,
       (SELECT sum(s.bytes) FROM pg_partition_tree(t.name::regclass) p CROSS JOIN LATERAL ledger_size(p.relid, complete => false) s
        WHERE p.isleaf)::bigint AS bytes,
       (SELECT count(*) FROM ledger_partitions(t.name)) AS partitions, o.period
FROM unnest('{predictions,ground_truth,system_metrics}'::text[]) WITH ORDINALITY t (name, place)
LEFT JOIN ledger_distributed() d ON d.table_name = t.name
LEFT JOIN partition_policies o ON o.table_name = t.name
ORDER BY t.place;

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

-- grants --
-- What is granted on the tables and views of the schema, not of an extension, as statements that grant it again.
SELECT format('GRANT %%s%%s ON TABLE %%I.%%I TO %%s%%s', a.privilege_type, ' (' || quote_ident(g.column_name) || ')',
              current_schema(), g.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM (
    SELECT c.oid, c.relname, NULL::name AS column_name, c.relacl AS acl FROM pg_class c
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    UNION ALL
    SELECT c.oid, c.relname, t.attname, t.attacl FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition) g
CROSS JOIN LATERAL aclexplode(g.acl) a
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = g.oid AND d.deptype = 'e')
ORDER BY 1;
