-- Statistics that PostgreSQL does not have, what two sets of counts say about drift, and who sees them.

CREATE FUNCTION ledger_ks_p_value(statistic double precision, n double precision, m double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    x double precision := statistic * sqrt(n / (n + m)) * sqrt(m);
    total double precision := 0;
    k integer;
BEGIN
    -- Of two series one converges at once: the one for large values, or the one for small ones.
    IF x > 1.18 THEN
        FOR k IN 1..8 LOOP
            EXIT WHEN 2 * k * k * x * x > 700;
            total := total + (CASE WHEN k % 2 = 1 THEN 2 ELSE -2 END) * exp(-2 * k * k * x * x);
        END LOOP;
        RETURN least(greatest(total, 0), 1);
    END IF;
    FOR k IN 1..8 LOOP
        EXIT WHEN x = 0 OR (2 * k - 1) ^ 2 * pi() * pi() / (8 * x * x) > 700;
        total := total + exp(-((2 * k - 1) ^ 2 * pi() * pi() / (8 * x * x)));
    END LOOP;
    RETURN CASE WHEN total = 0 THEN 1 ELSE 1 - sqrt(2 * pi()) / x * total END;
END
$$;
COMMENT ON FUNCTION ledger_ks_p_value(double precision, double precision, double precision) IS
    'The probability of a Kolmogorov-Smirnov statistic at least as large between samples of n and m values of one distribution, as for large samples (Kolmogorov 1933; scipy.stats.kstwobign).';

CREATE FUNCTION ledger_chi2_p_value(statistic double precision, degrees integer) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    a double precision := degrees / 2.0;
    x double precision := statistic / 2;
    -- Gamma of whole and half numbers is a product.
    factor double precision := CASE WHEN degrees % 2 = 0 THEN 0 ELSE ln(pi()) / 2 END;
    term double precision;
    total double precision;
    b double precision;
    c double precision;
    d double precision;
    i integer := 0;
BEGIN
    IF degrees < 1 OR x <= 0 THEN
        RETURN 1;
    END IF;
    FOR i IN 1..(degrees - 1) / 2 LOOP
        factor := factor + ln(a - i);
    END LOOP;
    factor := a * ln(x) - x - factor;
    IF x < a + 1 THEN
        term := 1 / a;
        total := term;
        WHILE term > total * 1e-17 LOOP
            i := i + 1;
            term := term * x / (a + i);
            total := total + term;
        END LOOP;
        RETURN greatest(1 - CASE WHEN factor < -700 THEN 0 ELSE total * exp(factor) END, 0);
    ELSIF factor < -700 THEN
        RETURN 0;
    END IF;
    -- The continued fraction of Lentz (Numerical Recipes, 6.2).
    b := x + 1 - a;
    c := 1e300;
    d := 1 / b;
    total := d;
    LOOP
        i := i + 1;
        b := b + 2;
        d := 1 / (-i * (i - a) * d + b);
        c := b - i * (i - a) / c;
        total := total * c * d;
        EXIT WHEN abs(c * d - 1) < 1e-16 OR i > 10000;
    END LOOP;
    RETURN total * exp(factor);
END
$$;
COMMENT ON FUNCTION ledger_chi2_p_value(double precision, integer) IS
    'The probability of a chi-squared statistic at least as large: the regularised upper incomplete gamma function of degrees / 2 and statistic / 2 (scipy.stats.chi2.sf).';

CREATE FUNCTION ledger_binomial_p_value(successes double precision, trials double precision, share double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    seen double precision := successes / trials;
    term double precision := trials * ln(1 - share);  -- its logarithm, which is never too small
    total double precision := 0;
    k double precision := 0;
BEGIN
    -- Chernoff's bound: nobody waits for the sum of a million terms that are nothing.
    IF seen > share AND trials * (seen * ln(greatest(seen, 1e-300) / share)
                                  + (1 - seen) * ln(greatest(1 - seen, 1e-300) / (1 - share))) > 690 THEN
        RETURN 0;
    END IF;
    WHILE k < trials LOOP
        k := k + 1;
        term := term + ln((trials - k + 1) / k * share / (1 - share));
        CONTINUE WHEN k < successes;
        total := total + exp(term);
        EXIT WHEN term < ln(total) - 39;
    END LOOP;
    RETURN CASE WHEN successes > 0 THEN least(total, 1) ELSE 1 END;
END
$$;
COMMENT ON FUNCTION ledger_binomial_p_value(double precision, double precision, double precision) IS
    'The probability of at least so many successes, more than expected, in trials that succeed with a probability of share (scipy.stats.binomtest, greater).';

CREATE FUNCTION ledger_chi2(
    reference double precision[], current double precision[], num_once double precision,
    OUT bins integer, OUT chi2 double precision, OUT p_value double precision, OUT chance double precision)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    m double precision := (SELECT sum(u) FROM unnest(reference) u);
    n double precision := (SELECT sum(u) FROM unnest(current) u);
    least_size double precision := least(m, n);
    r double precision := 0;
    c double precision := 0;
    last_r double precision;
    last_c double precision;
    few double precision;
    num_rows double precision;
    num_sparse integer := 3;
    alone double precision;
BEGIN
    bins := 0;
    chi2 := 0;
    FOR i IN 1..cardinality(current) LOOP
        IF reference[i] * least_size < 5 * m THEN
            -- Tested by itself too. One row tells nothing, and no more than expected is no excess.
            num_sparse := num_sparse + (reference[i] > 0)::integer;
            few := CASE WHEN n <= m THEN current[i] ELSE reference[i] END;
            num_rows := reference[i] + current[i] + CASE WHEN reference[i] = 0 THEN num_once ELSE 0 END;
            IF few >= 2 AND few > 1 + num_rows * least_size / (m + n) THEN
                alone := least(alone, ledger_binomial_p_value(few, num_rows, least_size / (m + n)));
            END IF;
        END IF;
        r := r + reference[i];
        c := c + current[i];
        IF r * least_size >= 5 * m THEN
            IF bins > 0 THEN
                chi2 := chi2 + (last_c * m - last_r * n) ^ 2 / ((last_r + last_c) * m * n);
            END IF;
            bins := bins + 1;
            last_r := r;
            last_c := c;
            r := 0;
            c := 0;
        END IF;
    END LOOP;
    IF bins > 1 THEN
        -- What is left over belongs to the last one.
        r := last_r + r;
        c := last_c + c;
        chi2 := chi2 + (c * m - r * n) ^ 2 / ((r + c) * m * n);
        p_value := ledger_chi2_p_value(chi2, bins - 1);
    ELSE
        bins := 1;
        chi2 := NULL;
    END IF;
    chance := 2 * least(p_value, num_sparse * alone, CASE WHEN bins > 1 OR alone IS NOT NULL THEN 0.5 END);
END
$$;
COMMENT ON FUNCTION ledger_chi2(double precision[], double precision[], double precision) IS
    'The chi-squared test of counts in bins of a reference and a window; neighbours are pooled until the smaller side expects 5. chance is the p-value of it and of what became frequent in a bin that was pooled; where a reference has none, num_once rows. NULL where nothing is tested.';

-- Whoever may not read the inputs of predictions is not to read them from the bins of a few. Days do not overlap:
-- of hours that are seen beside their day the difference would tell those that are not, and so would a slice of a total.
CREATE TABLE summary_privacy (
    id boolean CONSTRAINT summary_privacy_pkey PRIMARY KEY DEFAULT true
        CONSTRAINT summary_privacy_one_row_check CHECK (id),
    minimum_count integer NOT NULL DEFAULT 1
        CONSTRAINT summary_privacy_minimum_count_check CHECK (minimum_count BETWEEN 1 AND 1000000)
);
COMMENT ON TABLE summary_privacy IS 'What roles that may not read inputs see of summaries, one row.';
COMMENT ON COLUMN summary_privacy.id IS 'Always true, so that there is one row.';
COMMENT ON COLUMN summary_privacy.minimum_count IS
    'Above 1 they see features by the day alone, of days that count at least so many predictions, and no slices; 1 shows them everything.';
INSERT INTO summary_privacy (id) VALUES (true);

CREATE FUNCTION ledger_minimum_count() RETURNS integer
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT CASE WHEN has_column_privilege('predictions', 'inputs', 'SELECT') THEN 1
                -- Without a row nothing is seen.
                ELSE coalesce((SELECT p.minimum_count FROM summary_privacy p), 2147483647) END
$$;
COMMENT ON FUNCTION ledger_minimum_count() IS
    'The minimum_count of summary_privacy for the present role: 1 for one that may read the inputs of predictions.';

CREATE POLICY summary_histograms_minimum_count ON summary_histograms FOR SELECT USING (
    series IN (-1, 0, 32000) OR (SELECT ledger_minimum_count()) = 1
    -- Mostly one bin holds that many, which is seen in a tenth of the time that adding them up takes.
    OR grain = 'day' AND series > 0 AND ((SELECT ledger_minimum_count()) <= ANY (counts)
       OR (SELECT sum(n) FROM unnest(counts) n) >= (SELECT ledger_minimum_count())));
CREATE POLICY summary_outcomes_minimum_count ON summary_outcomes FOR SELECT USING (
    slice = 0 OR (SELECT ledger_minimum_count()) = 1);
CREATE POLICY summary_slices_minimum_count ON summary_slices FOR SELECT USING ((SELECT ledger_minimum_count()) = 1);
ALTER TABLE summary_histograms ENABLE ROW LEVEL SECURITY;
ALTER TABLE summary_outcomes ENABLE ROW LEVEL SECURITY;
ALTER TABLE summary_slices ENABLE ROW LEVEL SECURITY;

-- What a window leaves out is told by the owner alone; an answer that would lack it is none.
CREATE FUNCTION ledger_hides_bins(
    version uuid, baseline uuid, grain text, since timestamptz, until timestamptz, minimum_count integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT EXISTS (
        SELECT FROM summary_histograms h
        WHERE h.model_version_id = version AND h.grain = ledger_hides_bins.grain AND h.starts_at >= since AND h.starts_at < until
          AND h.baseline_id = baseline AND h.series BETWEEN 1 AND 31999
          AND (h.grain = 'hour' OR minimum_count > ALL (h.counts) AND (SELECT sum(n) FROM unnest(h.counts) n) < minimum_count))
$$;
COMMENT ON FUNCTION ledger_hides_bins(uuid, uuid, text, timestamptz, timestamptz, integer) IS
    'Whether a role for which ledger_minimum_count() is that number does not see all hours or days of a window in the bins of a baseline.';
REVOKE ALL ON FUNCTION ledger_hides_bins(uuid, uuid, text, timestamptz, timestamptz, integer) FROM PUBLIC;

CREATE FUNCTION ledger_sees_bins(version uuid, baseline uuid, grain text, since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    minimum_count integer := ledger_minimum_count();
BEGIN
    -- Who sees everything need not be allowed to ask.
    IF minimum_count = 1 THEN
        RETURN true;
    END IF;
    RETURN NOT ledger_hides_bins(version, baseline, grain, since, until, minimum_count);
END
$$;
COMMENT ON FUNCTION ledger_sees_bins(uuid, uuid, text, timestamptz, timestamptz) IS
    'Whether the present role sees all hours or days of a window in the bins of a baseline.';

CREATE FUNCTION ledger_require_bins(version uuid, baseline uuid, grain text, since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT ledger_sees_bins(version, baseline, grain, since, until) THEN
        RAISE EXCEPTION 'this role sees features by days of UTC with at least % predictions, and the window has others or parts of days',
            ledger_minimum_count()
            USING ERRCODE = 'MLPD0', HINT = 'Choose other days, or ask as a role that may read inputs';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION ledger_require_bins(uuid, uuid, text, timestamptz, timestamptz) IS
    'Refuses a window of which the present role does not see all hours or days in the bins of a baseline.';

CREATE FUNCTION ledger_require_slices() RETURNS void
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF ledger_minimum_count() > 1 THEN
        RAISE EXCEPTION 'this role sees no slices while summary_privacy has a minimum_count above 1'
            USING ERRCODE = 'MLPD0', HINT = 'Ask for all predictions, or as a role that may read inputs';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_require_slices() IS 'Refuses a role that does not see slices.';

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
    out_of_range double precision, unseen double precision)
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
           CASE WHEN f.kind = 'categorical' AND f.num_categories = cardinality(f.categories) THEN z.at_zero END
    FROM f JOIN z ON z.series = f.series LEFT JOIN k ON k.series = f.series LEFT JOIN w ON w.series = f.series
    -- As many new categories are to be expected as were seen once: of those without a bin, one row each at most.
    CROSS JOIN LATERAL ledger_chi2(z.reference_counts, z.current_counts,
        CASE WHEN f.kind = 'categorical' AND reference_since IS NULL THEN z.num_once + least(z.num_others, greatest(f.num_categories - 50, 0)) ELSE 0 END) x
    ORDER BY f.series;
END
$$;
COMMENT ON FUNCTION ledger_drift(uuid, uuid, timestamptz, timestamptz, timestamptz, timestamptz) IS
    'How far the features, scores and labels of a version from one full hour to another are from its baseline, or from those of another window, if that is given.';

CREATE FUNCTION ledger_tenth(score double precision) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN width_bucket(score, '{0.1,0.2,0.30000000000000004,0.4,0.5,0.6000000000000001,0.7000000000000001,0.8,0.9}'::double precision[])
     - (score = ANY ('{0.1,0.2,0.30000000000000004,0.4,0.5,0.6000000000000001,0.7000000000000001,0.8,0.9}'::double precision[]))::integer;
COMMENT ON FUNCTION ledger_tenth(double precision) IS
    'The bin of a calibration curve, 0 to 9: as in scikit-learn they end at numpy.linspace(0, 1, 11), and an end is of the bin below.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'summary_privacy'),
    ('reader', 'EXECUTE', 'FUNCTION', 'ledger_hides_bins');
