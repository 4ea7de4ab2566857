DROP FUNCTION ledger_refuse_change();
DROP FUNCTION ledger_person(text);
DROP FUNCTION ledger_metric(jsonb, text);
DROP FUNCTION ledger_uuid_time(uuid);
DROP FUNCTION ledger_uuid_floor(timestamptz);
DROP FUNCTION ledger_uuid();
