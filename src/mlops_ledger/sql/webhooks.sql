-- Statements of WebhooksRepository.

-- fragment now --
-- The clock of the server, unless the caller has one.
coalesce(%(at)s::timestamptz, clock_timestamp())

-- fragment target --
-- Where and how a webhook sends.
e.webhook, e.url, e.secret, w.payload, w.template, w.allow_private

-- add --
-- Make a webhook, which begins after an event; without one, with the next.
WITH made AS (
    INSERT INTO webhooks (webhook, host, payload, template, types, model_name, allow_private, created_by)
    VALUES (%(webhook)s::text, %(host)s::text, %(payload)s::text, %(template)s::text, %(types)s::text[],
            %(model_name)s::text, %(allow_private)s::boolean, coalesce(%(created_by)s::text, session_user))
    RETURNING webhook
)
INSERT INTO webhook_endpoints (webhook, url, secret, seq)
SELECT m.webhook, %(url)s::text, %(secret)s::text, coalesce(%(after)s::bigint, h.seq) FROM made m, audit_head h
RETURNING webhook;

-- remove --
-- Forget a webhook with its deliveries.
DELETE FROM webhooks WHERE webhook = %(webhook)s::text RETURNING webhook;

-- set_enabled --
-- Send events, or keep them.
UPDATE webhooks SET enabled = %(enabled)s::boolean WHERE webhook = %(webhook)s::text RETURNING webhook;

-- read list_webhooks --
-- All webhooks by name.
SELECT w.webhook, w.host, w.payload, w.template, w.types, w.model_name, w.allow_private, w.enabled,
       w.created_at, w.created_by, e.failures, nullif(e.retry_at, '-infinity') AS retry_at,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook = w.webhook AND d.status = 'pending') AS pending,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook = w.webhook AND d.status = 'dead') AS dead
FROM webhooks w JOIN webhook_endpoints e USING (webhook)
ORDER BY w.webhook;

-- endpoint --
-- Where a webhook leads, for its test.
SELECT {target}
FROM webhook_endpoints e JOIN webhooks w USING (webhook)
WHERE e.webhook = %(webhook)s::text;

-- claim --
-- Take a webhook for a while, unless somebody else sends or it is too early.
UPDATE webhook_endpoints e SET retry_at = {now} + %(lease)s::interval
FROM webhooks w
WHERE w.webhook = e.webhook AND e.webhook = %(webhook)s::text AND w.enabled AND e.retry_at <= {now}
RETURNING {target};

-- release --
-- Give a webhook back.
UPDATE webhook_endpoints SET retry_at = {now} WHERE webhook = %(webhook)s::text RETURNING webhook;

-- queue --
-- Queue what has happened since, up to a thousand entries of the log; says whether there may be more.
WITH span AS (
    SELECT e.webhook, e.seq AS after, greatest(e.seq, least(h.seq, e.seq + 1000)) AS until, h.seq AS head
    FROM webhook_endpoints e, audit_head h
    WHERE e.webhook = %(webhook)s::text
    FOR UPDATE OF e
), queued AS (
    INSERT INTO webhook_deliveries (webhook, seq, queued_at, next_attempt_at)
    SELECT s.webhook, v.seq, {now}, {now}
    FROM span s
    JOIN webhooks w ON w.webhook = s.webhook
    JOIN v_events v ON v.seq > s.after AND v.seq <= s.until
    WHERE (w.types IS NULL OR v.type = ANY (w.types)) AND (w.model_name IS NULL OR v.model_name = w.model_name)
    ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
)
UPDATE webhook_endpoints e SET seq = s.until
FROM span s WHERE e.webhook = s.webhook
RETURNING s.until < s.head AS is_behind;

-- prune --
-- Drop what was delivered long ago, and what is no event any more: a retirement that a promotion of the same time undid.
DELETE FROM webhook_deliveries d
WHERE d.webhook = %(webhook)s::text
  AND (d.status = 'delivered' AND d.last_attempt_at < {now} - interval '30 days'
       OR d.status = 'pending' AND NOT EXISTS (SELECT FROM v_events v WHERE v.seq = d.seq))
RETURNING d.seq;

-- due --
-- What is to be sent now, in the order of events.
SELECT v.seq, v.type, v.time, current_database()::text AS database, v.subject, v.model_name, v.data
FROM (SELECT d.seq FROM webhook_deliveries d
      WHERE d.webhook = %(webhook)s::text AND d.status = 'pending' AND d.next_attempt_at <= {now}
      ORDER BY d.seq LIMIT %(limit)s::integer) q
JOIN v_events v USING (seq)
ORDER BY v.seq;

-- record_delivered --
-- An event has arrived; the webhook stays taken.
WITH delivered AS (
    UPDATE webhook_deliveries d
    SET status = 'delivered', attempts = d.attempts + 1, last_attempt_at = {now},
        status_code = %(status_code)s::integer, error = NULL
    WHERE d.webhook = %(webhook)s::text AND d.seq = %(seq)s::bigint
)
UPDATE webhook_endpoints SET failures = 0, retry_at = {now} + %(lease)s::interval
WHERE webhook = %(webhook)s::text
RETURNING webhook;

-- record_failed --
-- An event has not arrived: it, or the whole endpoint if that is down, is tried later, and given up in the end.
WITH endpoint AS (
    UPDATE webhook_endpoints
    SET failures = failures + %(is_down)s::boolean::integer,
        retry_at = {now} + CASE WHEN %(is_down)s::boolean
            THEN greatest(%(retry_after)s::interval, ledger_webhook_pause(failures)) ELSE %(lease)s::interval END
    WHERE webhook = %(webhook)s::text
    RETURNING retry_at
)
UPDATE webhook_deliveries d
SET status = CASE WHEN {now} >= d.queued_at + %(give_up_after)s::interval THEN 'dead' ELSE 'pending' END,
    attempts = d.attempts + 1, last_attempt_at = {now},
    next_attempt_at = CASE WHEN %(is_down)s::boolean THEN e.retry_at ELSE {now} + ledger_webhook_pause(d.attempts) END,
    status_code = %(status_code)s::integer, error = %(error)s::text
FROM endpoint e
WHERE d.webhook = %(webhook)s::text AND d.seq = %(seq)s::bigint
RETURNING d.status;

-- requeue --
-- Send again what was given up.
WITH requeued AS (
    UPDATE webhook_deliveries
    SET status = 'pending', queued_at = {now}, next_attempt_at = {now}
    WHERE webhook = %(webhook)s::text AND status = 'dead'
    RETURNING seq
)
SELECT count(*) FROM requeued;

-- read list_deliveries --
-- The deliveries of a webhook, newest first; the next page is before the last number of this one.
SELECT webhook, seq, status, attempts, queued_at, next_attempt_at, last_attempt_at, status_code, error
FROM webhook_deliveries
WHERE webhook = %(webhook)s::text
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(before)s::bigint IS NULL OR seq < %(before)s::bigint)
ORDER BY seq DESC
LIMIT %(limit)s::integer;
