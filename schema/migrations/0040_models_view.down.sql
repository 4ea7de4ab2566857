DELETE FROM ledger_privileges WHERE object_name = 'v_models';
DROP VIEW v_models;
