DROP FUNCTION ledger_summary(uuid, timestamptz, timestamptz, text, double precision);
