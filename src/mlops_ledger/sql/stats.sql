-- Statements of Statistics.

-- tables --
-- The ledger's tables and partitions: sizes in bytes, rows as last estimated, and the column that says when.
SELECT t.relname::text AS table_name,
       l.relname::text AS name,
       t.relkind = 'p' AS is_partitioned,
       l.bytes,
       l.estimate,
       l.since,
       l.until,
       (SELECT a.attname::text FROM pg_attribute a
        JOIN unnest('{predicted_at, last_predicted_at, timestamp, deployed_at, requested_at, recorded_at, first_seen,
                      occurred_at, evaluated_at, deleted_at, created_at, applied_at}'::text[])
             WITH ORDINALITY c (name, place) ON c.name = a.attname
        WHERE a.attrelid = t.oid AND a.atttypid = 'timestamptz'::regtype
        ORDER BY c.place LIMIT 1) AS time_column
FROM pg_class t
-- The partitions are listed once for a table, not once for each of them.
CROSS JOIN LATERAL (
    SELECT c.relname, c.relkind, p.name, p.since, p.until, s.bytes, s.estimate
    FROM ledger_sizes(t.oid) s
    JOIN pg_class c ON c.oid = s.relation
    LEFT JOIN ledger_partitions(CASE t.relkind WHEN 'p' THEN t.relname END) p ON p.name = c.relname OFFSET 0) l
WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.oid NOT IN (SELECT e.objid FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'e')
  AND t.relnamespace = quote_ident(current_schema())::regnamespace
ORDER BY t.relname, l.since NULLS FIRST;
