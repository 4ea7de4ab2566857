DELETE FROM ledger_privileges WHERE object_name IN ('correct_version', 'withdraw_version');
DROP FUNCTION correct_version(text, text, text, text, jsonb, jsonb, text[], text, text[], text, bigint, text, text, text, text);
DROP FUNCTION withdraw_version(text, text, text, text);
DROP FUNCTION ledger_lock_unused_version(text, text);
