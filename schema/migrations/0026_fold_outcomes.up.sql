-- Folding: labelled predictions are counted as metrics of performance need them, and days made from their hours.

CREATE FUNCTION ledger_slice_values(versions uuid[], since timestamptz, until timestamptz, slice_key text)
RETURNS TABLE (prediction_id uuid, predicted_at timestamptz, value text)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off AS $$
BEGIN
    -- Only who asks for slices needs the right to see features and inputs. Citus calls this although nobody does.
    IF slice_key IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT p.id, p.predicted_at, ledger_slice(ledger_slice_values.slice_key, v.place, p.feature_values, p.inputs)
    FROM predictions p JOIN ledger_slice_places(versions, ledger_slice_values.slice_key) v ON v.id = p.model_version_id
    WHERE p.model_version_id = ANY (versions)
      AND p.predicted_at >= ledger_slice_values.since AND p.predicted_at < ledger_slice_values.until;
END
$$;
COMMENT ON FUNCTION ledger_slice_values(uuid[], timestamptz, timestamptz, text) IS
    'The predictions of versions in a window, each with its value for a slice_key.';

CREATE FUNCTION ledger_outcomes(
    versions uuid[], since timestamptz, until timestamptz, as_of timestamptz, task text, class_names text[],
    positive_label text, scored_label text, zero_and_one text[], threshold double precision,
    slice_key text DEFAULT NULL, slice_value text DEFAULT NULL) RETURNS SETOF summary_outcomes
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off AS $$
#variable_conflict use_column
DECLARE
    by_hour boolean := ledger_outcomes.threshold IS NULL;
    edges double precision[] := ledger_probability_edges();
