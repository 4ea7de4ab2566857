DELETE FROM ledger_privileges WHERE object_name IN ('fold_summaries', 'rebuild_summaries');
DROP FUNCTION rebuild_summaries(uuid);
DROP FUNCTION ledger_keep_history(text, timestamptz, timestamptz, uuid[]);
DROP FUNCTION ledger_fold_in_passing(uuid, timestamptz, timestamptz);
DROP FUNCTION fold_summaries(uuid, timestamptz, timestamptz, integer, boolean, interval);
DROP FUNCTION ledger_workers_behind();
DROP FUNCTION ledger_fold_span(uuid, text, timestamptz, timestamptz);
DROP FUNCTION ledger_hours(timestamptz, timestamptz);
