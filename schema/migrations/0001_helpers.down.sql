DROP TABLE ledger_privileges;
DROP FUNCTION ledger_refuse_change();
DROP FUNCTION ledger_refuse_future(text, timestamptz);
DROP FUNCTION ledger_is_time(timestamptz);
DROP FUNCTION ledger_metric(jsonb, text);
DROP FUNCTION ledger_uuid();
