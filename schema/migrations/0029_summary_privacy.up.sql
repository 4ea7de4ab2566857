-- Who sees which summaries.

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

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'summary_privacy'),
    ('reader', 'EXECUTE', 'FUNCTION', 'ledger_hides_bins');
