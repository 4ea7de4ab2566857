DELETE FROM ledger_privileges
WHERE object_name IN ('mark_summaries', 'summary_marks', 'summary_states', 'summaries', 'summary_histograms',
                      'summary_outcomes', 'summary_slices');
DROP TRIGGER models_recount_slices ON models;
DROP FUNCTION models_recount_slices();
DROP TRIGGER model_versions_mark_outcomes ON model_versions;
DROP TRIGGER observed_outcomes_mark_outcomes ON observed_outcomes;
DROP FUNCTION ledger_mark_outcomes();
DROP FUNCTION ledger_still_counts(summary_outcomes, text, text[], text);
DROP TRIGGER baselines_mark_summaries ON baselines;
DROP FUNCTION baselines_mark_summaries();
DROP TRIGGER prediction_batches_mark_summaries ON prediction_batches;
DROP FUNCTION prediction_batches_mark_summaries();
DROP FUNCTION mark_summaries(text, text, timestamptz, timestamptz);
DROP TABLE summary_outcomes;
DROP TABLE summary_slices;
DROP TABLE summary_histograms;
DROP TABLE summaries;
DROP TABLE summary_states;
DROP TABLE summary_marks;
