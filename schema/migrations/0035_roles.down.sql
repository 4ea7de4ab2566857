DROP FUNCTION ledger_role_statements(text);
DROP FUNCTION ledger_objects();
