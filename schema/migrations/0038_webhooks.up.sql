-- Webhooks: who is told of events by HTTP, and what came of it.

CREATE TABLE webhooks (
    webhook text CONSTRAINT webhooks_pkey PRIMARY KEY
        CONSTRAINT webhooks_webhook_check CHECK (ledger_is_slug(webhook)),
    host text NOT NULL,
    payload text NOT NULL DEFAULT 'cloudevents'
        CONSTRAINT webhooks_payload_check CHECK (payload IN ('cloudevents', 'slack')),
    template text
        CONSTRAINT webhooks_template_check CHECK (template IS NULL OR char_length(template) >= 1 AND char_length(template) <= 10000 AND payload = 'slack'),
    types text[]
        CONSTRAINT webhooks_types_check CHECK (cardinality(types) >= 1 AND array_position(types, NULL) IS NULL),
    model_name text
        CONSTRAINT webhooks_model_name_check CHECK (ledger_is_name(model_name)),
    allow_private boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE webhooks IS 'Who is told of which events by HTTP. Where exactly, and the secret, is in webhook_endpoints.';
COMMENT ON COLUMN webhooks.webhook IS 'Name of the webhook.';
COMMENT ON COLUMN webhooks.host IS 'Scheme, host and port of its address.';
COMMENT ON COLUMN webhooks.payload IS 'cloudevents: the event itself; slack: a Slack message.';
COMMENT ON COLUMN webhooks.template IS 'Text of a message, with $summary or $ and a field of the event; NULL for $summary.';
COMMENT ON COLUMN webhooks.types IS 'Only events of these types; NULL for all.';
COMMENT ON COLUMN webhooks.model_name IS 'Only events about this model; NULL for all.';
COMMENT ON COLUMN webhooks.allow_private IS 'Whether its address may be a private one, and http instead of https.';
COMMENT ON COLUMN webhooks.enabled IS 'Whether events are sent; they are kept meanwhile.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was made.';
COMMENT ON COLUMN webhooks.created_by IS 'Who made it.';

-- A table of its own, so that the audit log holds no secret, and neither does what readers see.
CREATE TABLE webhook_endpoints (
    webhook text CONSTRAINT webhook_endpoints_pkey PRIMARY KEY
        CONSTRAINT webhook_endpoints_webhook_fkey REFERENCES webhooks (webhook) ON DELETE CASCADE,
    url text NOT NULL,
    secret text NOT NULL,
    seq bigint NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    retry_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE webhook_endpoints IS 'The endpoints of webhooks: address, secret and state.';
COMMENT ON COLUMN webhook_endpoints.webhook IS 'The webhook.';
COMMENT ON COLUMN webhook_endpoints.url IS 'Its address, which may be a secret; only the owner reads it.';
COMMENT ON COLUMN webhook_endpoints.secret IS 'The key that signs what is sent; only the owner reads it.';
COMMENT ON COLUMN webhook_endpoints.seq IS 'The last event that was queued for it.';
COMMENT ON COLUMN webhook_endpoints.failures IS 'Consecutive failures: no answer, or a server error.';
COMMENT ON COLUMN webhook_endpoints.retry_at IS 'When to try it next; while somebody is sending, when others may take over.';

CREATE TABLE webhook_deliveries (
    webhook text NOT NULL
        CONSTRAINT webhook_deliveries_webhook_fkey REFERENCES webhooks (webhook) ON DELETE CASCADE,
    seq bigint NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    last_attempt_at timestamptz,
    status_code integer,
    error text,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook, seq)
);
CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (webhook, seq) WHERE status = 'pending';
COMMENT ON TABLE webhook_deliveries IS 'Every event that a webhook sends or has sent; what was delivered goes after 30 days.';
COMMENT ON COLUMN webhook_deliveries.webhook IS 'The webhook.';
COMMENT ON COLUMN webhook_deliveries.seq IS 'The event.';
COMMENT ON COLUMN webhook_deliveries.status IS 'pending, delivered, or dead: given up.';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'How often it was sent.';
COMMENT ON COLUMN webhook_deliveries.queued_at IS 'When it was queued, or requeued.';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'When it is sent next, while it is pending.';
COMMENT ON COLUMN webhook_deliveries.last_attempt_at IS 'When it was sent last.';
COMMENT ON COLUMN webhook_deliveries.status_code IS 'The HTTP status of the last answer; NULL when there was none.';
COMMENT ON COLUMN webhook_deliveries.error IS 'What was wrong with the last attempt.';

CREATE FUNCTION ledger_webhook_pause(failures integer) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(interval '10 seconds' * 2 ^ least(failures, 20), interval '1 hour');
COMMENT ON FUNCTION ledger_webhook_pause(integer) IS
    'How long to wait after so many failures before this one: 10 s, then twice as long each time, up to an hour.';

SELECT ledger_audit('webhooks', 'policy', '{created_by}');

INSERT INTO ledger_privileges (role, privilege, object_type, object_name, columns) VALUES
    ('reader', 'SELECT', 'TABLE', 'webhooks', NULL),
    ('reader', 'SELECT', 'TABLE', 'webhook_deliveries', NULL),
    ('reader', 'SELECT', 'TABLE', 'webhook_endpoints', '{webhook,seq,failures,retry_at}');
