DELETE FROM ledger_privileges WHERE object_name = 'models';
DROP FUNCTION ledger_lock_model(text);
DROP FUNCTION ledger_require_known_model(text, timestamptz);
DROP TABLE models;
DROP FUNCTION models_before_write();
