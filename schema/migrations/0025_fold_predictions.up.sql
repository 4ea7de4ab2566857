-- Folding: the marked hours of predictions are recounted, hour by hour, and days made from them.

CREATE FUNCTION ledger_probability_edges() RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_agg(e.edge ORDER BY e.edge)
    FROM (SELECT (percent / 100.0)::double precision AS edge FROM generate_series(1, 99) percent
          UNION ALL
          SELECT unnest('{0.0001,0.0002,0.0005,0.001,0.002,0.005,0.995,0.998,0.999,0.9995,0.9998,0.9999}'::double precision[])) e);
COMMENT ON FUNCTION ledger_probability_edges() IS
    'Where the bins of probabilities begin: each percent, and more finely at both ends, where rare classes are.';

CREATE FUNCTION ledger_latency_bin(latency_ms double precision) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN latency_ms <= 1e-3 THEN -350
            -- Of no latency there is no bin; least() alone would make it the last.
            WHEN latency_ms IS NOT NULL THEN least(ceil(ln(latency_ms) / ln(1.02::double precision)), 32767) END::smallint;
COMMENT ON FUNCTION ledger_latency_bin(double precision) IS
    'The bin of a latency in milliseconds: bin k ends at 1.02 to the power of k, so that its middle is at most 1 % off (DDSketch, Masson et al., VLDB 2019).';

