DELETE FROM ledger_privileges WHERE object_name = 'v_feature_drift';
DROP VIEW v_feature_drift;
DROP FUNCTION ledger_outcome_series(text, text, timestamptz, timestamptz, interval);
DROP FUNCTION ledger_is_sliced(uuid[], timestamptz, timestamptz);
DROP FUNCTION ledger_latency_series(uuid[], timestamptz, timestamptz, interval);
DROP FUNCTION ledger_summary_series(uuid[], timestamptz, timestamptz, interval, text, double precision);
DROP FUNCTION ledger_spans(timestamptz, timestamptz, interval);
DROP FUNCTION ledger_bucket(timestamptz, timestamptz, interval);
