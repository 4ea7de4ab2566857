DELETE FROM ledger_privileges WHERE object_name = 'v_feature_drift';
DROP VIEW v_feature_drift;
DROP FUNCTION ledger_is_sliced(uuid[], timestamptz, timestamptz);
DROP FUNCTION ledger_summary(uuid, timestamptz, timestamptz, text, double precision);