CREATE FUNCTION ledger_number(value jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'number'
            THEN CASE WHEN value::numeric = 0 OR abs(value::numeric) BETWEEN 1e-307 AND 1.797e308
                      THEN value::numeric::double precision END END;
COMMENT ON FUNCTION ledger_number(jsonb) IS 'A JSON number that double precision can hold, or NULL.';

CREATE FUNCTION ledger_category(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- What is 1 for one writer is 1.0 for another, such as a frame with missing values.
RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN trim_scale(value::numeric)::text ELSE value #>> '{}' END;
COMMENT ON FUNCTION ledger_category(jsonb) IS
    'The category that an input is: its text, of a number without zeros behind its last decimal.';

-- Edges are constants of the statement, and each value is taken out of its row once: three times as fast as to
-- join rows with their bins. Four series of numbers are counted in one pass over the rows: each pass costs more
-- than to add up, in the groups of each, the values of the other three.
CREATE FUNCTION ledger_series_of(baseline uuid, OUT columns text, OUT bins text, OUT histograms text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH s AS (
        SELECT f.series, f.kind, f.edges, CASE WHEN f.num_categories > cardinality(f.categories) THEN 51 ELSE 0 END AS unknown,
               (row_number() OVER (PARTITION BY f.kind = 'categorical' ORDER BY f.series) - 1) / 4 AS pass,
               CASE f.kind WHEN 'text' THEN format('length(%s)::double precision', p.place)
                           WHEN 'categorical' THEN format('left(%s::text, 255)', p.place)
                           ELSE p.place END AS value
        FROM baseline_features f
        JOIN baselines b ON b.id = f.baseline_id
        JOIN model_versions v ON v.id = b.model_version_id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN f.column_name = 'feature_values' THEN format(CASE f.kind WHEN 'numeric' THEN 'f[%s]' ELSE 'nullif(f[%s], ''NaN'')' END,
                                                              array_position(v.feature_names, f.feature))
            WHEN f.column_name = 'inputs' THEN CASE f.kind WHEN 'numeric' THEN format('ledger_number(i -> %L)', f.feature)
                                                           WHEN 'text' THEN format('(i ->> %L)', f.feature)
                                                           ELSE format('ledger_category(i -> %L)', f.feature) END
            ELSE quote_ident(f.column_name) END AS place) p
        WHERE f.baseline_id = baseline AND f.column_name NOT IN ('actual_label', 'actual_value')
    ), counted AS (
        SELECT format(
            ' UNION ALL SELECT g.hour, %1$s, CASE WHEN g.b IS NULL THEN -1 ELSE least(coalesce(c.place, %2$s), 51) END::integer, sum(g.n)::bigint, NULL'
            ' FROM (SELECT hour, b%1$s AS b, count(*) AS n FROM x GROUP BY hour, b%1$s) g'
            ' LEFT JOIN (SELECT c.name, c.place FROM baseline_features f, unnest(f.categories) WITH ORDINALITY c (name, place)'
            ' WHERE f.baseline_id = $4 AND f.series = %1$s) c ON c.name = g.b GROUP BY 1, 2, 3', series, unknown) AS text
        FROM s WHERE kind = 'categorical'
        UNION ALL
        -- Of the bins of a row all are NULL but that of its series.
        SELECT format(
            ' UNION ALL SELECT hour, CASE 0 %s END, coalesce(%s, -1), count(*), coalesce(CASE 0 %s END, 0) FROM x GROUP BY hour, GROUPING SETS (%s)',
            string_agg(format('WHEN grouping(b%1$s) THEN %1$s', series), ' '), string_agg('b' || series, ', '),
            string_agg(format('WHEN grouping(b%1$s) THEN sum(v%1$s)', series), ' '), string_agg('b' || series, ', '))
        FROM s WHERE kind <> 'categorical' GROUP BY pass
    )
    SELECT string_agg(format(', %s AS v%s', value, series), '' ORDER BY series),
           -- Numbers of four bytes stand together: between those of eight they would take eight.
           concat(
               string_agg(format(', width_bucket(v%1$s, %2$L::double precision[]) AS b%1$s', series, edges || 'NaN'::double precision),
                          '' ORDER BY series) FILTER (WHERE kind <> 'categorical'),
               string_agg(format(', CASE WHEN abs(v%1$s) <= 1e150 THEN v%1$s END AS v%1$s', series),
                          '' ORDER BY series) FILTER (WHERE kind <> 'categorical'),
               string_agg(format(', v%1$s AS b%1$s', series), '' ORDER BY series) FILTER (WHERE kind = 'categorical')),
           (SELECT string_agg(text, '') FROM counted)
    FROM s
$$;
COMMENT ON FUNCTION ledger_series_of(uuid) IS
    'How the series of a baseline are counted: the columns of a SELECT from predictions that gives their values, those of one that gives the bins of these, and the SELECTs that count the bins.';

CREATE FUNCTION ledger_slice(key text, place integer, feature_values double precision[], inputs jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN place IS NULL THEN left(inputs ->> key, 255) ELSE ledger_class(NULL, feature_values[place], NULL) END;
COMMENT ON FUNCTION ledger_slice(text, integer, double precision[], jsonb) IS
    'The value that a prediction has for a slice_key: of the feature with that place in its version the number, of an input, without a place, its text as JSON writes it; NULL without one.';

CREATE FUNCTION ledger_slice_places(versions uuid[], slice_key text) RETURNS TABLE (id uuid, place integer)
LANGUAGE sql STABLE SET search_path FROM CURRENT
-- Looked for once in a version and not once in a prediction.
ROWS 1 AS $$
    SELECT v.id, array_position(v.feature_names, slice_key) FROM model_versions v WHERE v.id = ANY (versions)
$$;
COMMENT ON FUNCTION ledger_slice_places(uuid[], text) IS 'Which feature of each version a slice_key is; NULL where it is none.';

CREATE FUNCTION ledger_learn_slices(version uuid, since timestamptz, until timestamptz, slice_key text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off AS $$
DECLARE
    known integer := (SELECT count(*) FROM summary_slices s WHERE s.model_version_id = version);
BEGIN
    IF known < 50 THEN
        INSERT INTO summary_slices (model_version_id, slice, value)
        SELECT version, known + row_number() OVER (ORDER BY c.n DESC, c.value COLLATE "C"), c.value
        FROM (SELECT ledger_slice(ledger_learn_slices.slice_key, v.place, p.feature_values, p.inputs) AS value, count(*) AS n
              FROM predictions p JOIN ledger_slice_places(ARRAY[version], ledger_learn_slices.slice_key) v ON v.id = p.model_version_id
              WHERE p.model_version_id = version AND p.predicted_at >= since AND p.predicted_at < until
              GROUP BY 1) c
        WHERE c.value IS NOT NULL
          AND c.value NOT IN (SELECT s.value FROM summary_slices s WHERE s.model_version_id = version)
        ORDER BY c.n DESC, c.value COLLATE "C"
        LIMIT 50 - known;
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_learn_slices(uuid, timestamptz, timestamptz, text) IS
    'Gives the values that predictions of a window have for the slice_key slices of their own, while there are fewer than 50. Nothing was folded before that has them.';

CREATE FUNCTION ledger_fold_predictions(version uuid, since timestamptz, until timestamptz, baseline uuid, slice_key text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    counted record := ledger_series_of(baseline);
BEGIN
    IF slice_key IS NOT NULL THEN
        counted.columns := concat(counted.columns, format(
            ', ledger_slice(%L, %L::integer, f, i) AS slice', slice_key,
            (SELECT v.place FROM ledger_slice_places(ARRAY[version], slice_key) v)));
        counted.bins := concat(counted.bins, ', slice');
        counted.histograms := concat(counted.histograms,
            ' UNION ALL SELECT g.hour, -2, CASE WHEN g.slice IS NULL THEN -1 ELSE coalesce(k.slice, 51) END, sum(g.n)::bigint, NULL'
            ' FROM (SELECT hour, slice, count(*) AS n FROM x GROUP BY hour, slice) g'
            ' LEFT JOIN summary_slices k ON k.model_version_id = $1 AND k.value = g.slice GROUP BY 1, 2, 3');
    END IF;
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0
      AND series <> 32000;
    DELETE FROM summaries
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0;
    EXECUTE format($fold$
        WITH x AS MATERIALIZED (
            -- Each of the fifteen or more readers of a row is slower if a column that all have to pass is NULL.
            SELECT hour, width_bucket(probability, %L::double precision[]) AS b0, ledger_latency_bin(latency_ms) AS bl %s,
                   probability, latency_ms, status = 'error' AS is_error, cache_hit IS TRUE AS is_cached, label
            -- OFFSET keeps a value that is used twice from being computed twice.
            FROM (SELECT hour, status, cache_hit, left(predicted_label, 255) AS label, probability, latency_ms %s
                  FROM (SELECT date_bin('1 hour', predicted_at, $2) AS hour, status, cache_hit, predicted_label,
                               probability, prediction, latency_ms, inputs AS i,
                               -- Which unpacks the array once and not once for each feature.
                               array_cat(feature_values, '{}') AS f
                        FROM predictions
                        WHERE model_version_id = $1 AND predicted_at >= $2 AND predicted_at < $3
                        OFFSET 0) r
                  OFFSET 0) s
        ), histograms AS (
            INSERT INTO summary_histograms
                (model_version_id, grain, starts_at, series, baseline_id, bins, counts, sums)
            SELECT $1, 'hour', hour, series, CASE WHEN series > 0 THEN $4 END, array_agg(bin::smallint ORDER BY bin),
                   array_agg(n ORDER BY bin), CASE WHEN count(total) > 0 THEN array_agg(total ORDER BY bin) END
            FROM (SELECT hour, 0 AS series, b0 AS bin, count(*) AS n, NULL::double precision AS total
                  FROM x WHERE b0 IS NOT NULL GROUP BY hour, b0
                  UNION ALL SELECT hour, -1, bl, count(*), NULL FROM x WHERE bl IS NOT NULL GROUP BY hour, bl %s) g
            GROUP BY hour, series
        ), labels AS (
            SELECT hour, array_agg(label ORDER BY place) FILTER (WHERE place <= 50) AS labels,
                   array_agg(n ORDER BY place) FILTER (WHERE place <= 50) AS counts,
                   coalesce(sum(n) FILTER (WHERE place > 50), 0)::bigint AS others
            FROM (SELECT hour, label, count(*) AS n,
                         row_number() OVER (PARTITION BY hour ORDER BY count(*) DESC, label) AS place
                  FROM x WHERE label IS NOT NULL GROUP BY hour, label) c
            GROUP BY hour
        )
        INSERT INTO summaries
            (model_version_id, grain, starts_at, num_predictions, num_errors, num_cache_hits, num_probabilities,
             probability_sum, probability_m2, entropy_sum, num_latencies, latency_sum, latency_max,
             labels, label_counts, num_other_labels)
        SELECT $1, 'hour', t.*, coalesce(l.labels, '{}'), coalesce(l.counts, '{}'), coalesce(l.others, 0)
        FROM (SELECT hour, count(*), count(*) FILTER (WHERE is_error), count(*) FILTER (WHERE is_cached),
                     count(probability), coalesce(sum(probability), 0),
                     coalesce(var_pop(probability) * count(probability), 0),
                     coalesce(sum(CASE WHEN probability > 0 AND probability < 1
                                  THEN -(probability * ln(probability) + (1 - probability) * ln(1 - probability))
                                       / ln(2::double precision) END), 0),
                     count(latency_ms), coalesce(sum(latency_ms) FILTER (WHERE latency_ms <= 1e150), 0), max(latency_ms)
              FROM x GROUP BY hour) t
        LEFT JOIN labels l USING (hour)
        $fold$, ledger_probability_edges(), counted.bins, counted.columns, counted.histograms)
    USING version, since, until, baseline;
END
$$;
COMMENT ON FUNCTION ledger_fold_predictions(uuid, timestamptz, timestamptz, uuid, text) IS
    'Recounts the predictions of a version from one full hour to another, also by its slice_key.';

CREATE FUNCTION ledger_fold_labels(version uuid, since timestamptz, until timestamptz, baseline uuid) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET jit = off AS $$
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0
      AND series = 32000;
    WITH f AS MATERIALIZED (
        SELECT kind, edges || 'NaN'::double precision AS edges, categories,
               CASE WHEN num_categories > cardinality(categories) THEN 51 ELSE 0 END AS unknown
        FROM baseline_features WHERE baseline_id = baseline AND series = 32000
    ), newest AS (
        SELECT DISTINCT ON (prediction_id, predicted_at) date_bin('1 hour', predicted_at, since) AS hour, actual_label, actual_value
        FROM ground_truth WHERE model_version_id = version AND predicted_at >= since AND predicted_at < until
        ORDER BY prediction_id, predicted_at, labeled_at DESC
    ), binned AS (
        SELECT n.hour,
               CASE WHEN f.kind <> 'categorical' THEN coalesce(width_bucket(n.actual_value, f.edges), -1)
                    WHEN n.actual_label IS NULL THEN -1
                    ELSE least(coalesce(array_position(f.categories, left(n.actual_label, 255)), f.unknown), 51) END AS bin,
               CASE WHEN f.kind <> 'categorical' THEN CASE WHEN abs(n.actual_value) <= 1e150 THEN n.actual_value ELSE 0 END END AS value
        FROM newest n CROSS JOIN f
    )
    INSERT INTO summary_histograms (model_version_id, grain, starts_at, series, baseline_id, bins, counts, sums)
    SELECT version, 'hour', hour, 32000, baseline, array_agg(bin::smallint ORDER BY bin), array_agg(n ORDER BY bin),
           CASE WHEN count(total) > 0 THEN array_agg(total ORDER BY bin) END
    FROM (SELECT hour, bin, count(*) AS n, sum(value) AS total FROM binned GROUP BY hour, bin) c
    GROUP BY hour
$$;
COMMENT ON FUNCTION ledger_fold_labels(uuid, timestamptz, timestamptz, uuid) IS
    'Recounts the latest labels of a version from one full hour to another, in the bins that its baseline has for them.';

CREATE FUNCTION ledger_fold_histogram_days(version uuid, table_name text, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET jit = off AS $$
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'day' AND starts_at >= since AND starts_at < until
      AND (series = 32000) = (table_name = 'ground_truth');
    WITH hours AS (
        -- Bins of several baselines cannot be added up; UUIDs of the newest are the largest.
        SELECT day, series, baseline_id, bins, counts, sums,
               first_value(baseline_id) OVER (PARTITION BY day, series ORDER BY baseline_id DESC NULLS LAST) AS newest
        FROM (SELECT date_trunc('day', starts_at, 'UTC') AS day, * FROM summary_histograms
              WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until
                AND (series = 32000) = (table_name = 'ground_truth')) h
    -- Of new hours the planner expects few; planned by itself, this is still counted without sorting it.
    ), counted AS MATERIALIZED (
        SELECT day, series, baseline_id, bin, sum(n)::bigint AS n, sum(total) AS total
        FROM (SELECT day, series, baseline_id, unnest(bins) AS bin, unnest(counts) AS n, unnest(sums) AS total
              FROM hours WHERE baseline_id IS NOT DISTINCT FROM newest) u
        GROUP BY day, series, baseline_id, bin
    )
    INSERT INTO summary_histograms (model_version_id, grain, starts_at, series, baseline_id, bins, counts, sums)
    SELECT version, 'day', day, series, baseline_id, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin),
           CASE WHEN count(total) > 0 THEN array_agg(total ORDER BY bin) END
    FROM counted GROUP BY day, series, baseline_id
$$;
COMMENT ON FUNCTION ledger_fold_histogram_days(uuid, text, timestamptz, timestamptz) IS
    'Makes the histograms of days, from one to another, out of those of their hours: of a table, predictions or ground_truth.';

CREATE FUNCTION ledger_shift(n bigint, total double precision, mean double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The square of a smaller distance would be an error.
RETURN CASE WHEN n > 0 AND abs(total / n - mean) > 1e-150 THEN n * (total / n - mean) * (total / n - mean) ELSE 0 END;
COMMENT ON FUNCTION ledger_shift(bigint, double precision, double precision) IS
    'What n values of a sum add to the squared differences from a common mean, on top of those from their own (Chan, Golub, LeVeque 1983).';

CREATE FUNCTION ledger_fold_days(version uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET jit = off AS $$
    DELETE FROM summaries WHERE model_version_id = version AND grain = 'day' AND starts_at >= since AND starts_at < until;
    WITH hours AS MATERIALIZED (
        SELECT date_trunc('day', starts_at, 'UTC') AS day, * FROM summaries
        WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until
    ), means AS (
        SELECT day, sum(probability_sum) / nullif(sum(num_probabilities), 0) AS mean FROM hours GROUP BY day
    ), labels AS (
        SELECT day, array_agg(label ORDER BY place) FILTER (WHERE place <= 50) AS labels,
               array_agg(n ORDER BY place) FILTER (WHERE place <= 50) AS counts,
               coalesce(sum(n) FILTER (WHERE place > 50), 0) AS others
        FROM (SELECT day, label, sum(n)::bigint AS n, row_number() OVER (PARTITION BY day ORDER BY sum(n) DESC, label) AS place
              FROM hours, unnest(labels, label_counts) u (label, n) GROUP BY day, label) c
        GROUP BY day
    )
    INSERT INTO summaries
        (model_version_id, grain, starts_at, num_predictions, num_errors, num_cache_hits, num_probabilities,
         probability_sum, probability_m2, entropy_sum, num_latencies, latency_sum, latency_max,
         labels, label_counts, num_other_labels)
    SELECT version, 'day', day, sum(h.num_predictions), sum(h.num_errors), sum(h.num_cache_hits),
           sum(h.num_probabilities), sum(h.probability_sum),
           -- Variances add up with the distances of their means: nothing large is subtracted.
           sum(h.probability_m2 + ledger_shift(h.num_probabilities, h.probability_sum, m.mean)),
           sum(h.entropy_sum), sum(h.num_latencies), sum(h.latency_sum), max(h.latency_max),
           coalesce(l.labels, '{}'), coalesce(l.counts, '{}'), coalesce(l.others, 0) + sum(h.num_other_labels)
    FROM hours h JOIN means m USING (day) LEFT JOIN labels l USING (day)
    GROUP BY day, l.labels, l.counts, l.others
$$;
COMMENT ON FUNCTION ledger_fold_days(uuid, timestamptz, timestamptz) IS
    'Makes the summaries of days, from one to another, out of those of their hours.';
