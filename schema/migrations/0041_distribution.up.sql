-- Past one machine: on Citus the tables that grow with the traffic are spread over workers. What follows calls
-- functions of Citus only where it is installed; everything else is the same on one server and on many.

CREATE FUNCTION ledger_sizes(root oid, complete boolean DEFAULT true)
RETURNS TABLE (relation oid, bytes bigint, estimate bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    shards jsonb;
    failed bigint;
    problem text;
BEGIN
    -- Its own statement: the server knows the functions and tables of Citus only where there is one.
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        IF EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = root AND d.partmethod = 'h') THEN
            -- A shard knows those of the partitions: one command for each, and not one for each of each partition.
            SELECT jsonb_agg(s.result::jsonb) FILTER (WHERE s.success),
                   min(s.shardid) FILTER (WHERE NOT s.success), min(s.result) FILTER (WHERE NOT s.success)
            INTO shards, failed, problem
            FROM run_command_on_shards(root::regclass, $shard$
                SELECT jsonb_object_agg(substring(c.relname FROM '[0-9]+$'), jsonb_build_array(
                    pg_total_relation_size(c.oid), greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint))
                FROM pg_class c
                WHERE c.oid = '%1$s'::regclass
                   OR c.relispartition AND c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = '%1$s'::regclass)
                $shard$) s;
            IF failed IS NULL THEN
                RETURN QUERY
                SELECT h.logicalrelid::oid, sum((e.value ->> 0)::bigint)::bigint, sum((e.value ->> 1)::bigint)::bigint
                FROM jsonb_array_elements(shards) s CROSS JOIN LATERAL jsonb_each(s) e
                JOIN pg_dist_shard h ON h.shardid = e.key::bigint
                GROUP BY h.logicalrelid;
                RETURN;
            ELSIF complete THEN
                RAISE EXCEPTION 'the worker % does not say how large its tables are: %', (
                    SELECT n.nodename || ':' || n.nodeport FROM pg_dist_shard_placement n WHERE n.shardid = failed LIMIT 1), problem
                    USING ERRCODE = 'MLUN0';
            END IF;
            RETURN QUERY SELECT root, NULL::bigint, NULL::bigint;
            RETURN;
        END IF;
    END IF;
    RETURN QUERY
    SELECT c.oid, pg_total_relation_size(c.oid), greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint
    FROM pg_class c
    WHERE c.oid = root OR c.oid IN (SELECT p.relid FROM pg_partition_tree(root) p);
END
$$;
COMMENT ON FUNCTION ledger_sizes(oid, boolean) IS
    'The sizes in bytes of a table and its partitions, each with its indexes, and their rows as last estimated, on all workers where it is distributed. While one of them is away it fails or, unless they have to be complete, knows no size.';

CREATE FUNCTION ledger_cluster(
    OUT citus text, OUT workers text[], OUT unreachable text[], OUT foreign_messages text[], OUT owner text, OUT owner_may_log_in boolean)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    SELECT e.extversion INTO citus FROM pg_extension e WHERE e.extname = 'citus';
    SELECT r.rolname::text, r.rolcanlogin INTO owner, owner_may_log_in
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = 'predictions'::regclass;
    IF citus IS NULL THEN
        RETURN;
    END IF;
    workers := ARRAY(SELECT n.nodename || ':' || n.nodeport FROM pg_dist_node n
                     WHERE n.isactive AND n.shouldhaveshards AND n.noderole = 'primary' ORDER BY 1);
    -- A node that nobody reaches stands for all who do not.
    WITH health AS MATERIALIZED (
        SELECT h.from_nodename || ':' || h.from_nodeport AS from_node, h.to_nodename || ':' || h.to_nodeport AS to_node,
               h.result IS TRUE AS reaches
        FROM citus_check_cluster_node_health() h
    ), gone AS (SELECT h.to_node FROM health h GROUP BY h.to_node HAVING NOT bool_or(h.reaches))
    SELECT ARRAY(SELECT g.to_node FROM gone g
                 UNION ALL
                 SELECT h.to_node || ' from ' || h.from_node FROM health h
                 WHERE NOT h.reaches AND NOT EXISTS (SELECT FROM gone g WHERE g.to_node IN (h.from_node, h.to_node)) ORDER BY 1)
    INTO unreachable;
    -- What a worker refuses is known by its message alone.
    foreign_messages := ARRAY(SELECT n.nodename || ':' || n.nodeport
                              FROM run_command_on_workers('SHOW lc_messages') m
                              JOIN pg_dist_node n ON n.nodename = m.nodename AND n.nodeport = m.nodeport
                              WHERE m.success AND m.result !~* '^(C|POSIX|en)([._@]|$)' ORDER BY 1);
END
$$;
COMMENT ON FUNCTION ledger_cluster(OUT text, OUT text[], OUT text[], OUT text[], OUT text, OUT boolean) IS
    'What mlops-ledger distribute looks at: the version of Citus, its active workers, nodes that cannot be reached, by nobody or from one, workers whose messages are not in English, and whether the owner of the ledger may log in to them.';

CREATE FUNCTION ledger_distribute(table_name text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF table_name = 'ground_truth' THEN
        PERFORM create_distributed_table('ground_truth', 'prediction_id', colocate_with => 'predictions');
    ELSE
        IF table_name = 'system_metrics' THEN
            -- Citus has no triggers there: rights alone keep its rows from being changed.
            DROP TRIGGER IF EXISTS system_metrics_append_only ON system_metrics;
        END IF;
        PERFORM create_distributed_table(table_name::regclass, 'id', colocate_with => 'none');
    END IF;
    PERFORM truncate_local_data_after_distributing_table(table_name::regclass);
END
$$;
COMMENT ON FUNCTION ledger_distribute(text) IS
    'Spreads predictions, ground_truth or system_metrics over the workers of Citus and frees what stayed behind; see mlops-ledger distribute.';

CREATE FUNCTION ledger_guard_system_metrics() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger t
                   WHERE t.tgrelid = 'system_metrics'::regclass AND t.tgname = 'system_metrics_append_only')
       AND NOT EXISTS (SELECT FROM ledger_distributed() d WHERE d.table_name = 'system_metrics') THEN
        CREATE TRIGGER system_metrics_append_only BEFORE UPDATE ON system_metrics
            FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_guard_system_metrics() IS
    'Gives system_metrics the trigger back that it cannot have while it is distributed.';

CREATE FUNCTION ledger_undistribute(table_name text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM undistribute_table(table_name::regclass);
    PERFORM ledger_guard_system_metrics();
END
$$;
COMMENT ON FUNCTION ledger_undistribute(text) IS
    'Brings a distributed table back to the coordinator; see mlops-ledger distribute --undo.';
REVOKE ALL ON FUNCTION ledger_cluster(OUT text, OUT text[], OUT text[], OUT text[], OUT text, OUT boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_distribute(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_guard_system_metrics() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_undistribute(text) FROM PUBLIC;
