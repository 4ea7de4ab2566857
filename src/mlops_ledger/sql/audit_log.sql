-- Statements of AuditRepository.

-- fragment entry --
-- The columns of an entry.
seq, recorded_at, db_role, actor, event, object_table, object_id, before, after,
encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash

-- get --
-- One entry.
SELECT {entry}
FROM audit_log WHERE seq = %(seq)s::bigint;

-- list_entries --
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

-- verify --
-- The first entry that does not fit the one before, the published head or the end of the log.
SELECT coalesce(l.seq, 0) || ':' || coalesce(encode(l.hash, 'hex'), repeat('00', 32)) AS head,
       found.seq AS broken_seq, found.problem
FROM (VALUES (1)) one
LEFT JOIN (SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1) l ON true
LEFT JOIN audit_head h ON true
LEFT JOIN LATERAL (
    (SELECT 1 AS step,
            CASE WHEN c.seq > c.expected THEN c.expected ELSE c.seq END AS seq,
            CASE WHEN c.seq < c.expected THEN 'was inserted'
                 WHEN c.seq = c.expected + 1 THEN 'is missing'
                 WHEN c.seq > c.expected THEN format('is missing, and all up to %%s', c.seq - 1)
                 WHEN NOT c.intact THEN 'was changed: its hash is not that of its content'
                 ELSE format('does not continue entry %%s: one of the two was replaced', c.seq - 1) END AS problem
     FROM (SELECT a.seq, a.intact,
                  coalesce(lag(a.seq) OVER (ORDER BY a.seq), 0) + 1 AS expected,
                  a.prev_hash = coalesce(lag(a.hash) OVER (ORDER BY a.seq), decode(repeat('00', 32), 'hex')) AS linked
           FROM (SELECT e.seq, e.hash, e.prev_hash,
                        ledger_audit_hash(e) IS NOT DISTINCT FROM e.hash AS intact
                 FROM audit_log e) a) c
     WHERE c.seq <> c.expected OR NOT c.intact OR NOT c.linked
     ORDER BY c.seq LIMIT 1)
    UNION ALL
    SELECT 2, l.seq + 1, 'is missing: the log ends before the published head'
    WHERE coalesce(l.seq, 0) < %(published_seq)s::bigint
    UNION ALL
    SELECT 3, %(published_seq)s::bigint, 'is not the published one: it, or one before it, was replaced'
    WHERE decode(%(published_hash)s::text, 'hex') <> coalesce(
        (SELECT p.hash FROM audit_log p WHERE p.seq = %(published_seq)s::bigint), decode(repeat('00', 32), 'hex'))
    UNION ALL
    SELECT 4, least(h.seq, coalesce(l.seq, 0)) + 1,
           CASE WHEN h.seq IS NULL THEN 'cannot be written: audit_head is empty'
                WHEN h.seq > coalesce(l.seq, 0) THEN format('is missing: the log ended with entry %%s', h.seq)
                ELSE format('was inserted: the log ended with entry %%s', h.seq) END
    WHERE h.seq IS DISTINCT FROM coalesce(l.seq, 0)
    UNION ALL
    SELECT 5, l.seq, 'is not the one that was written last'
    WHERE h.seq = coalesce(l.seq, 0) AND h.hash <> coalesce(l.hash, decode(repeat('00', 32), 'hex'))
    ORDER BY seq, step LIMIT 1) found ON true;

-- verify__be_patient --
-- Let a statement that reads everything take its time.
SET LOCAL statement_timeout = 0;

-- export --
-- Entries as lines, oldest first: each has the text that is hashed, as it is.
SELECT e.seq, '{"hash": "' || encode(e.hash, 'hex') || '", "entry": ' || ledger_audit_text(e) || '}' AS line
FROM audit_log e
WHERE %(after)s::bigint IS NULL OR e.seq > %(after)s::bigint
ORDER BY e.seq
LIMIT %(limit)s::integer;
