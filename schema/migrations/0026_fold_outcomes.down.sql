DROP FUNCTION ledger_fold_outcome_days(uuid, timestamptz, timestamptz);
DROP FUNCTION ledger_same_outcomes(summary_outcomes, summary_outcomes);
DROP FUNCTION ledger_add_outcomes(summary_outcomes[]);
DROP FUNCTION ledger_fold_outcomes(uuid, timestamptz, timestamptz, text);
DROP FUNCTION ledger_slices(uuid);
DROP FUNCTION ledger_outcomes(uuid[], timestamptz, timestamptz, timestamptz, text, text[], text, text, text[], double precision, text, text);
DROP FUNCTION ledger_slice_values(uuid[], timestamptz, timestamptz, text);
