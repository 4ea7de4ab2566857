-- Statements of the export to Parquet.

-- tables --
-- The tables of the record with their columns, read as types that Parquet has. Not those that hold secrets.
SELECT c.relname::text AS name,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       array_agg(CASE
           WHEN format_type(a.atttypid, NULL) IN ('uuid[]', 'name[]') THEN 'text[]'
           WHEN format_type(a.atttypid, NULL) = ANY ('{boolean,smallint,integer,bigint,double precision,text,bytea,timestamp with time zone,text[],double precision[],bigint[],integer[]}'::text[])
           THEN format_type(a.atttypid, NULL) ELSE 'text' END ORDER BY a.attnum) AS types
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND left(c.relname, 7) <> 'ledger_' AND c.relname <> 'webhook_endpoints'
GROUP BY c.relname
ORDER BY c.relname;
