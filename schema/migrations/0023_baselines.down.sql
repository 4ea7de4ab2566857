DELETE FROM ledger_privileges WHERE object_name IN ('baselines', 'baseline_features');
DROP TABLE baseline_features;
DROP TABLE baselines;