BEGIN
    RETURN QUERY
    WITH d AS NOT MATERIALIZED (
        SELECT ledger_outcomes.task, ledger_outcomes.class_names, ledger_outcomes.positive_label,
               ledger_outcomes.scored_label, ledger_outcomes.zero_and_one
    ), newest AS NOT MATERIALIZED (
        SELECT DISTINCT ON (prediction_id, predicted_at)
               CASE WHEN by_hour THEN date_bin('1 hour', predicted_at, 'epoch') ELSE ledger_outcomes.since END AS hour, *
        FROM ground_truth
        WHERE model_version_id = ANY (versions) AND predicted_at >= ledger_outcomes.since
          AND predicted_at < ledger_outcomes.until AND labeled_at <= as_of
        ORDER BY prediction_id, predicted_at, labeled_at DESC
    ), members AS (
        SELECT 0::smallint AS slice, n.* FROM newest n WHERE ledger_outcomes.slice_key IS NULL
        UNION ALL
        -- A label whose prediction is gone is of no slice.
        SELECT CASE WHEN ledger_outcomes.slice_value IS NOT NULL THEN 0 WHEN s.value IS NOT NULL THEN coalesce(k.slice, 51)
                    WHEN s.prediction_id IS NOT NULL THEN -1 END::smallint, n.*
        FROM newest n
        LEFT JOIN ledger_slice_values(versions, ledger_outcomes.since, ledger_outcomes.until, ledger_outcomes.slice_key) s
            ON s.prediction_id = n.prediction_id AND s.predicted_at = n.predicted_at
        LEFT JOIN summary_slices k ON k.model_version_id = n.model_version_id AND k.value = s.value
        WHERE ledger_outcomes.slice_key IS NOT NULL
          AND (ledger_outcomes.slice_value IS NULL OR s.value = ledger_outcomes.slice_value)
    ), judged AS MATERIALIZED (
        SELECT o.hour, o.slice, o.labeled_at, o.truth, o.score, o.prediction IS NOT NULL AS has_number, o.predicted_label IS NULL AS is_unnamed,
               CASE WHEN o.truth IS NOT NULL THEN coalesce(
                   -- Without a threshold a probability names no class, and the function costs more than all the rest.
                   o.named, CASE WHEN NOT by_hour OR o.class_probabilities IS NOT NULL THEN ledger_predicted_class(
                       NULL, NULL, CASE WHEN NOT by_hour THEN o.score END, o.class_probabilities, d.class_names,
                       d.positive_label, ledger_outcomes.threshold) END)
               END AS class,
               d.positive_label = o.named AS says_positive, o.truth = d.positive_label AS is_positive,
               o.prediction IS NOT NULL AND o.actual_value IS NOT NULL AS has_numbers,
               CASE WHEN num_nulls(o.prediction, o.confidence_lower, o.confidence_upper) = 0
                    THEN o.actual_value BETWEEN o.confidence_lower AND o.confidence_upper END AS is_covered,
               -- Beyond that the squares would overflow.
               CASE WHEN abs(o.prediction) <= 1e100 AND abs(o.actual_value) <= 1e100 THEN o.actual_value END AS target,
               CASE WHEN abs(o.prediction) <= 1e100 AND abs(o.actual_value) <= 1e100 THEN o.prediction - o.actual_value END AS error
        FROM (
            SELECT p.*,
                   CASE WHEN d.task IN ('binary', 'multiclass') THEN ledger_class(p.actual_label, p.actual_value, d.zero_and_one)
                   END AS truth,
                   coalesce(p.predicted_label, CASE WHEN p.number = ANY (d.class_names) THEN p.number END) AS named,
                   -- Of two classes the other has the rest.
                   CASE WHEN d.task = 'binary' AND d.scored_label <> d.positive_label THEN 1 - p.chance
                        WHEN d.task = 'binary' THEN p.chance END AS score
            FROM (SELECT n.*, coalesce(n.probability, n.class_probabilities[array_position(d.class_names, d.scored_label)]) AS chance,
                         CASE WHEN n.predicted_label IS NULL AND d.class_names IS NOT NULL
                              THEN ledger_class(NULL, n.prediction, d.zero_and_one) END AS number
                  FROM members n CROSS JOIN d
                  -- Here and below: what is computed is computed once, and not wherever it is named.
                  OFFSET 0) p
            CROSS JOIN d
            OFFSET 0) o
        CROSS JOIN d
    ), counted AS NOT MATERIALIZED (
        SELECT * FROM judged WHERE slice IS NOT NULL
        UNION ALL
        SELECT hour, 0::smallint, labeled_at, truth, score, has_number, is_unnamed, class, says_positive, is_positive, has_numbers, is_covered,
               target, error
        FROM judged WHERE ledger_outcomes.slice_key IS NOT NULL AND ledger_outcomes.slice_value IS NULL
    ), pairs AS (
        SELECT hour, slice, truth, class, count(*) AS n FROM counted
        WHERE truth IS NOT NULL AND class IS NOT NULL GROUP BY hour, slice, truth, class
    ), places AS (
        SELECT hour, slice, name, row_number() OVER (PARTITION BY hour, slice ORDER BY sum(n) DESC, name COLLATE "C") AS place
        FROM (SELECT hour, slice, truth AS name, n FROM pairs UNION ALL SELECT hour, slice, class, n FROM pairs) e
        WHERE length(name) <= 255 OR NOT by_hour GROUP BY hour, slice, name
    ), kept AS (
        SELECT hour, slice, name FROM places WHERE place <= 50 OR NOT by_hour
    ), crossed AS (
        SELECT hour, slice, array_agg(truth ORDER BY truth, class) AS actual, array_agg(class ORDER BY truth, class) AS predicted,
               array_agg(n ORDER BY truth, class) AS counts, sum(n) AS classified, sum(hits) AS hits
        FROM (SELECT p.hour, p.slice, a.name AS truth, b.name AS class, sum(p.n)::bigint AS n,
                     coalesce(sum(p.n) FILTER (WHERE p.truth = p.class), 0) AS hits
              FROM pairs p
              LEFT JOIN kept a ON a.hour = p.hour AND a.slice = p.slice AND a.name = p.truth
              LEFT JOIN kept b ON b.hour = p.hour AND b.slice = p.slice AND b.name = p.class
              GROUP BY p.hour, p.slice, a.name, b.name) c
        GROUP BY hour, slice
    ), scores AS (
        SELECT hour, slice, CASE WHEN by_hour THEN width_bucket(score, edges) ELSE score END AS score, count(*) FILTER (WHERE is_positive) AS p,
               count(*) FILTER (WHERE NOT is_positive) AS n, count(*) FILTER (WHERE is_positive AND class IS NULL) AS up,
               count(*) FILTER (WHERE NOT is_positive AND class IS NULL) AS un
        FROM counted WHERE is_positive IS NOT NULL AND score IS NOT NULL GROUP BY 1, 2, 3
    ), binned AS (
        SELECT hour, slice, array_agg(bin::integer ORDER BY bin) AS bins, array_agg(p ORDER BY bin) AS positives,
               array_agg(n ORDER BY bin) AS negatives, array_agg(up ORDER BY bin) AS undecided_positives,
               array_agg(un ORDER BY bin) AS undecided_negatives
        FROM (SELECT *, CASE WHEN by_hour THEN score ELSE row_number() OVER (ORDER BY score) END AS bin FROM scores) s
        GROUP BY hour, slice
    ), losses AS (
        SELECT hour, slice, ledger_tenth(score) AS bin, is_positive, score,
               -- Squares of smaller numbers would be an error.
               CASE WHEN is_positive THEN (1 - score) * (1 - score) WHEN score > 1e-75 THEN score * score ELSE 0 END AS square,
               -- Nothing is certain: as scikit-learn, by the distance between 1 and the next double.
               ln(greatest(CASE WHEN is_positive THEN score ELSE 1 - score END, 2.220446049250313e-16)) AS log
        FROM counted WHERE is_positive IS NOT NULL AND score IS NOT NULL
    ), calibrated AS (
        SELECT hour, slice, array_agg(bin::smallint ORDER BY bin) AS tenths, array_agg(p ORDER BY bin) AS positives,
               array_agg(n ORDER BY bin) AS negatives, array_agg(total ORDER BY bin) AS sums, sum(squares) AS squares,
               sum(square_squares) AS square_squares, sum(logs) AS logs, sum(log_squares) AS log_squares
        FROM (SELECT hour, slice, bin, count(*) FILTER (WHERE is_positive) AS p, count(*) FILTER (WHERE NOT is_positive) AS n,
                     sum(CASE WHEN score > 1e-150 THEN score ELSE 0 END) AS total, sum(square) AS squares,
                     sum(CASE WHEN square > 1e-150 THEN square * square ELSE 0 END) AS square_squares,
                     sum(log) AS logs, sum(log * log) AS log_squares
              FROM losses GROUP BY hour, slice, bin) c
        GROUP BY hour, slice
    ), lowest AS MATERIALIZED (
        SELECT hour, slice, min(target) AS target FROM counted GROUP BY hour, slice
    ), totals AS (
        SELECT hour, slice, count(*) AS labeled, bool_or(is_unnamed) AS unnamed,
               count(*) FILTER (WHERE truth <> ALL (d.class_names)) AS strangers,
               count(*) FILTER (WHERE truth IS NOT NULL AND class IS NULL AND has_number
                                AND (score IS NULL OR d.positive_label IS NULL)) AS strays,
               min(score) FILTER (WHERE NOT says_positive) AS lowest, max(score) FILTER (WHERE says_positive) AS highest,
               count(*) FILTER (WHERE has_numbers) AS numbers, count(error) AS measured,
               count(is_covered) AS intervals, count(*) FILTER (WHERE is_covered) AS covered,
               coalesce(sum(abs(error)), 0) AS absolute,
               -- As scikit-learn: of an actual value of 0 by the distance between 1 and the next double.
               coalesce(sum(CASE WHEN abs(error) <= 1e-150 THEN 0
                                 ELSE abs(error) / greatest(abs(target), 2.220446049250313e-16) END), 0) AS percentage,
               coalesce(sum(error * error) FILTER (WHERE abs(error) > 1e-150), 0) AS squared,
               coalesce(sum(distance), 0) AS total, coalesce(var_pop(distance) * count(distance), 0) AS m2,
               min(target) AS smallest, max(target) AS largest, max(labeled_at) AS last_labeled_at
        FROM (SELECT c.*, c.target - l.target AS distance FROM counted c JOIN lowest l USING (hour, slice)) j CROSS JOIN d GROUP BY hour, slice
    )
    SELECT versions[1], 'hour', t.hour, t.slice, 0::smallint, d.task, CASE WHEN d.task = 'binary' OR t.unnamed THEN d.class_names END,
           d.positive_label, t.labeled, t.strangers, t.strays, t.lowest, t.highest, coalesce(c.classified, 0)::bigint,
           coalesce(c.hits, 0)::bigint, coalesce(c.actual, '{}'), coalesce(c.predicted, '{}'), coalesce(c.counts, '{}'),
           coalesce(b.bins, '{}'), coalesce(b.positives, '{}'), coalesce(b.negatives, '{}'),
           coalesce(b.undecided_positives, '{}'), coalesce(b.undecided_negatives, '{}'), coalesce(k.squares, 0),
           coalesce(k.square_squares, 0), coalesce(k.logs, 0), coalesce(k.log_squares, 0),
           coalesce(k.tenths, '{}'), coalesce(k.positives, '{}'), coalesce(k.negatives, '{}'), coalesce(k.sums, '{}'),
           t.numbers, t.measured, t.intervals, t.covered, t.absolute, t.percentage, t.squared, t.total, t.m2, t.smallest, t.largest, t.last_labeled_at
    FROM totals t CROSS JOIN d
    LEFT JOIN crossed c USING (hour, slice) LEFT JOIN binned b USING (hour, slice) LEFT JOIN calibrated k USING (hour, slice);
