DELETE FROM ledger_privileges
WHERE object_name IN ('audit_head', 'audit_log', 'audit_queue', 'deletions', 'seal_audit_log');
DROP FUNCTION ledger_audit(text, text, text[], text, text);
-- CASCADE takes the triggers of the audited tables with it.
DROP FUNCTION ledger_audit_row() CASCADE;
DROP FUNCTION seal_audit_log();
DROP FUNCTION ledger_seal_audit_queue();
DROP FUNCTION ledger_append_audit(audit_log);
DROP FUNCTION ledger_lock_audit_head();
DROP FUNCTION ledger_audit_hash(audit_log);
DROP FUNCTION ledger_audit_text(audit_log);
DROP TABLE audit_queue;
DROP FUNCTION audit_queue_seal();
DROP TABLE audit_head;
DROP TABLE audit_log;
DROP FUNCTION audit_log_move_head();
DROP TABLE deletions;
