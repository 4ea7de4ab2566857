DELETE FROM ledger_privileges
WHERE object_name IN ('event_consumers', 'start_event_consumer', 'move_event_consumer', 'remove_event_consumer');
DROP FUNCTION remove_event_consumer(text);
DROP FUNCTION move_event_consumer(text, bigint);
DROP FUNCTION start_event_consumer(text, bigint);
DROP FUNCTION ledger_require_event_consumer(text);
DROP TABLE event_consumers;