END
$$;
COMMENT ON FUNCTION ledger_outcomes(uuid[], timestamptz, timestamptz, timestamptz, text, text[], text, text, text[], double precision, text, text) IS
    'The outcomes of the labelled predictions of versions, of each hour what a summary keeps; with a threshold of the whole window, each probability a bin of its own. With a slice_key those of each of its slices as well, with one of its values those of that alone.';

CREATE FUNCTION ledger_slices(version uuid) RETURNS smallint[]
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT '{-1,0,51}'::smallint[] || ARRAY(SELECT s.slice FROM summary_slices s WHERE s.model_version_id = version)
$$;
COMMENT ON FUNCTION ledger_slices(uuid) IS 'The numbers of the slices that a version may have, with that of all its predictions.';

CREATE FUNCTION ledger_fold_outcomes(version uuid, since timestamptz, until timestamptz, slice_key text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    t v_version_tasks;
BEGIN
    DELETE FROM summary_outcomes
    WHERE model_version_id = version AND grain = 'hour' AND slice = ANY (ledger_slices(version)) AND starts_at >= since AND starts_at < until AND part = 0;
    SELECT * INTO t FROM v_version_tasks WHERE model_version_id = version;
    INSERT INTO summary_outcomes
    SELECT o.*
    FROM ledger_outcomes(
        ARRAY[version], since, until, 'infinity', t.task, t.class_names, t.positive_label,
        t.positive_label, ledger_zero_and_one(t.class_names, t.positive_label), NULL, ledger_fold_outcomes.slice_key) o;
    -- Somebody may have observed another class while an earlier fold counted.
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT version, 'ground_truth', min(o.starts_at), max(o.starts_at) FROM summary_outcomes o
    WHERE o.model_version_id = version AND o.grain = 'hour' AND o.slice = 0 AND o.part = 0
      AND NOT ledger_still_counts(o, t.task, t.class_names, t.positive_label)
    HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION ledger_fold_outcomes(uuid, timestamptz, timestamptz, text) IS
    'Recounts the outcomes of the labelled predictions of a version from one full hour to another, all of them and by its slice_key.';

CREATE FUNCTION ledger_add_outcomes(parts summary_outcomes[]) RETURNS summary_outcomes
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off AS $$
DECLARE
    added summary_outcomes;
BEGIN
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
               coalesce(array_agg(n ORDER BY bin), '{}') AS negatives, coalesce(array_agg(total ORDER BY bin), '{}') AS sums
        FROM (SELECT u.bin, sum(u.p)::bigint AS p, sum(u.n)::bigint AS n, sum(u.total) AS total
              FROM o CROSS JOIN LATERAL unnest(o.tenths, o.tenth_positives, o.tenth_negatives, o.tenth_sums) u (bin, p, n, total)
              GROUP BY u.bin) c
    ), distances AS MATERIALIZED (
        SELECT num_measured AS n, actual_m2 AS m2,
               actual_distance_sum + coalesce(num_measured * (actual_min - min(actual_min) OVER ()), 0) AS total
        FROM o
    ), centre AS (
        SELECT sum(d.total) AS total, sum(d.m2 + ledger_shift(d.n, d.total, m.mean)) AS m2
        FROM distances d CROSS JOIN (SELECT sum(total) / nullif(sum(n), 0) AS mean FROM distances) m
    )
    SELECT min(o.model_version_id::text)::uuid, 'day', date_trunc('day', min(o.starts_at), 'UTC'), min(o.slice), 0::smallint,
           d.task, d.class_names, d.positive_label, sum(o.num_labeled)::bigint, sum(o.num_strangers)::bigint, sum(o.num_strays)::bigint,
           min(o.lowest_of_negative), max(o.highest_of_positive), sum(o.num_classified)::bigint, sum(o.num_hits)::bigint,
           c.actual, c.predicted, c.counts, b.bins, b.positives, b.negatives, b.undecided_positives, b.undecided_negatives,
           sum(o.square_sum), sum(o.square_square_sum), sum(o.log_sum), sum(o.log_square_sum), k.tenths, k.positives, k.negatives, k.sums, sum(o.num_numbers)::bigint,
           sum(o.num_measured)::bigint, sum(o.num_intervals)::bigint, sum(o.num_covered)::bigint, sum(o.absolute_error_sum), sum(o.percentage_error_sum), sum(o.squared_error_sum),
           m.total, m.m2,
           min(o.actual_min), max(o.actual_max), max(o.last_labeled_at)
    INTO added
    FROM o CROSS JOIN defined d CROSS JOIN crossed c CROSS JOIN binned b CROSS JOIN calibrated k CROSS JOIN centre m
    GROUP BY d.task, d.class_names, d.positive_label, c.actual, c.predicted, c.counts, b.bins, b.positives,
             b.negatives, b.undecided_positives, b.undecided_negatives, k.tenths, k.positives, k.negatives, k.sums, m.total, m.m2;
    RETURN added;
