DROP FUNCTION ledger_drift(uuid, uuid, timestamptz, timestamptz, timestamptz, timestamptz);
DROP FUNCTION ledger_histogram(uuid, uuid, timestamptz, timestamptz);
