DROP TABLE baseline_features;
DROP TABLE baselines;