END
$$;
COMMENT ON FUNCTION ledger_add_outcomes(summary_outcomes[]) IS
    'Outcomes added up; their task is mixed where they were counted as those of several tasks, classes or positive classes.';

CREATE FUNCTION ledger_same_outcomes(one summary_outcomes, other summary_outcomes) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Sums depend on the order of their rows in the last digits.
RETURN coalesce(
    to_jsonb(one) - '{square_sum,square_square_sum,log_sum,log_square_sum,tenth_sums,absolute_error_sum,percentage_error_sum,squared_error_sum,actual_distance_sum,actual_m2}'::text[]
    = to_jsonb(other) - '{square_sum,square_square_sum,log_sum,log_square_sum,tenth_sums,absolute_error_sum,percentage_error_sum,squared_error_sum,actual_distance_sum,actual_m2}'::text[]
    AND (SELECT bool_and(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b), 1e-9))
         FROM unnest(ARRAY[(one).square_sum, (one).square_square_sum, (one).log_sum, (one).log_square_sum, (one).absolute_error_sum,
                           (one).percentage_error_sum, (one).squared_error_sum, (one).actual_distance_sum, (one).actual_m2]
                     || (one).tenth_sums,
                     ARRAY[(other).square_sum, (other).square_square_sum, (other).log_sum, (other).log_square_sum,
                           (other).absolute_error_sum, (other).percentage_error_sum, (other).squared_error_sum,
                           (other).actual_distance_sum, (other).actual_m2] || (other).tenth_sums) u (a, b)), false);
COMMENT ON FUNCTION ledger_same_outcomes(summary_outcomes, summary_outcomes) IS
    'Whether outcomes are the same, their sums but for rounding.';

CREATE FUNCTION ledger_fold_outcome_days(version uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    DELETE FROM summary_outcomes
    WHERE model_version_id = version AND grain = 'day' AND slice = ANY (ledger_slices(version)) AND starts_at >= since AND starts_at < until;
    INSERT INTO summary_outcomes
    SELECT (d.day).*
    FROM (SELECT ledger_add_outcomes(array_agg(o)) AS day FROM summary_outcomes o
          WHERE o.model_version_id = version AND o.grain = 'hour' AND o.slice = ANY (ledger_slices(version)) AND o.starts_at >= since AND o.starts_at < until
          GROUP BY date_trunc('day', o.starts_at, 'UTC'), o.slice OFFSET 0) d
$$;
COMMENT ON FUNCTION ledger_fold_outcome_days(uuid, timestamptz, timestamptz) IS
    'Makes the outcomes of days, from one to another, out of those of their hours.';
