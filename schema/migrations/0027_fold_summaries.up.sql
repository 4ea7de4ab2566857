-- Who folds, and how it stays exact: a fold takes marks away and counts their hours in one transaction. What it
-- reads was committed with a mark that it took, or has one that comes later and has the hour counted again.

CREATE FUNCTION ledger_hours(first timestamptz, last timestamptz) RETURNS tstzrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN tstzrange(date_trunc('hour', first, 'UTC'), date_trunc('hour', last, 'UTC') + interval '1 hour');
COMMENT ON FUNCTION ledger_hours(timestamptz, timestamptz) IS 'The full hours that hold both timestamps.';

CREATE FUNCTION ledger_fold_span(version uuid, table_name text, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    baseline uuid := (SELECT b.id FROM baselines b WHERE b.model_version_id = version ORDER BY b.id DESC LIMIT 1);
    first_day timestamptz := date_trunc('day', since, 'UTC');
    last_day timestamptz := date_trunc('day', until + interval '23 hours', 'UTC');
    slice_key text := (SELECT m.slice_key FROM models m JOIN model_versions v ON v.model_name = m.model_name WHERE v.id = version);
BEGIN
    IF slice_key IS NOT NULL THEN
        PERFORM ledger_learn_slices(version, since, until, slice_key);
    END IF;
    IF table_name = 'predictions' THEN
        PERFORM ledger_fold_predictions(version, since, until, baseline, slice_key);
        PERFORM ledger_fold_days(version, first_day, last_day);
    ELSE
        PERFORM ledger_fold_labels(version, since, until, baseline);
        PERFORM ledger_fold_outcomes(version, since, until, slice_key);
        PERFORM ledger_fold_outcome_days(version, first_day, last_day);
    END IF;
    PERFORM ledger_fold_histogram_days(version, table_name, first_day, last_day);
END
$$;
COMMENT ON FUNCTION ledger_fold_span(uuid, text, timestamptz, timestamptz) IS
    'Recounts the rows of a version in a table from one full hour to another, and the days that these belong to.';

CREATE FUNCTION ledger_workers_behind() RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    away text;
    pending text[];
    current text[];
BEGIN
    FOR attempt IN 1..100 LOOP
        SELECT string_agg(DISTINCT r.nodename || ':' || r.nodeport, ', ') FILTER (WHERE NOT r.success), array_agg(g.gid)
        INTO away, current
        FROM run_command_on_workers($query$
            SELECT coalesce(string_agg(gid, ' '), '') FROM pg_prepared_xacts
            WHERE database = current_database() AND gid LIKE 'citus\_%'$query$) r
        LEFT JOIN LATERAL unnest(string_to_array(r.result, ' ')) g (gid) ON r.success AND g.gid <> '';
        -- A worker that is away may have prepared what it has not committed.
        IF away IS NOT NULL THEN
            RETURN 'the server cannot reach ' || away || ': what it has prepared may not be committed there';
        END IF;
        pending := CASE WHEN attempt = 1 THEN array_remove(current, NULL)
                        ELSE ARRAY(SELECT unnest(pending) INTERSECT SELECT unnest(current)) END;
        IF cardinality(pending) = 0 THEN
            RETURN NULL;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN 'a worker has not committed what it has prepared, which Citus does within a minute';
END
$$;
COMMENT ON FUNCTION ledger_workers_behind() IS
    'Why a worker of Citus may not show what the coordinator had committed when this was called: it is away, or has not committed what it had prepared, for which this waits a second. NULL when all of them have. Only for a distributed ledger.';

CREATE FUNCTION fold_summaries(
    model_version_id uuid, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity',
    max_hours integer DEFAULT 24, wait boolean DEFAULT false, max_time interval DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    span record;
    ends timestamptz;
    folded integer := 0;
    -- On a distributed ledger, the marks whose rows every worker shows.
    complete bigint[];
    behind text;
    deadline CONSTANT timestamptz := clock_timestamp() + max_time;
    -- How long an hour takes is only known once one is counted.
    pace integer := CASE WHEN max_time IS NULL THEN 24 ELSE 1 END;
BEGIN
    IF NOT EXISTS (SELECT FROM summary_marks m WHERE m.model_version_id = fold_summaries.model_version_id
                   AND m.first_predicted_at < fold_summaries.until AND m.last_predicted_at >= fold_summaries.since) THEN
        RETURN 0;
    END IF;
    INSERT INTO summary_states (model_version_id) VALUES (fold_summaries.model_version_id) ON CONFLICT DO NOTHING;
    -- A row and not an advisory lock, which anybody could hold.
    IF wait THEN
        PERFORM FROM summary_states s WHERE s.model_version_id = fold_summaries.model_version_id FOR UPDATE;
    ELSE
        PERFORM FROM summary_states s WHERE s.model_version_id = fold_summaries.model_version_id FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN 0;
        END IF;
    END IF;
    -- Citus commits on its workers after the coordinator has: a mark may be seen before its rows.
    IF EXISTS (SELECT FROM ledger_distributed()) THEN
        complete := ARRAY(SELECT m.mark FROM summary_marks m WHERE m.model_version_id = fold_summaries.model_version_id);
        behind := ledger_workers_behind();
        IF behind IS NOT NULL THEN
            IF wait THEN
                RAISE EXCEPTION '%: run it again', behind USING ERRCODE = 'MLUN0';
            END IF;
            RETURN 0;
        END IF;
    END IF;
    FOR span IN
        WITH taken AS (
            DELETE FROM summary_marks m
            WHERE m.model_version_id = fold_summaries.model_version_id
              AND m.first_predicted_at < fold_summaries.until AND m.last_predicted_at >= fold_summaries.since
              AND (complete IS NULL OR m.mark = ANY (complete))
            RETURNING m.table_name, m.first_predicted_at, m.last_predicted_at
        ), there AS (
            -- Where there is no partition there are no rows: what was counted before it was dropped stays.
            SELECT t.table_name, range_agg(tstzrange(p.since, p.until)) AS spans
            FROM (VALUES ('predictions'), ('ground_truth')) t (table_name)
            CROSS JOIN LATERAL ledger_partitions(t.table_name) p
            GROUP BY t.table_name
        ), marked AS (
            SELECT k.table_name, range_agg(ledger_hours(k.first_predicted_at, k.last_predicted_at)) AS spans
            FROM taken k GROUP BY k.table_name
        )
        SELECT m.table_name, lower(u.hours) AS since, upper(u.hours) AS until
        FROM marked m JOIN there t ON t.table_name = m.table_name
        CROSS JOIN LATERAL unnest(m.spans * t.spans) u (hours)
        ORDER BY lower(u.hours) DESC
    LOOP
        WHILE span.since < span.until AND folded < max_hours
              AND (folded = 0 OR max_time IS NULL OR clock_timestamp() < deadline) LOOP
            ends := least(span.until, span.since + interval '1 hour' * least(pace, max_hours - folded));
            PERFORM ledger_fold_span(fold_summaries.model_version_id, span.table_name, span.since, ends);
            folded := folded + extract(epoch FROM ends - span.since) / 3600;
            span.since := ends;
            pace := least(24, 2 * pace);
        END LOOP;
        IF span.since < span.until THEN
            INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
            VALUES (fold_summaries.model_version_id, span.table_name, span.since, span.until - interval '1 microsecond');
        END IF;
    END LOOP;
    UPDATE summary_states s SET folded_at = clock_timestamp()
    WHERE s.model_version_id = fold_summaries.model_version_id;
    RETURN folded;
END
$$;
COMMENT ON FUNCTION fold_summaries(uuid, timestamptz, timestamptz, integer, boolean, interval) IS
    'Recounts the marked hours of a version within a window, at most max_hours of them, the newest first, and returns how many. After max_time it begins no further hours. While somebody else folds it returns 0 at once, or waits for them.';
REVOKE ALL ON FUNCTION fold_summaries(uuid, timestamptz, timestamptz, integer, boolean, interval) FROM PUBLIC;

CREATE FUNCTION ledger_fold_in_passing(version uuid, since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- A reader gets what is there, and is told since when the rest waits.
    IF current_setting('transaction_read_only')::boolean
        OR NOT has_function_privilege('fold_summaries(uuid, timestamptz, timestamptz, integer, boolean, interval)', 'EXECUTE')
    THEN
        RETURN 0;
    END IF;
    RETURN fold_summaries(version, since, until, 48, max_time => interval '5 seconds');
END
$$;
COMMENT ON FUNCTION ledger_fold_in_passing(uuid, timestamptz, timestamptz) IS
    'Folds hours of a window before they are read, at most 48 and for about five seconds, if the caller may.';

CREATE FUNCTION ledger_keep_history(table_name text, since timestamptz, until timestamptz, version_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    version uuid;
    next smallint;
BEGIN
    FOR version IN
        SELECT s.model_version_id FROM summary_states s
        WHERE version_ids IS NULL OR s.model_version_id = ANY (version_ids)
        UNION
        SELECT m.model_version_id FROM summary_marks m
        WHERE (version_ids IS NULL OR m.model_version_id = ANY (version_ids))
          AND m.first_predicted_at < ledger_keep_history.until AND m.last_predicted_at >= ledger_keep_history.since
        ORDER BY 1
    LOOP
        INSERT INTO summary_states (model_version_id) VALUES (version) ON CONFLICT DO NOTHING;
        PERFORM FROM summary_states s WHERE s.model_version_id = version FOR UPDATE;
        PERFORM fold_summaries(version, ledger_keep_history.since, ledger_keep_history.until, 2147483647, true);
        SELECT coalesce(max(h.part), 0) + 1 INTO next FROM summary_histograms h
        WHERE h.model_version_id = version AND h.grain = 'hour'
          AND h.starts_at >= ledger_keep_history.since AND h.starts_at < ledger_keep_history.until;
        SELECT greatest(next, coalesce(max(s.part), 0) + 1) INTO next FROM summaries s
        WHERE s.model_version_id = version AND s.grain = 'hour'
          AND s.starts_at >= ledger_keep_history.since AND s.starts_at < ledger_keep_history.until;
        SELECT greatest(next, coalesce(max(o.part), 0) + 1) INTO next FROM summary_outcomes o
        WHERE o.model_version_id = version AND o.grain = 'hour' AND o.slice = ANY (ledger_slices(version))
          AND o.starts_at >= ledger_keep_history.since AND o.starts_at < ledger_keep_history.until;
        UPDATE summary_histograms h SET part = next
        WHERE h.model_version_id = version AND h.grain = 'hour' AND h.part = 0
          AND h.starts_at >= ledger_keep_history.since AND h.starts_at < ledger_keep_history.until
          AND (h.series = 32000) = (ledger_keep_history.table_name = 'ground_truth');
        -- Slices are counted of predictions with their labels: whichever goes first, what was counted stays.
        UPDATE summary_outcomes o SET part = next
        WHERE o.model_version_id = version AND o.grain = 'hour' AND o.slice = ANY (ledger_slices(version)) AND o.part = 0
          AND o.starts_at >= ledger_keep_history.since AND o.starts_at < ledger_keep_history.until
          AND (o.slice <> 0 OR ledger_keep_history.table_name = 'ground_truth');
        IF ledger_keep_history.table_name = 'predictions' THEN
            UPDATE summaries s SET part = next
            WHERE s.model_version_id = version AND s.grain = 'hour' AND s.part = 0
              AND s.starts_at >= ledger_keep_history.since AND s.starts_at < ledger_keep_history.until;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ledger_keep_history(text, timestamptz, timestamptz, uuid[]) IS
    'Folds the full hours of a window and sets their summaries aside, before their rows are deleted: later folds do not touch them. Versions NULL is all.';

CREATE FUNCTION rebuild_summaries(model_version_id uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH spans AS (
        SELECT 'predictions' AS table_name, min(p.predicted_at) AS first, max(p.predicted_at) AS last
        FROM predictions p WHERE p.model_version_id = rebuild_summaries.model_version_id
        UNION ALL
        SELECT 'ground_truth', min(g.predicted_at), max(g.predicted_at)
        FROM ground_truth g WHERE g.model_version_id = rebuild_summaries.model_version_id
        UNION ALL
        SELECT t.name, min(s.starts_at), max(s.starts_at)
        FROM summaries s CROSS JOIN (VALUES ('predictions'), ('ground_truth')) t (name)
        WHERE s.model_version_id = rebuild_summaries.model_version_id AND s.grain = 'hour' AND s.part = 0
        GROUP BY t.name
    ), marked AS (
        INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
        SELECT rebuild_summaries.model_version_id, table_name, min(first), max(last) FROM spans
        WHERE first IS NOT NULL GROUP BY table_name
        RETURNING mark
    )
    SELECT EXISTS (SELECT FROM marked)
$$;
COMMENT ON FUNCTION rebuild_summaries(uuid) IS
    'Marks everything of a version that is still there, so that the next folds recount it; returns whether there is anything.';
REVOKE ALL ON FUNCTION rebuild_summaries(uuid) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'fold_summaries'),
    ('writer', 'EXECUTE', 'FUNCTION', 'rebuild_summaries');
