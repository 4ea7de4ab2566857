-- What two sets of counts say about drift.

CREATE FUNCTION ledger_histogram(version uuid, baseline uuid, since timestamptz, until timestamptz)
RETURNS TABLE (series smallint, bin smallint, n bigint, total double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    first_day timestamptz := date_trunc('day', since + interval '23 hours', 'UTC');
    last_day timestamptz := date_trunc('day', until, 'UTC');
BEGIN
    IF first_day >= last_day THEN
        first_day := until;
        last_day := until;
    END IF;
    PERFORM ledger_require_bins(version, baseline, 'day', first_day, last_day),
            ledger_require_bins(version, baseline, 'hour', since, first_day),
            ledger_require_bins(version, baseline, 'hour', last_day, until);
    RETURN QUERY
    SELECT u.series, u.bin, sum(u.n)::bigint, sum(u.total)
    FROM (SELECT h.series, unnest(h.bins) AS bin, unnest(h.counts) AS n, unnest(h.sums) AS total FROM summary_histograms h
          WHERE h.model_version_id = version AND h.baseline_id = baseline
            AND h.grain = 'day' AND h.starts_at >= first_day AND h.starts_at < last_day
          UNION ALL
          SELECT h.series, unnest(h.bins), unnest(h.counts), unnest(h.sums) FROM summary_histograms h
          WHERE h.model_version_id = version AND h.baseline_id = baseline
            AND h.grain = 'hour' AND h.starts_at >= since AND h.starts_at < first_day
          UNION ALL
          SELECT h.series, unnest(h.bins), unnest(h.counts), unnest(h.sums) FROM summary_histograms h
          WHERE h.model_version_id = version AND h.baseline_id = baseline
            AND h.grain = 'hour' AND h.starts_at >= last_day AND h.starts_at < until) u
    GROUP BY u.series, u.bin;
END
$$;
COMMENT ON FUNCTION ledger_histogram(uuid, uuid, timestamptz, timestamptz) IS
    'What a version has in each bin of a baseline from one full hour to another: its days, and its hours at both ends.';

CREATE FUNCTION ledger_drift(
    version uuid, baseline uuid, since timestamptz, until timestamptz,
    reference_since timestamptz, reference_until timestamptz)
RETURNS TABLE (
    feature text, column_name text, kind text, reference_size bigint, current_size bigint, bins bigint,
    psi double precision, jensen_shannon double precision, hellinger double precision,
    total_variation double precision, kl double precision, ks double precision, ks_p_value double precision,
    chi2 double precision, chi2_p_value double precision, tested_bins integer, chance double precision, wasserstein double precision, noise_floor double precision,
    reference_mean double precision, current_mean double precision,
    reference_missing double precision, current_missing double precision,
    reference_nan double precision, current_nan double precision,
    out_of_range double precision, unseen double precision, pending_since timestamptz)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
BEGIN
    RETURN QUERY
    WITH f AS MATERIALIZED (
        SELECT b.*, cardinality(b.edges) AS above FROM baseline_features b WHERE b.baseline_id = baseline
    ), r AS MATERIALIZED (
        SELECT f.series, u.place::integer - 2 AS bin, u.n, u.total
        FROM f
        CROSS JOIN LATERAL unnest(f.num_missing || f.counts, 0::double precision || f.sums) WITH ORDINALITY u (n, total, place)
        WHERE reference_since IS NULL
        UNION ALL
        SELECT h.series, h.bin::integer, h.n, h.total FROM ledger_histogram(version, baseline, reference_since, reference_until) h
        WHERE reference_since IS NOT NULL
    ), c AS MATERIALIZED (
        SELECT h.series, h.bin::integer AS bin, h.n, h.total FROM ledger_histogram(version, baseline, since, until) h
    ), j AS (
        -- NaN and missing values are in one bin: which of them it is depends on what wrote them, a frame, a file or a service.
        SELECT x.series, CASE WHEN x.bin > f.above THEN -1 ELSE x.bin END AS bin, sum(x.rn) AS rn, sum(x.cn) AS cn,
               sum(x.rs) AS rs, sum(x.cs) AS cs, coalesce(sum(x.rn) FILTER (WHERE x.bin > f.above), 0) AS rnan,
               coalesce(sum(x.cn) FILTER (WHERE x.bin > f.above), 0) AS cnan
        FROM (SELECT series, bin, coalesce(r.n, 0)::double precision AS rn, coalesce(c.n, 0)::double precision AS cn,
                     r.total AS rs, c.total AS cs
              FROM (SELECT * FROM r WHERE r.n > 0) r FULL JOIN c USING (series, bin)) x
        JOIN f ON f.series = x.series
        GROUP BY 1, 2
    ), s AS (
        SELECT j.*, nullif(sum(rn) OVER w, 0) AS rt, nullif(sum(cn) OVER w, 0) AS ct FROM j WINDOW w AS (PARTITION BY series)
    ), p AS (
        SELECT s.*, f.above, CASE WHEN f.kind = 'categorical' AND s.bin > 0 THEN 100 - s.bin ELSE s.bin END AS place,
               f.kind <> 'categorical' AND s.bin BETWEEN 0 AND f.above AS is_ordered,
               rn / rt AS q, cn / ct AS p, greatest(rn / rt, 1e-4) AS q1, greatest(cn / ct, 1e-4) AS p1,
               (rn / rt + cn / ct) / 2 AS m
        FROM s JOIN f ON f.series = s.series
    ), gaps AS (
        SELECT p.series, sum(cn) OVER t AS n, sum(rn) OVER t AS m,
               abs(sum(cn) OVER v / nullif(sum(cn) OVER t, 0) - sum(rn) OVER v / nullif(sum(rn) OVER t, 0)) AS gap
        FROM p WHERE is_ordered
        WINDOW v AS (PARTITION BY p.series ORDER BY p.bin), t AS (PARTITION BY p.series)
    ), k AS (
        SELECT g.series, max(g.gap) AS statistic, max(g.n) AS n, max(g.m) AS m FROM gaps g GROUP BY g.series
    ), atoms AS (
        -- Each side of a bin is taken to be at its mean.
        SELECT p.series, a.place, a.rn, a.cn FROM p
        CROSS JOIN LATERAL (VALUES (p.rs / nullif(p.rn, 0), p.rn, 0::double precision), (p.cs / nullif(p.cn, 0), 0, p.cn)) a (place, rn, cn)
        WHERE p.is_ordered AND a.place IS NOT NULL
    ), steps AS (
        SELECT a.series, lead(a.place) OVER v - a.place AS width,
               abs(sum(a.cn) OVER v / nullif(sum(a.cn) OVER t, 0) - sum(a.rn) OVER v / nullif(sum(a.rn) OVER t, 0)) AS gap
        FROM (SELECT a.series, a.place, sum(a.rn) AS rn, sum(a.cn) AS cn FROM atoms a GROUP BY 1, 2) a
        WINDOW v AS (PARTITION BY a.series ORDER BY a.place ROWS UNBOUNDED PRECEDING), t AS (PARTITION BY a.series)
    ), w AS (
        SELECT x.series, sum(x.gap * x.width) AS distance FROM steps x WHERE x.width > 1e-300 GROUP BY x.series
    ), z AS (
        SELECT p.series, max(p.rt)::bigint AS reference_size, max(p.ct)::bigint AS current_size, count(*) AS bins,
               sum((p1 - q1) * ln(p1 / q1)) AS psi,
               greatest(sum(CASE WHEN p.p > 0 THEN p.p * ln(p.p / p.m) ELSE 0 END
                            + CASE WHEN q > 0 THEN q * ln(q / p.m) ELSE 0 END) / 2 / ln(2::double precision), 0) AS divergence,
               sum((sqrt(p.p) - sqrt(q)) * (sqrt(p.p) - sqrt(q))) / 2 AS hellinger2,
               sum(abs(p.p - q)) / 2 AS total_variation,
               sum(p1 * ln(p1 / q1)) / sum(p1) - ln(sum(p1) / sum(q1)) AS kl,
               -- Neighbours are next to each other: of categories the missing, the unseen, the others, and from the rarest on.
               array_agg(rn ORDER BY p.place) AS reference_counts, array_agg(cn ORDER BY p.place) AS current_counts,
               count(*) FILTER (WHERE rn = 1 AND p.bin > 0) AS num_once, coalesce(sum(rn) FILTER (WHERE p.bin = 51), 0) AS num_others,
               sum(rs) FILTER (WHERE is_ordered) / nullif(sum(rn) FILTER (WHERE is_ordered), 0) AS reference_mean,
               sum(cs) FILTER (WHERE is_ordered) / nullif(sum(cn) FILTER (WHERE is_ordered), 0) AS current_mean,
               coalesce(sum((rn - rnan) / rt) FILTER (WHERE p.bin = -1), 0) AS reference_missing,
               coalesce(sum((cn - cnan) / ct) FILTER (WHERE p.bin = -1), 0) AS current_missing,
               sum(rnan / rt) AS reference_nan,
               sum(cnan / ct) AS current_nan,
               coalesce(sum(p.p) FILTER (WHERE p.bin IN (0, above)), 0) AS at_ends,
               coalesce(sum(p.p) FILTER (WHERE p.bin = 0), 0) AS at_zero
        FROM p WHERE p.rt IS NOT NULL AND p.ct IS NOT NULL GROUP BY p.series
    ), pending AS MATERIALIZED (
        SELECT s.table_name, min(s.marked_at) AS since FROM summary_marks s
        WHERE s.model_version_id = version
          AND (s.first_predicted_at < until AND s.last_predicted_at >= ledger_drift.since
               OR s.first_predicted_at < reference_until AND s.last_predicted_at >= reference_since)
        GROUP BY s.table_name
    )
    SELECT f.feature, f.column_name, f.kind, z.reference_size, z.current_size, z.bins,
           z.psi, sqrt(z.divergence), sqrt(z.hellinger2), z.total_variation, greatest(z.kl, 0),
           k.statistic, ledger_ks_p_value(k.statistic, k.n, k.m),
           x.chi2, x.p_value, x.bins, x.chance,
           CASE WHEN k.statistic IS NOT NULL AND f.std BETWEEN 1e-150 AND 1e150 THEN coalesce(w.distance, 0) / f.std END,
           (z.bins - 1) * (1.0::double precision / z.reference_size + 1.0::double precision / z.current_size),
           z.reference_mean, z.current_mean, z.reference_missing, z.current_missing,
           CASE WHEN f.kind = 'numeric' THEN z.reference_nan END, CASE WHEN f.kind = 'numeric' THEN z.current_nan END,
           CASE WHEN f.kind <> 'categorical' THEN z.at_ends END,
           CASE WHEN f.kind = 'categorical' AND f.num_categories = cardinality(f.categories) THEN z.at_zero END,
           pending.since
    FROM f JOIN z ON z.series = f.series LEFT JOIN k ON k.series = f.series LEFT JOIN w ON w.series = f.series
    LEFT JOIN pending ON pending.table_name = CASE WHEN f.column_name IN ('actual_label', 'actual_value') THEN 'ground_truth' ELSE 'predictions' END
    -- As many new categories are to be expected as were seen once: of those without a bin, one row each at most.
    CROSS JOIN LATERAL ledger_chi2(z.reference_counts, z.current_counts,
        CASE WHEN f.kind = 'categorical' AND reference_since IS NULL THEN z.num_once + least(z.num_others, greatest(f.num_categories - 50, 0)) ELSE 0 END) x
    ORDER BY f.series;
END
$$;
COMMENT ON FUNCTION ledger_drift(uuid, uuid, timestamptz, timestamptz, timestamptz, timestamptz) IS
    'How far the features, scores and labels of a version from one full hour to another are from its baseline, or from those of another window, if that is given; what was written in either since pending_since is not counted yet.';
