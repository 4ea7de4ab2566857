-- Statements of EventsRepository.

-- fragment consumer --
-- The columns of a consumer.
consumer, seq, db_role, created_at, moved_at

-- head --
-- The last entry of the log.
SELECT event_head();

-- fragment wanted --
-- Which events.
(%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
AND (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)

-- read list_events --
-- Events in the order of commits; the next page is after the last number of this one.
SELECT seq, type, time, current_database()::text AS database, subject, model_name, data
FROM v_events
WHERE seq > %(after)s::bigint
  AND (%(until)s::bigint IS NULL OR seq <= %(until)s::bigint)
  AND {wanted}
ORDER BY seq
LIMIT %(limit)s::integer;

-- read before_latest --
-- The number after which the last so many events come.
SELECT coalesce(min(l.seq) - 1, 0)
FROM (SELECT seq FROM v_events WHERE {wanted} ORDER BY seq DESC LIMIT %(limit)s::integer) l;

-- read list_types --
-- All types.
SELECT type, description, fields FROM v_event_types;

-- start_consumer --
-- Where a consumer is; a new one is made.
SELECT {consumer} FROM start_event_consumer(%(consumer)s::text, %(after)s::bigint);

-- move_consumer --
-- Remember what a consumer has dealt with.
SELECT {consumer} FROM move_event_consumer(%(consumer)s::text, %(seq)s::bigint);

-- remove_consumer --
-- Forget a consumer.
SELECT remove_event_consumer(%(consumer)s::text);

-- read list_consumers --
-- All consumers by name.
SELECT {consumer} FROM event_consumers ORDER BY consumer;
