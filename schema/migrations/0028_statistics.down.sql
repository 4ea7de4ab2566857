DROP FUNCTION ledger_standard_error(double precision, double precision, double precision);
DROP FUNCTION ledger_areas(summary_outcomes, boolean, double precision);
DROP FUNCTION ledger_tenth(double precision);
DROP FUNCTION ledger_chi2(double precision[], double precision[], double precision);
DROP FUNCTION ledger_binomial_p_value(double precision, double precision, double precision);
DROP FUNCTION ledger_chi2_p_value(double precision, integer);
DROP FUNCTION ledger_ks_p_value(double precision, double precision, double precision);
