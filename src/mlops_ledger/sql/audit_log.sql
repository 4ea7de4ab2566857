-- Statements of AuditRepository.

-- fragment entry --
-- The columns of an entry.
seq, recorded_at, db_role, actor, event, object_table, object_id, before, after,
encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash

-- fragment entry_text --
-- The text of an entry that is hashed, as ledger_audit_text() has it, but with functions that the owner cannot replace.
'{"seq": ' || seq::text
    || ', "recorded_at": ' || pg_catalog.left(pg_catalog.to_json(recorded_at AT TIME ZONE 'UTC')::text, -1) || 'Z"'
    || ', "db_role": ' || pg_catalog.to_json(db_role)::text
    || ', "actor": ' || pg_catalog.to_json(actor)::text
    || ', "event": ' || pg_catalog.to_json(event)::text
    || ', "object_table": ' || pg_catalog.to_json(object_table)::text
    || ', "object_id": ' || pg_catalog.to_json(object_id)::text
    || coalesce(', "before": ' || before::text, '')
    || coalesce(', "after": ' || after::text, '')
    || ', "prev_hash": "' || pg_catalog.encode(prev_hash, 'hex') || '"}'

-- read get --
-- One entry.
SELECT {entry}
FROM audit_log WHERE seq = %(seq)s::bigint;

-- read list_entries --
-- Entries, newest first; the next page is before the last number of this one.
SELECT {entry}
FROM audit_log
WHERE (%(event)s::text IS NULL OR event = %(event)s::text)
  AND (%(actor)s::text IS NULL OR actor = %(actor)s::text)
  AND (%(object_table)s::text IS NULL OR object_table = %(object_table)s::text)
  AND (%(object_id)s::text IS NULL OR object_id = %(object_id)s::text)
  AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s::timestamptz)
  AND (%(before)s::bigint IS NULL OR seq < %(before)s::bigint)
ORDER BY seq DESC
LIMIT %(limit)s::integer;

-- head --
-- The end of the log.
SELECT seq, encode(hash, 'hex') AS hash FROM audit_head;

-- head__seal --
-- Append what waits in the queue, for whoever may.
SELECT CASE WHEN has_function_privilege('seal_audit_log()', 'EXECUTE') THEN seal_audit_log() END;

-- verify__ends --
-- The last entry, the end of the log as audit_head has it, and the hash of another entry.
SELECT coalesce(l.seq, 0) AS last_seq, pg_catalog.encode(l.hash, 'hex') AS last_hash,
       (SELECT h.seq FROM audit_head h) AS head_seq,
       (SELECT pg_catalog.encode(h.hash, 'hex') FROM audit_head h) AS head_hash,
       (SELECT pg_catalog.encode(s.hash, 'hex') FROM audit_log s WHERE s.seq = %(since_seq)s::bigint) AS since_hash
FROM (VALUES (1)) one
LEFT JOIN (SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1) l ON true;

-- verify__page --
-- The next entries: what links them, and whether each has the hash of its content.
SELECT seq, pg_catalog.encode(prev_hash, 'hex') AS prev_hash, pg_catalog.encode(hash, 'hex') AS hash,
       hash IS NOT DISTINCT FROM pg_catalog.sha256(pg_catalog.convert_to({entry_text}, 'UTF8')) AS is_intact
FROM audit_log
WHERE (%(after_seq)s::bigint IS NULL OR seq > %(after_seq)s::bigint) AND seq <= %(until_seq)s::bigint
ORDER BY seq
LIMIT %(limit)s::integer;

-- export --
-- Entries as lines, oldest first: each has the text that is hashed, as it is.
SELECT seq, '{"hash": "' || pg_catalog.encode(hash, 'hex') || '", "entry": ' || {entry_text} || '}' AS line
FROM audit_log
WHERE %(after)s::bigint IS NULL OR seq > %(after)s::bigint
ORDER BY seq
LIMIT %(limit)s::integer;
