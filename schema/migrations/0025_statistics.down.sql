DROP FUNCTION ledger_drift(uuid, uuid, timestamptz, timestamptz, timestamptz, timestamptz);
DROP FUNCTION ledger_histogram(uuid, uuid, timestamptz, timestamptz);
DROP FUNCTION ledger_chi2_p_value(double precision, integer);
DROP FUNCTION ledger_ks_p_value(double precision, double precision, double precision);
DROP FUNCTION ledger_tenth(double precision);
