DELETE FROM ledger_privileges
WHERE object_name IN ('mark_summaries', 'summary_marks', 'summary_states', 'summaries', 'summary_histograms');
DROP TRIGGER baselines_mark_summaries ON baselines;
DROP FUNCTION baselines_mark_summaries();
DROP TRIGGER prediction_batches_mark_summaries ON prediction_batches;
DROP FUNCTION prediction_batches_mark_summaries();
DROP FUNCTION mark_summaries(text, text, timestamptz, timestamptz);
DROP TABLE summary_histograms;
DROP TABLE summaries;
DROP TABLE summary_states;
DROP TABLE summary_marks;
