DROP FUNCTION ledger_metrics(summary_outcomes, text, text[], text, text, boolean, boolean, boolean, double precision, boolean, double precision);
DROP FUNCTION ledger_summed_outcomes(text, text, timestamptz, timestamptz, smallint, text, timestamptz);
DROP FUNCTION ledger_definition(uuid[], text);
