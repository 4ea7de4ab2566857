DROP FUNCTION ledger_fold_labels(uuid, timestamptz, timestamptz, uuid);
DROP FUNCTION ledger_fold_days(uuid, timestamptz, timestamptz);
DROP FUNCTION ledger_shift(bigint, double precision, double precision);
DROP FUNCTION ledger_fold_histogram_days(uuid, timestamptz, timestamptz);
DROP FUNCTION ledger_fold_predictions(uuid, timestamptz, timestamptz, uuid);
DROP FUNCTION ledger_series_of(uuid);
DROP FUNCTION ledger_number(jsonb);
DROP FUNCTION ledger_latency_bin(double precision);
DROP FUNCTION ledger_probability_edges();
