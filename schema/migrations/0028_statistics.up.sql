-- Statistics that PostgreSQL does not have, the bins of a calibration curve, and the areas below curves.

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

CREATE FUNCTION ledger_tenth(score double precision) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN width_bucket(score, '{0.1,0.2,0.30000000000000004,0.4,0.5,0.6000000000000001,0.7000000000000001,0.8,0.9}'::double precision[])
     - (score = ANY ('{0.1,0.2,0.30000000000000004,0.4,0.5,0.6000000000000001,0.7000000000000001,0.8,0.9}'::double precision[]))::integer;
COMMENT ON FUNCTION ledger_tenth(double precision) IS
    'The bin of a calibration curve, 0 to 9: as in scikit-learn they end at numpy.linspace(0, 1, 11), and an end is of the bin below.';

CREATE FUNCTION ledger_areas(
    outcomes summary_outcomes, is_exact boolean, top_share double precision,
    OUT positives double precision, OUT negatives double precision, OUT roc_auc double precision, OUT roc_auc_error double precision,
    OUT average_precision double precision, OUT average_precision_error double precision,
    OUT lift double precision, OUT lift_error double precision, OUT roc_auc_se double precision)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT SET jit = off AS $$
BEGIN
    WITH x AS (
        SELECT u.p::double precision, u.n::double precision, coalesce(sum(u.n) OVER up, 0)::double precision AS below,
               coalesce(sum(u.p) OVER down, 0)::double precision AS a, coalesce(sum(u.p + u.n) OVER down, 0)::double precision AS b,
               sum(u.p + u.n) OVER ()::double precision AS total
        FROM unnest(outcomes.bins, outcomes.positives, outcomes.negatives) u (bin, p, n)
        WINDOW up AS (ORDER BY u.bin ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               down AS (ORDER BY u.bin DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), sides AS (
        -- Of a bin all that is known is how many: least and most precise orders, and evenly mixed ones between.
        -- Of equal probabilities at the end of the top as many positives count as their share.
        SELECT x.*, c.top, least(greatest(c.top - b, 0), p + n) AS taken,
               CASE WHEN p = 0 THEN 0 ELSE p - CASE WHEN b - a + n > 0 THEN (b - a + n) * ln((b + n + p) / (b + n)) ELSE 0 END END AS least,
               CASE WHEN p = 0 THEN 0 ELSE p * (a + p) / (b + p) END AS most,
               CASE WHEN p = 0 THEN 0 WHEN is_exact THEN p * (a + p) / (b + p + n) WHEN b = 0 THEN p * p / (p + n)
                    ELSE p * p / (p + n) + (a - b * p / (p + n)) * p / (p + n) * ln((b + p + n) / b) END AS even,
               (below + n / 2) / nullif(sum(n) OVER (), 0) AS below_share, (a + p / 2) / nullif(sum(p) OVER (), 0) AS above_share
        FROM x CROSS JOIN LATERAL (SELECT ceil(top_share * total) AS top) c
    ), s AS (
        SELECT sum(p) AS p, sum(n) AS n, sum(p * (below + n / 2)) AS outranked, sum(p * n) / 2 AS ties, sum(even) AS even,
               greatest(sum(most) - sum(even), sum(even) - sum(least)) AS margin,
               sum(p * taken / (p + n)) AS caught,
               -- DeLong, DeLong, Clarke-Pearson 1988: how often each positive is above a negative, and the other way.
               sum(p * below_share ^ 2) - sum(p * below_share) ^ 2 / nullif(sum(p), 0) AS of_positives,
               sum(n * above_share ^ 2) - sum(n * above_share) ^ 2 / nullif(sum(n), 0) AS of_negatives,
               sum(greatest(least(taken, p) - p * taken / (p + n), p * taken / (p + n) - greatest(taken - n, 0))) AS loose,
               max(top) AS top
        FROM sides
    )
    SELECT coalesce(s.p, 0), coalesce(s.n, 0), s.outranked / nullif(s.p * s.n, 0),
           CASE WHEN is_exact THEN 0 ELSE s.ties END / nullif(s.p * s.n, 0),
           s.even / nullif(s.p, 0), CASE WHEN is_exact THEN 0 ELSE s.margin END / nullif(s.p, 0),
           s.caught * (s.p + s.n) / nullif(s.top * s.p, 0),
           CASE WHEN is_exact THEN 0 ELSE s.loose END * (s.p + s.n) / nullif(s.top * s.p, 0),
           sqrt(greatest(s.of_positives, 0) / nullif(s.p * (s.p - 1), 0) + greatest(s.of_negatives, 0) / nullif(s.n * (s.n - 1), 0))
    INTO positives, negatives, roc_auc, roc_auc_error, average_precision, average_precision_error, lift, lift_error, roc_auc_se
    FROM s;
END
$$;
COMMENT ON FUNCTION ledger_areas(summary_outcomes, boolean, double precision) IS
    'What the order of the probabilities is worth. Where these are known by their bin only, each number is at most its error off.';

CREATE FUNCTION ledger_standard_error(n double precision, mean double precision, square_sum double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(mean) > 1e-150 THEN sqrt(greatest(square_sum / nullif(n, 0) - mean * mean, 0) / nullif(n - 1, 0))
            WHEN n > 1 AND mean IS NOT NULL THEN 0 END;
COMMENT ON FUNCTION ledger_standard_error(double precision, double precision, double precision) IS
    'The standard error of a mean of n values, from the sum of their squares.';
