-- Tables in partitions by time: how long each is, and the function that makes them.

CREATE TABLE partition_policies (
    table_name text CONSTRAINT partition_policies_pkey PRIMARY KEY,
    period text NOT NULL DEFAULT 'day'
        CONSTRAINT partition_policies_period_check CHECK (period IN ('day', 'week', 'month'))
);
COMMENT ON TABLE partition_policies IS
    'How long each new partition of a table is; a change counts for partitions made from then on.';
COMMENT ON COLUMN partition_policies.table_name IS 'The partitioned table.';
COMMENT ON COLUMN partition_policies.period IS 'day, week (from Monday) or month, in UTC.';

CREATE FUNCTION ledger_partitions(table_name text)
RETURNS TABLE (name text, since timestamptz, until timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT c.relname::text, bound[1]::timestamptz, bound[2]::timestamptz
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') bound
    WHERE i.inhparent = table_name::regclass
    ORDER BY 2
$$;
COMMENT ON FUNCTION ledger_partitions(text) IS
    'The partitions of a table and their bounds: since is included, until is not.';

CREATE FUNCTION ledger_missing_ranges(table_name text, period text, times timestamptz[]) RETURNS SETOF tstzrange
LANGUAGE sql STABLE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
    -- After a change of the period the older partitions may cover a part of one.
    SELECT unnest(tstzmultirange(tstzrange(s.since, s.since + ('1 ' || period)::interval)) - covered.ranges)
    FROM (SELECT DISTINCT date_trunc(period, t, 'UTC') AS since FROM unnest(times) t) s
    CROSS JOIN (SELECT coalesce(range_agg(tstzrange(p.since, p.until)), '{}') AS ranges
                FROM ledger_partitions(table_name) p) covered
    ORDER BY 1
$$;
COMMENT ON FUNCTION ledger_missing_ranges(text, text, timestamptz[]) IS
    'The ranges for which a table has no partition yet, of the periods that hold certain times.';

CREATE FUNCTION ledger_distributed() RETURNS TABLE (table_name text, colocation integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        RETURN QUERY
        SELECT c.relname::text, d.colocationid::integer
        FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid
        WHERE d.partmethod = 'h' AND NOT c.relispartition AND c.relnamespace = quote_ident(current_schema())::regnamespace
        ORDER BY 1;
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_distributed() IS
    'The tables that are spread over the workers of Citus; those of one colocation have the rows of a prediction on the same worker.';

CREATE FUNCTION ledger_obstacle(sqlstate text, message text, constraint_name text) RETURNS text
LANGUAGE sql IMMUTABLE
-- A worker of Citus tells the SQLSTATE only of what was not copied, and of what it tells its messages are in English.
RETURN CASE
    WHEN sqlstate IN ('23505', '40P01') OR sqlstate = 'XX000' AND starts_with(message, 'duplicate key value violates')
        THEN 'known'
    WHEN sqlstate = '23514' AND constraint_name = '' AND message NOT LIKE '% violates check constraint %'
        OR sqlstate = 'XX000' AND starts_with(message, 'no partition of relation')
        THEN 'partition'
END;
COMMENT ON FUNCTION ledger_obstacle(text, text, text) IS
    'What an error says of rows that could not be stored: some are known already, a partition is missing, or NULL for anything else.';

CREATE FUNCTION ledger_attach_partitions(table_name text, ranges tstzrange[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    range tstzrange;
    child text;
BEGIN
    FOREACH range IN ARRAY ranges LOOP
        child := table_name || to_char(lower(range), '"_p"YYYY_MM_DD');
        -- CREATE TABLE … PARTITION OF would wait for every writer; attaching does not.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING COMMENTS)', child, table_name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       table_name, child, lower(range), upper(range));
    END LOOP;
END
$$;
COMMENT ON FUNCTION ledger_attach_partitions(text, tstzrange[]) IS 'Makes one partition for each range; writers go on meanwhile.';

CREATE FUNCTION ledger_make_partitions(table_name text, times timestamptz[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    -- Each takes about nine locks until the transaction ends; half of all locks remain for others.
    most bigint := current_setting('max_locks_per_transaction')::bigint * current_setting('max_connections')::bigint / 16;
    period text;
    missing tstzrange[];
    months tstzrange[];
BEGIN
    -- Labels make the partition that they lack, but not on Citus, which refuses what two users change in one
    -- transaction: there it comes with that of the predictions.
    IF table_name = 'predictions' AND EXISTS (SELECT FROM ledger_distributed()) THEN
        PERFORM ledger_make_partitions('ground_truth', times);
    END IF;
    PERFORM ledger_take_turn(ARRAY['4', table_name], format('SELECT FROM partition_policies WHERE table_name = %L FOR NO KEY UPDATE', table_name));
    -- One maker at a time: nobody else can lock the row, and plpgsql then reads what the others have committed.
    UPDATE partition_policies p SET period = p.period WHERE p.table_name = ledger_make_partitions.table_name
    RETURNING p.period INTO period;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table_name: % is not partitioned by time', table_name USING ERRCODE = 'MLIV0';
    ELSIF EXISTS (SELECT FROM unnest(times) t WHERE t < '2000-01-01 00:00:00+00' OR t > now() + interval '1 year') THEN
        RAISE EXCEPTION 'since: partitions lie between the year 2000 and a year from now' USING ERRCODE = 'MLIV0';
    END IF;
    missing := ARRAY(SELECT ledger_missing_ranges(table_name, period, times));
    -- For each partition that is attached the server looks at all others, and who reads them all needs a lock for
    -- each: of years, the months that are over are made in one piece.
    IF cardinality(missing) > 100 THEN
        months := ARRAY(SELECT ledger_missing_ranges(table_name, 'month', ARRAY(
            SELECT t FROM unnest(times) t WHERE t < date_trunc('month', now(), 'UTC'))));
        missing := months || ARRAY(
            SELECT unnest(tstzmultirange(m) - tstzmultirange(VARIADIC months)) FROM unnest(missing) m);
    END IF;
    IF cardinality(missing) > most THEN
        RAISE EXCEPTION 'partitions: % of % are missing, and one call makes at most %',
            cardinality(missing), table_name, most
            USING ERRCODE = 'MLIV0', HINT = 'Make them in several calls of ensure_partitions, or longer ones, see partition_by';
    END IF;
    PERFORM ledger_attach_partitions(table_name, missing);
    RETURN cardinality(missing);
END
$$;
COMMENT ON FUNCTION ledger_make_partitions(text, timestamptz[]) IS
    'Makes the partitions that a table lacks for certain times, and returns how many; when more than a hundred are missing, each month that is over is one. Refuses more than the server has locks for, 400 with its default settings.';

CREATE FUNCTION ensure_partitions(table_name text, since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
BEGIN
    IF since IS NULL OR until IS NULL OR until < since THEN
        RAISE EXCEPTION 'until: must not be before since' USING ERRCODE = 'MLIV0';
    ELSIF since < '2000-01-01 00:00:00+00' OR until > now() + interval '1 year' THEN
        RAISE EXCEPTION 'since: partitions lie between the year 2000 and a year from now' USING ERRCODE = 'MLIV0';
    ELSIF until > since + interval '10 years' THEN
        RAISE EXCEPTION 'until: lies more than ten years after since' USING ERRCODE = 'MLIV0';
    END IF;
    RETURN ledger_make_partitions(table_name, ARRAY(
        SELECT s FROM generate_series(date_trunc('day', since, 'UTC'), until, interval '1 day') s));
END
$$;
COMMENT ON FUNCTION ensure_partitions(text, timestamptz, timestamptz) IS
    'Makes the missing partitions of a table from one timestamp to another, both included, and returns how many; writers are not blocked. When more than a hundred are missing, each month that is over is one; more than the server has locks for, 400 with its default settings, are refused.';
REVOKE ALL ON FUNCTION ledger_make_partitions(text, timestamptz[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ensure_partitions(text, timestamptz, timestamptz) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'partition_policies'),
    ('writer', 'EXECUTE', 'FUNCTION', 'ensure_partitions'),
    ('writer', 'EXECUTE', 'FUNCTION', 'ledger_make_partitions');
