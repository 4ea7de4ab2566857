DROP FUNCTION ledger_run_in_turn(text);
DROP FUNCTION ledger_take_turn(text[], text, text);
