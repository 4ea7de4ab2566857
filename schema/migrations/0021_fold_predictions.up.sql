-- Folding: the marked hours of predictions are counted anew, hour by hour, and days made from them.

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
            ELSE least(ceil(ln(latency_ms) / ln(1.02::double precision)), 32767) END::smallint;
COMMENT ON FUNCTION ledger_latency_bin(double precision) IS
    'The bin of a latency in milliseconds: bin k ends at 1.02 to the power of k, so that its middle is at most 1 % off (DDSketch, Masson et al., VLDB 2019).';

CREATE FUNCTION ledger_number(value jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'number'
            THEN CASE WHEN value::numeric = 0 OR abs(value::numeric) BETWEEN 1e-307 AND 1.797e308
                      THEN value::numeric::double precision END END;
COMMENT ON FUNCTION ledger_number(jsonb) IS 'A JSON number that double precision can hold, or NULL.';

-- Edges are constants of the statement, and each value is taken out of its row once: three times as fast as to
-- join rows with their bins.
CREATE FUNCTION ledger_series_of(baseline uuid, OUT columns text, OUT histograms text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT string_agg(CASE f.kind
               WHEN 'categorical' THEN format(', %s AS b%s', s.value, f.series)
               ELSE format(', width_bucket(%1$s, %2$L::double precision[]) AS b%3$s, CASE WHEN abs(%1$s) <= 1e150 THEN %1$s END AS v%3$s',
                           s.value, f.edges || 'NaN'::double precision, f.series) END, '' ORDER BY f.series),
           string_agg(CASE f.kind
               WHEN 'categorical' THEN format(
                   ' UNION ALL SELECT g.hour, %1$s, CASE WHEN g.b IS NULL THEN -1 ELSE least(coalesce(c.place, %2$s), 51) END::integer, sum(g.n)::bigint, NULL'
                   ' FROM (SELECT hour, b%1$s AS b, count(*) AS n FROM x GROUP BY hour, b%1$s) g'
                   ' LEFT JOIN (SELECT c.name, c.place FROM baseline_features f, unnest(f.categories) WITH ORDINALITY c (name, place)'
                   ' WHERE f.baseline_id = $4 AND f.series = %1$s) c ON c.name = g.b GROUP BY 1, 2, 3',
                   f.series, CASE WHEN f.num_categories > cardinality(f.categories) THEN 51 ELSE 0 END)
               ELSE format(' UNION ALL SELECT hour, %1$s, coalesce(b%1$s, -1), count(*), coalesce(sum(v%1$s), 0) FROM x GROUP BY hour, b%1$s',
                           f.series) END, '' ORDER BY f.series)
    FROM baseline_features f
    JOIN baselines b ON b.id = f.baseline_id
    JOIN model_versions v ON v.id = b.model_version_id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN f.column_name = 'feature_values' THEN format('f[%s]', array_position(v.feature_names, f.feature))
        WHEN f.column_name = 'inputs' THEN CASE f.kind WHEN 'numeric' THEN format('ledger_number(i -> %L)', f.feature)
                                                       ELSE format('(i ->> %L)', f.feature) END
        ELSE quote_ident(f.column_name) END AS place) p
    CROSS JOIN LATERAL (SELECT CASE f.kind WHEN 'text' THEN format('length(%s)::double precision', p.place)
                                           WHEN 'categorical' THEN format('left(%s::text, 255)', p.place)
                                           ELSE p.place END AS value) s
    WHERE f.baseline_id = baseline AND f.column_name NOT IN ('actual_label', 'actual_value')
$$;
COMMENT ON FUNCTION ledger_series_of(uuid) IS
    'How the series of a baseline are counted: the columns of a SELECT from predictions that gives their bins, and the SELECTs that count these.';

CREATE FUNCTION ledger_fold_predictions(version uuid, since timestamptz, until timestamptz, baseline uuid) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    counted record := ledger_series_of(baseline);
BEGIN
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0
      AND series <> 32000;
    DELETE FROM summaries
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0;
    EXECUTE format($fold$
        WITH x AS MATERIALIZED (
            SELECT hour, status, cache_hit, predicted_label, probability, latency_ms,
                   width_bucket(probability, %L::double precision[]) AS b0, ledger_latency_bin(latency_ms) AS bl %s
            FROM (SELECT date_trunc('hour', predicted_at, 'UTC') AS hour, status, cache_hit, predicted_label,
                         probability, prediction, latency_ms, inputs AS i,
                         -- Which unpacks the array once and not once for each feature.
                         array_cat(feature_values, '{}') AS f
                  FROM predictions
                  WHERE model_version_id = $1 AND predicted_at >= $2 AND predicted_at < $3
                  OFFSET 0) r
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
            FROM (SELECT hour, left(predicted_label, 255) AS label, count(*) AS n,
                         row_number() OVER (PARTITION BY hour ORDER BY count(*) DESC, left(predicted_label, 255)) AS place
                  FROM x WHERE predicted_label IS NOT NULL GROUP BY 1, 2) c
            GROUP BY hour
        )
        INSERT INTO summaries
            (model_version_id, grain, starts_at, num_predictions, num_errors, num_cache_hits, num_probabilities,
             probability_sum, probability_m2, entropy_sum, num_latencies, latency_sum, latency_max,
             labels, label_counts, num_other_labels)
        SELECT $1, 'hour', t.*, coalesce(l.labels, '{}'), coalesce(l.counts, '{}'), coalesce(l.others, 0)
        FROM (SELECT hour, count(*), count(*) FILTER (WHERE status = 'error'), count(*) FILTER (WHERE cache_hit),
                     count(probability), coalesce(sum(probability), 0),
                     coalesce(var_pop(probability) * count(probability), 0),
                     coalesce(sum(CASE WHEN probability > 0 AND probability < 1
                                  THEN -(probability * ln(probability) + (1 - probability) * ln(1 - probability))
                                       / ln(2::double precision) END), 0),
                     count(latency_ms), coalesce(sum(latency_ms) FILTER (WHERE latency_ms <= 1e150), 0), max(latency_ms)
              FROM x GROUP BY hour) t
        LEFT JOIN labels l USING (hour)
        $fold$, ledger_probability_edges(), counted.columns, counted.histograms)
    USING version, since, until, baseline;
END
$$;
COMMENT ON FUNCTION ledger_fold_predictions(uuid, timestamptz, timestamptz, uuid) IS
    'Counts the predictions of a version from one full hour to another anew.';

CREATE FUNCTION ledger_fold_labels(version uuid, since timestamptz, until timestamptz, baseline uuid) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET jit = off AS $$
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0
      AND series = 32000;
    WITH newest AS (
        SELECT DISTINCT ON (prediction_id, predicted_at) date_trunc('hour', predicted_at, 'UTC') AS hour, actual_label, actual_value
        FROM ground_truth WHERE model_version_id = version AND predicted_at >= since AND predicted_at < until
        ORDER BY prediction_id, predicted_at, labeled_at DESC
    ), binned AS (
        SELECT n.hour,
               CASE WHEN f.kind <> 'categorical' THEN coalesce(width_bucket(n.actual_value, f.edges || 'NaN'::double precision), -1)
                    WHEN n.actual_label IS NULL THEN -1
                    ELSE least(coalesce(array_position(f.categories, left(n.actual_label, 255)),
                                        CASE WHEN f.num_categories > cardinality(f.categories) THEN 51 ELSE 0 END), 51) END AS bin,
               CASE WHEN f.kind <> 'categorical' THEN CASE WHEN abs(n.actual_value) <= 1e150 THEN n.actual_value ELSE 0 END END AS value
        FROM newest n JOIN baseline_features f ON f.baseline_id = baseline AND f.series = 32000
    )
    INSERT INTO summary_histograms (model_version_id, grain, starts_at, series, baseline_id, bins, counts, sums)
    SELECT version, 'hour', hour, 32000, baseline, array_agg(bin::smallint ORDER BY bin), array_agg(n ORDER BY bin),
           CASE WHEN count(total) > 0 THEN array_agg(total ORDER BY bin) END
    FROM (SELECT hour, bin, count(*) AS n, sum(value) AS total FROM binned GROUP BY hour, bin) c
    GROUP BY hour
$$;
COMMENT ON FUNCTION ledger_fold_labels(uuid, timestamptz, timestamptz, uuid) IS
    'Counts the latest labels of a version from one full hour to another anew, in the bins that its baseline has for them.';

CREATE FUNCTION ledger_fold_histogram_days(version uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET jit = off AS $$
    DELETE FROM summary_histograms
    WHERE model_version_id = version AND grain = 'day' AND starts_at >= since AND starts_at < until;
    WITH hours AS MATERIALIZED (
        SELECT date_trunc('day', starts_at, 'UTC') AS day, series, baseline_id, bins, counts, sums
        FROM summary_histograms
        WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until
    ), newest AS (
        -- Bins of several baselines cannot be added up; UUIDs of the newest are the largest.
        SELECT day, series, max(baseline_id::text)::uuid AS baseline_id FROM hours GROUP BY day, series
    ), counted AS (
        SELECT h.day, h.series, h.baseline_id, u.bin, sum(u.n)::bigint AS n, sum(u.total) AS total
        FROM hours h
        JOIN newest w ON w.day = h.day AND w.series = h.series AND w.baseline_id IS NOT DISTINCT FROM h.baseline_id
        CROSS JOIN LATERAL unnest(h.bins, h.counts, h.sums) u (bin, n, total)
        GROUP BY h.day, h.series, h.baseline_id, u.bin
    )
    INSERT INTO summary_histograms (model_version_id, grain, starts_at, series, baseline_id, bins, counts, sums)
    SELECT version, 'day', day, series, baseline_id, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin),
           CASE WHEN count(total) > 0 THEN array_agg(total ORDER BY bin) END
    FROM counted GROUP BY day, series, baseline_id
$$;
COMMENT ON FUNCTION ledger_fold_histogram_days(uuid, timestamptz, timestamptz) IS
    'Makes the histograms of days, from one to another, out of those of their hours.';

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

CREATE FUNCTION ledger_fold_outcomes(version uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off AS $$
DECLARE
    d record;
    edges double precision[] := ledger_probability_edges();
BEGIN
    DELETE FROM summary_outcomes
    WHERE model_version_id = version AND grain = 'hour' AND starts_at >= since AND starts_at < until AND part = 0;
    SELECT t.task, t.class_names, t.positive_label, ledger_zero_and_one(t.class_names, t.positive_label) AS zero_and_one
    INTO d FROM v_version_tasks t WHERE t.model_version_id = version;
    WITH newest AS MATERIALIZED (
        SELECT DISTINCT ON (prediction_id, predicted_at) date_trunc('hour', predicted_at, 'UTC') AS hour, *
        FROM ground_truth WHERE model_version_id = version AND predicted_at >= since AND predicted_at < until
        ORDER BY prediction_id, predicted_at, labeled_at DESC
    ), judged AS MATERIALIZED (
        SELECT n.hour, o.truth, o.score, n.prediction IS NOT NULL AS has_number, n.predicted_label IS NULL AS is_unnamed,
               CASE WHEN o.truth IS NOT NULL THEN ledger_predicted_class(
                   n.predicted_label, n.prediction, NULL, n.class_probabilities, d.class_names, d.positive_label, NULL)
               END AS class,
               d.positive_label = ledger_predicted_class(
                   n.predicted_label, n.prediction, NULL, NULL, d.class_names, d.positive_label, NULL) AS says_positive,
               o.truth = d.positive_label AS is_positive,
               n.prediction IS NOT NULL AND n.actual_value IS NOT NULL AS has_numbers,
               CASE WHEN abs(n.prediction) <= 1e100 AND abs(n.actual_value) <= 1e100 THEN n.actual_value END AS target,
               CASE WHEN abs(n.prediction) <= 1e100 AND abs(n.actual_value) <= 1e100 THEN n.prediction - n.actual_value END AS error
        FROM newest n
        CROSS JOIN LATERAL (
            SELECT CASE WHEN d.task IN ('binary', 'multiclass') THEN ledger_class(n.actual_label, n.actual_value, d.zero_and_one)
                   END AS truth,
                   CASE WHEN d.task = 'binary' THEN coalesce(
                       n.probability, n.class_probabilities[array_position(d.class_names, d.positive_label)]) END AS score) o
    ), pairs AS (
        SELECT hour, truth, class, count(*) AS n FROM judged
        WHERE truth IS NOT NULL AND class IS NOT NULL GROUP BY hour, truth, class
    ), places AS (
        SELECT hour, name, row_number() OVER (PARTITION BY hour ORDER BY sum(n) DESC, name COLLATE "C") AS place
        FROM (SELECT hour, truth AS name, n FROM pairs UNION ALL SELECT hour, class, n FROM pairs) e
        WHERE length(name) <= 255 GROUP BY hour, name
    ), crossed AS (
        SELECT hour, array_agg(truth ORDER BY truth, class) AS actual, array_agg(class ORDER BY truth, class) AS predicted,
               array_agg(n ORDER BY truth, class) AS counts, sum(n) AS classified, sum(hits) AS hits
        FROM (SELECT p.hour, a.name AS truth, b.name AS class, sum(p.n)::bigint AS n,
                     coalesce(sum(p.n) FILTER (WHERE p.truth = p.class), 0) AS hits
              FROM pairs p
              LEFT JOIN places a ON a.hour = p.hour AND a.name = p.truth AND a.place <= 50
              LEFT JOIN places b ON b.hour = p.hour AND b.name = p.class AND b.place <= 50
              GROUP BY p.hour, a.name, b.name) c
        GROUP BY hour
    ), binned AS (
        SELECT hour, array_agg(bin::smallint ORDER BY bin) AS bins, array_agg(p ORDER BY bin) AS positives,
               array_agg(n ORDER BY bin) AS negatives, array_agg(up ORDER BY bin) AS undecided_positives,
               array_agg(un ORDER BY bin) AS undecided_negatives
        FROM (SELECT hour, width_bucket(score, edges) AS bin, count(*) FILTER (WHERE is_positive) AS p,
                     count(*) FILTER (WHERE NOT is_positive) AS n,
                     count(*) FILTER (WHERE is_positive AND class IS NULL) AS up,
                     count(*) FILTER (WHERE NOT is_positive AND class IS NULL) AS un
              FROM judged WHERE is_positive IS NOT NULL AND score IS NOT NULL GROUP BY 1, 2) c
        GROUP BY hour
    ), calibrated AS (
        SELECT hour, array_agg(bin::smallint ORDER BY bin) AS tenths, array_agg(p ORDER BY bin) AS positives,
               array_agg(total ORDER BY bin) AS sums, sum(squares) AS squares, sum(logs) AS logs
        FROM (SELECT hour, ledger_tenth(score) AS bin, count(*) FILTER (WHERE is_positive) AS p, sum(score) AS total,
                     sum(CASE WHEN is_positive THEN (1 - score) * (1 - score) WHEN score > 1e-150 THEN score * score ELSE 0 END)
                         AS squares,
                     sum(ln(greatest(CASE WHEN is_positive THEN score ELSE 1 - score END, 2.220446049250313e-16))) AS logs
              FROM judged WHERE is_positive IS NOT NULL AND score IS NOT NULL GROUP BY 1, 2) c
        GROUP BY hour
    ), totals AS (
        SELECT hour, count(*) AS labeled, bool_or(is_unnamed) AS unnamed,
               count(*) FILTER (WHERE truth <> ALL (d.class_names)) AS strangers,
               count(*) FILTER (WHERE truth IS NOT NULL AND class IS NULL AND has_number
                                AND (score IS NULL OR d.positive_label IS NULL)) AS strays,
               min(score) FILTER (WHERE NOT says_positive) AS lowest, max(score) FILTER (WHERE says_positive) AS highest,
               count(*) FILTER (WHERE has_numbers) AS numbers, count(error) AS measured,
               coalesce(sum(abs(error)), 0) AS absolute,
               coalesce(sum(CASE WHEN abs(error) <= 1e-150 THEN 0
                                 ELSE abs(error) / greatest(abs(target), 2.220446049250313e-16) END), 0) AS percentage,
               coalesce(sum(error * error) FILTER (WHERE abs(error) > 1e-150), 0) AS squared,
               coalesce(sum(distance), 0) AS total, coalesce(var_pop(distance) * count(distance), 0) AS m2,
               min(target) AS smallest, max(target) AS largest
        FROM (SELECT *, target - min(target) OVER (PARTITION BY hour) AS distance FROM judged) j GROUP BY hour
    )
    INSERT INTO summary_outcomes
    SELECT version, 'hour', t.hour, 0, d.task, CASE WHEN d.task = 'binary' OR t.unnamed THEN d.class_names END, d.positive_label,
           t.labeled, t.strangers, t.strays, t.lowest, t.highest, coalesce(c.classified, 0), coalesce(c.hits, 0),
           coalesce(c.actual, '{}'), coalesce(c.predicted, '{}'), coalesce(c.counts, '{}'),
           coalesce(b.bins, '{}'), coalesce(b.positives, '{}'), coalesce(b.negatives, '{}'),
           coalesce(b.undecided_positives, '{}'), coalesce(b.undecided_negatives, '{}'),
           coalesce(k.squares, 0), coalesce(k.logs, 0), coalesce(k.tenths, '{}'), coalesce(k.positives, '{}'),
           coalesce(k.sums, '{}'), t.numbers, t.measured, t.absolute, t.percentage, t.squared, t.total, t.m2,
           t.smallest, t.largest
    FROM totals t LEFT JOIN crossed c USING (hour) LEFT JOIN binned b USING (hour) LEFT JOIN calibrated k USING (hour);
    -- Somebody may have observed another class while an earlier fold counted.
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT version, 'ground_truth', min(o.starts_at), max(o.starts_at) FROM summary_outcomes o
    WHERE o.model_version_id = version AND o.grain = 'hour' AND o.part = 0
      AND NOT ledger_still_counts(o, d.task, d.class_names, d.positive_label)
    HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION ledger_fold_outcomes(uuid, timestamptz, timestamptz) IS
    'Counts the outcomes of the labelled predictions of a version from one full hour to another anew.';

CREATE FUNCTION ledger_add_outcomes(parts summary_outcomes[]) RETURNS summary_outcomes
LANGUAGE sql STABLE SET search_path FROM CURRENT SET jit = off AS $$
    WITH o AS MATERIALIZED (
        SELECT * FROM unnest(parts)
    ), defined AS (
        SELECT CASE WHEN count(DISTINCT (task, positive_label)) > 1 OR min(class_names) <> max(class_names) THEN 'mixed'
                    ELSE min(task) END AS task,
               min(class_names) AS class_names, min(positive_label) AS positive_label
        FROM o
    ), pairs AS (
        SELECT u.truth, u.class, sum(u.n) AS n FROM o CROSS JOIN LATERAL unnest(o.actual, o.predicted, o.counts) u (truth, class, n)
        GROUP BY u.truth, u.class
    ), places AS (
        SELECT name, row_number() OVER (ORDER BY sum(n) DESC, name COLLATE "C") AS place
        FROM (SELECT truth AS name, n FROM pairs UNION ALL SELECT class, n FROM pairs) e
        WHERE name IS NOT NULL GROUP BY name
    ), crossed AS (
        SELECT coalesce(array_agg(truth ORDER BY truth, class), '{}') AS actual,
               coalesce(array_agg(class ORDER BY truth, class), '{}') AS predicted,
               coalesce(array_agg(n ORDER BY truth, class), '{}') AS counts
        FROM (SELECT a.name AS truth, b.name AS class, sum(p.n)::bigint AS n
              FROM pairs p
              LEFT JOIN places a ON a.name = p.truth AND a.place <= 50
              LEFT JOIN places b ON b.name = p.class AND b.place <= 50
              GROUP BY a.name, b.name) c
    ), binned AS (
        SELECT coalesce(array_agg(bin ORDER BY bin), '{}') AS bins, coalesce(array_agg(p ORDER BY bin), '{}') AS positives,
               coalesce(array_agg(n ORDER BY bin), '{}') AS negatives,
               coalesce(array_agg(up ORDER BY bin), '{}') AS undecided_positives,
               coalesce(array_agg(un ORDER BY bin), '{}') AS undecided_negatives
        FROM (SELECT u.bin, sum(u.p)::bigint AS p, sum(u.n)::bigint AS n, sum(u.up)::bigint AS up, sum(u.un)::bigint AS un
              FROM o CROSS JOIN LATERAL unnest(o.bins, o.positives, o.negatives, o.undecided_positives, o.undecided_negatives)
                  u (bin, p, n, up, un)
              GROUP BY u.bin) c
    ), calibrated AS (
        SELECT coalesce(array_agg(bin ORDER BY bin), '{}') AS tenths, coalesce(array_agg(p ORDER BY bin), '{}') AS positives,
               coalesce(array_agg(total ORDER BY bin), '{}') AS sums
        FROM (SELECT u.bin, sum(u.p)::bigint AS p, sum(u.total) AS total
              FROM o CROSS JOIN LATERAL unnest(o.tenths, o.tenth_positives, o.tenth_sums) u (bin, p, total) GROUP BY u.bin) c
    ), distances AS MATERIALIZED (
        SELECT num_measured AS n, actual_m2 AS m2,
               actual_distance_sum + coalesce(num_measured * (actual_min - min(actual_min) OVER ()), 0) AS total
        FROM o
    ), centre AS (
        SELECT sum(d.total) AS total, sum(d.m2 + ledger_shift(d.n, d.total, m.mean)) AS m2
        FROM distances d CROSS JOIN (SELECT sum(total) / nullif(sum(n), 0) AS mean FROM distances) m
    )
    SELECT min(o.model_version_id::text)::uuid, 'day', date_trunc('day', min(o.starts_at), 'UTC'), 0::smallint,
           d.task, d.class_names, d.positive_label, sum(o.num_labeled)::bigint, sum(o.num_strangers)::bigint, sum(o.num_strays)::bigint,
           min(o.lowest_of_negative), max(o.highest_of_positive), sum(o.num_classified)::bigint, sum(o.num_hits)::bigint,
           c.actual, c.predicted, c.counts, b.bins, b.positives, b.negatives, b.undecided_positives, b.undecided_negatives,
           sum(o.square_sum), sum(o.log_sum), k.tenths, k.positives, k.sums, sum(o.num_numbers)::bigint,
           sum(o.num_measured)::bigint, sum(o.absolute_error_sum), sum(o.percentage_error_sum), sum(o.squared_error_sum),
           m.total, m.m2,
           min(o.actual_min), max(o.actual_max)
    FROM o CROSS JOIN defined d CROSS JOIN crossed c CROSS JOIN binned b CROSS JOIN calibrated k CROSS JOIN centre m
    GROUP BY d.task, d.class_names, d.positive_label, c.actual, c.predicted, c.counts, b.bins, b.positives,
             b.negatives, b.undecided_positives, b.undecided_negatives, k.tenths, k.positives, k.sums, m.total, m.m2
$$;
COMMENT ON FUNCTION ledger_add_outcomes(summary_outcomes[]) IS
    'Outcomes added up; their task is mixed where they were counted as those of several tasks, classes or positive classes.';

CREATE FUNCTION ledger_fold_outcome_days(version uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    DELETE FROM summary_outcomes
    WHERE model_version_id = version AND grain = 'day' AND starts_at >= since AND starts_at < until;
    INSERT INTO summary_outcomes
    SELECT (d.day).*
    FROM (SELECT ledger_add_outcomes(array_agg(o)) AS day FROM summary_outcomes o
          WHERE o.model_version_id = version AND o.grain = 'hour' AND o.starts_at >= since AND o.starts_at < until
          GROUP BY date_trunc('day', o.starts_at, 'UTC') OFFSET 0) d
$$;
COMMENT ON FUNCTION ledger_fold_outcome_days(uuid, timestamptz, timestamptz) IS
    'Makes the outcomes of days, from one to another, out of those of their hours.';
