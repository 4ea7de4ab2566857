DELETE FROM ledger_privileges WHERE object_name IN ('promote', 'retire', 'rollback');
DROP FUNCTION retire(text, text, text, text, timestamptz, uuid);
DROP FUNCTION rollback(text, text, text, text, timestamptz, uuid);
DROP FUNCTION promote(text, text, text, text, text, uuid, timestamptz, uuid, uuid);
DROP FUNCTION ledger_deploy(model_slots, uuid, text, text, uuid, uuid, uuid, timestamptz, uuid);
DROP FUNCTION ledger_slot_timestamp(integer, timestamptz);
DROP FUNCTION ledger_require_person(text, text);
