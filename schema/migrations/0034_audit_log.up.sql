-- Who changed what: a log that the database writes itself, each entry sealed with a hash of all before it.

CREATE TABLE deletions (
    id uuid CONSTRAINT deletions_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    deleted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL
        CONSTRAINT deletions_reason_check CHECK (reason IN ('retention', 'erasure')),
    table_name text NOT NULL,
    partition text,
    num_rows bigint
        CONSTRAINT deletions_num_rows_check CHECK (num_rows > 0),
    bytes bigint
);
CREATE INDEX deletions_table_name_idx ON deletions (table_name, deleted_at DESC);
COMMENT ON TABLE deletions IS
    'What was deleted on purpose: partitions dropped, old rows trimmed, requests erased; written in the transaction that deletes, and never with what the rows held.';
COMMENT ON COLUMN deletions.id IS 'Time-ordered id (UUIDv7).';
COMMENT ON COLUMN deletions.deleted_at IS 'When it was deleted.';
COMMENT ON COLUMN deletions.reason IS 'retention: older than it has to be kept; erasure: somebody asked for it.';
COMMENT ON COLUMN deletions.table_name IS 'The table that lost rows.';
COMMENT ON COLUMN deletions.partition IS 'The partition that was dropped or trimmed, if it was a single one.';
COMMENT ON COLUMN deletions.num_rows IS 'Number of rows deleted; NULL for a partition that was dropped, which nobody counts.';
COMMENT ON COLUMN deletions.bytes IS 'Size of the partition that was dropped, with its indexes.';

CREATE TRIGGER deletions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON deletions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TABLE audit_log (
    seq bigint CONSTRAINT audit_log_pkey PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    db_role text NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    object_table text NOT NULL,
    object_id text NOT NULL,
    before jsonb,
    after jsonb,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX audit_log_object_idx ON audit_log (object_table, object_id, seq);
CREATE INDEX audit_log_event_idx ON audit_log (event, seq);
CREATE INDEX audit_log_actor_idx ON audit_log (actor, seq);
CREATE INDEX audit_log_recorded_at_idx ON audit_log USING brin (recorded_at);
COMMENT ON TABLE audit_log IS
    'Every change to what is in production, decisions, approvals, alerts, monitoring runs, drift reports, policies and deletions, and every correction of what was registered. Append-only, and chained: each hash covers the entry and the hash before it.';
COMMENT ON COLUMN audit_log.seq IS 'Number of the entry: 1, 2, 3 without a gap.';
COMMENT ON COLUMN audit_log.recorded_at IS 'When the entry was written, by the clock of the server.';
COMMENT ON COLUMN audit_log.db_role IS 'The role that was connected, as the server knows it.';
COMMENT ON COLUMN audit_log.actor IS 'Who did it, as the application says: the name in the row, else the setting mlops_ledger.actor, else the role.';
COMMENT ON COLUMN audit_log.event IS 'promotion, rollback, retirement, decision, action, alert, monitoring_run, drift_report, policy, correction, withdrawal, retention or erasure.';
COMMENT ON COLUMN audit_log.object_table IS 'The table that was changed.';
COMMENT ON COLUMN audit_log.object_id IS 'Primary key of the row that was changed.';
COMMENT ON COLUMN audit_log.before IS 'The row before; NULL when it was inserted.';
COMMENT ON COLUMN audit_log.after IS 'The row after; NULL when it was deleted.';
COMMENT ON COLUMN audit_log.prev_hash IS 'Hash of the entry before; 32 zero bytes in the first.';
COMMENT ON COLUMN audit_log.hash IS 'SHA-256 of the text of the entry, see ledger_audit_text.';

-- A sequence would number entries before their transactions commit, in another order and with gaps.
CREATE TABLE audit_head (
    id boolean CONSTRAINT audit_head_pkey PRIMARY KEY DEFAULT true
        CONSTRAINT audit_head_one_row_check CHECK (id),
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
COMMENT ON TABLE audit_head IS
    'The head of audit_log, one row: writing an entry locks it, at commit.';
COMMENT ON COLUMN audit_head.id IS 'Always true, so that there is one row.';
COMMENT ON COLUMN audit_head.seq IS 'Number of the last entry; 0 before the first.';
COMMENT ON COLUMN audit_head.hash IS 'Hash of the last entry; 32 zero bytes before the first.';
INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_queue (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_queue_pkey PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    db_role text NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    object_table text NOT NULL,
    object_id text NOT NULL,
    before jsonb,
    after jsonb
);
COMMENT ON TABLE audit_queue IS
    'Entries of transactions that found the end of the log taken; the next that has it appends them. Usually empty.';
COMMENT ON COLUMN audit_queue.id IS 'Number in the queue.';
COMMENT ON COLUMN audit_queue.recorded_at IS 'When the entry was written.';
COMMENT ON COLUMN audit_queue.db_role IS 'The role that was connected.';
COMMENT ON COLUMN audit_queue.actor IS 'Who did it, as the application says.';
COMMENT ON COLUMN audit_queue.event IS 'What happened, as in audit_log.';
COMMENT ON COLUMN audit_queue.object_table IS 'The table that was changed.';
COMMENT ON COLUMN audit_queue.object_id IS 'Primary key of the row that was changed.';
COMMENT ON COLUMN audit_queue.before IS 'The row before; NULL when it was inserted.';
COMMENT ON COLUMN audit_queue.after IS 'The row after; NULL when it was deleted.';
CREATE TRIGGER audit_queue_append_only
    BEFORE UPDATE OR TRUNCATE ON audit_queue
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER audit_head_append_only
    BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER audit_head_goes_on
    BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.seq <= OLD.seq)
    EXECUTE FUNCTION ledger_refuse_change();

-- Text of one meaning on every server: JSON delimits the fields, jsonb has one spelling, and the time as
-- JSON does not depend on DateStyle or TimeZone. A row that is NULL is left out, not the same as 'null'.
CREATE FUNCTION ledger_audit_text(entry audit_log) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN '{"seq": ' || (entry).seq::text
    || ', "recorded_at": ' || left(to_json((entry).recorded_at AT TIME ZONE 'UTC')::text, -1) || 'Z"'
    || ', "db_role": ' || to_json((entry).db_role)::text
    || ', "actor": ' || to_json((entry).actor)::text
    || ', "event": ' || to_json((entry).event)::text
    || ', "object_table": ' || to_json((entry).object_table)::text
    || ', "object_id": ' || to_json((entry).object_id)::text
    || coalesce(', "before": ' || (entry).before::text, '')
    || coalesce(', "after": ' || (entry).after::text, '')
    || ', "prev_hash": "' || encode((entry).prev_hash, 'hex') || '"}';
COMMENT ON FUNCTION ledger_audit_text(audit_log) IS
    'The text of an entry that is hashed: a JSON object of all fields but the hash.';

CREATE FUNCTION ledger_audit_hash(entry audit_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(ledger_audit_text(entry), 'UTF8'));
COMMENT ON FUNCTION ledger_audit_hash(audit_log) IS
    'The hash that an entry must have: SHA-256 of its text in UTF-8.';

-- Whoever has constraints checked at once holds the end of the log until the end of the transaction, and so does
-- one whose connection hangs in its commit. Nobody has to wait for them: an entry then goes to the queue, and the
-- next transaction that has the end of the log seals it. The wait is shorter than deadlock_timeout, and a
-- transaction of many entries waits once.
CREATE FUNCTION ledger_lock_audit_head() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '250ms' AS $$
BEGIN
    PERFORM FROM audit_head FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        RETURN true;
    ELSIF current_setting('mlops_ledger.waited_for_audit_head', true) = pg_current_xact_id()::text THEN
        RETURN false;
    END IF;
    BEGIN
        PERFORM FROM audit_head FOR UPDATE;
        RETURN true;
    EXCEPTION WHEN lock_not_available THEN
        PERFORM set_config('mlops_ledger.waited_for_audit_head', pg_current_xact_id()::text, true);
        RETURN false;
    END;
END
$$;
COMMENT ON FUNCTION ledger_lock_audit_head() IS
    'Locks the end of the log until the end of the transaction; false when somebody else keeps it for longer.';
REVOKE ALL ON FUNCTION ledger_lock_audit_head() FROM PUBLIC;

CREATE FUNCTION ledger_append_audit(entry audit_log) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
-- A plan made while the log was nearly empty is kept for a whole transaction of many entries. What is off costs so
-- much before version 18 that the server would compile the plan, which takes a tenth of a second for each entry.
SET enable_seqscan = off SET enable_sort = off SET jit = off AS $$
DECLARE
    is_behind boolean;
BEGIN
    -- The head may be behind the entries of this transaction, and is ahead of the log if that was cut, which
    -- leaves a gap.
    SELECT greatest(h.seq, l.seq) + 1, CASE WHEN l.seq > h.seq THEN l.hash ELSE h.hash END, l.seq > h.seq
    INTO STRICT entry.seq, entry.prev_hash, is_behind
    FROM audit_head h LEFT JOIN (SELECT a.seq, a.hash FROM audit_log a ORDER BY a.seq DESC LIMIT 1) l ON true;
    entry.hash := ledger_audit_hash(entry);
    INSERT INTO audit_log SELECT entry.*;
    IF entry.seq % 100 <> 0 AND is_behind IS NOT TRUE THEN
        UPDATE audit_head SET seq = entry.seq, hash = entry.hash;
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_append_audit(audit_log) IS
    'Numbers and seals an entry and appends it; the end of the log is locked.';
REVOKE ALL ON FUNCTION ledger_append_audit(audit_log) FROM PUBLIC;

-- The only way out of the queue leads into the log, also for whoever deletes from it by hand.
CREATE FUNCTION audit_queue_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    entry audit_log;
BEGIN
    PERFORM FROM audit_head FOR UPDATE;
    entry.recorded_at := OLD.recorded_at;
    entry.db_role := OLD.db_role;
    entry.actor := OLD.actor;
    entry.event := OLD.event;
    entry.object_table := OLD.object_table;
    entry.object_id := OLD.object_id;
    entry.before := OLD.before;
    entry.after := OLD.after;
    PERFORM ledger_append_audit(entry);
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION audit_queue_seal() IS 'Trigger of audit_queue: an entry that is deleted is appended to audit_log.';
REVOKE ALL ON FUNCTION audit_queue_seal() FROM PUBLIC;

CREATE TRIGGER audit_queue_seal
    BEFORE DELETE ON audit_queue
    FOR EACH ROW EXECUTE FUNCTION audit_queue_seal();

CREATE FUNCTION ledger_seal_audit_queue() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    queued bigint;
    sealed bigint := 0;
BEGIN
    FOR queued IN SELECT q.id FROM audit_queue q ORDER BY q.id LOOP
        DELETE FROM audit_queue q WHERE q.id = queued;
        sealed := sealed + 1;
    END LOOP;
    RETURN sealed;
END
$$;
COMMENT ON FUNCTION ledger_seal_audit_queue() IS
    'Appends the entries that wait in audit_queue, and returns how many; the end of the log is locked.';
REVOKE ALL ON FUNCTION ledger_seal_audit_queue() FROM PUBLIC;

CREATE FUNCTION seal_audit_log() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean OR NOT EXISTS (SELECT FROM audit_queue)
       OR NOT ledger_lock_audit_head() THEN
        RETURN 0;
    END IF;
    RETURN ledger_seal_audit_queue();
END
$$;
COMMENT ON FUNCTION seal_audit_log() IS
    'Appends the entries that wait in audit_queue, if the end of the log is free, and returns how many. Every audited commit does the same.';
REVOKE ALL ON FUNCTION seal_audit_log() FROM PUBLIC;

-- SECURITY DEFINER, because nobody else may write the log. The search_path is the ledger's schema and,
-- last, pg_temp: no temporary table can stand in for the log, and only who may create objects in the
-- ledger's schema could deceive it. The other settings write a row in the same way for every client.
CREATE FUNCTION ledger_audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1 AS $$
DECLARE
    entry audit_log;
    actors text[] := TG_ARGV[2];
    name text;
BEGIN
    entry.before := to_jsonb(OLD);
    entry.after := to_jsonb(NEW);
    IF entry.before = entry.after THEN
        RETURN NULL;
    END IF;
    entry.event := TG_ARGV[0];
    entry.object_table := TG_TABLE_NAME;
    FOREACH name IN ARRAY TG_ARGV[1]::text[] LOOP
        entry.object_id := concat_ws('/', entry.object_id, coalesce(entry.after, entry.before) ->> name);
    END LOOP;
    entry.db_role := session_user;
    FOREACH name IN ARRAY actors LOOP
        -- Of several, those that were filled in before belong to earlier changes.
        IF entry.actor IS NULL
           AND (cardinality(actors) = 1 OR (entry.after ->> name) IS DISTINCT FROM (entry.before ->> name)) THEN
            entry.actor := entry.after ->> name;
        END IF;
    END LOOP;
    IF entry.actor IS NULL THEN
        PERFORM ledger_require_person('mlops_ledger.actor', nullif(current_setting('mlops_ledger.actor', true), ''));
    END IF;
    entry.actor := coalesce(entry.actor, nullif(current_setting('mlops_ledger.actor', true), ''), session_user);
    entry.recorded_at := clock_timestamp();
    -- A session may give up waiting for the disk or a standby for its predictions, not for what is audited.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF ledger_lock_audit_head() THEN
        PERFORM ledger_seal_audit_queue();
        PERFORM ledger_append_audit(entry);
    ELSE
        INSERT INTO audit_queue (recorded_at, db_role, actor, event, object_table, object_id, before, after)
        VALUES (entry.recorded_at, entry.db_role, entry.actor, entry.event, entry.object_table, entry.object_id,
                entry.before, entry.after);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ledger_audit_row() IS
    'Trigger of audited tables: appends the change of a row to audit_log. Takes the event, the columns of the primary key and those that may name who did it.';
REVOKE ALL ON FUNCTION ledger_audit_row() FROM PUBLIC;

CREATE FUNCTION audit_log_move_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE audit_head h SET seq = l.seq, hash = l.hash
    FROM (SELECT a.seq, a.hash FROM audit_log a ORDER BY a.seq DESC LIMIT 1) l
    WHERE l.seq > h.seq;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit_log_move_head() IS
    'Trigger of audit_log: moves the head to the last entry.';
REVOKE ALL ON FUNCTION audit_log_move_head() FROM PUBLIC;

-- A row updated a thousand times in one transaction is a thousand versions, each of which the next update
-- has to step over. So every hundredth entry leaves the head behind, and so do those that follow it in its
-- transaction; deferred, this moves the head after the last of them was written.
CREATE CONSTRAINT TRIGGER audit_log_move_head
    AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.seq % 100 = 0) EXECUTE FUNCTION audit_log_move_head();

CREATE FUNCTION ledger_audit(
    table_name text, event text, actors text[] DEFAULT '{}', change text DEFAULT 'INSERT OR UPDATE OR DELETE',
    condition text DEFAULT 'true')
RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    key text[] := ARRAY(
        SELECT a.attname FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = table_name::regclass AND i.indisprimary
        ORDER BY array_position(i.indkey::smallint[], a.attnum));
BEGIN
    -- Deferred, so that the end of the log is locked for the time of a commit only, and by transactions
    -- that wait for nothing else any more: they cannot deadlock, in whatever order they change things. Who has
    -- constraints checked at once gives that up for itself alone, see ledger_lock_audit_head().
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER %I AFTER %s ON %I DEFERRABLE INITIALLY DEFERRED'
        ' FOR EACH ROW WHEN (%s) EXECUTE FUNCTION ledger_audit_row(%L, %L, %L)',
        format('%s_audit_%s_%s', table_name, event, lower(split_part(change, ' ', 1) COLLATE "C")),
        change, table_name, condition, event, key, actors);
END
$$;
COMMENT ON FUNCTION ledger_audit(text, text, text[], text, text) IS
    'Has changes to a table audited as an event. The actor is the first of the named columns that a change filled in; a single column always names it.';
REVOKE ALL ON FUNCTION ledger_audit(text, text, text[], text, text) FROM PUBLIC;

SELECT ledger_audit('model_deployments', 'promotion', '{deployed_by}', 'INSERT', 'NEW.restores_id IS NULL'),
       ledger_audit('model_deployments', 'rollback', '{deployed_by}', 'INSERT', 'NEW.restores_id IS NOT NULL'),
       ledger_audit('model_deployments', 'retirement', '{retired_by}', 'UPDATE'),
       ledger_audit('retraining_decisions', 'decision', '{decided_by}', 'INSERT'),
       ledger_audit('agent_actions', 'action', '{executed_by,reviewed_by,requested_by}', 'INSERT'),
       ledger_audit('agent_actions', 'action', '{executed_by,reviewed_by,requested_by}', 'UPDATE', 'OLD.status <> NEW.status'),
       ledger_audit('alerts', 'alert', '{}', 'INSERT'),
       ledger_audit('alerts', 'alert', '{resolved_by,acknowledged_by,snoozed_by}', 'UPDATE',
                    'OLD.status <> NEW.status OR OLD.severity <> NEW.severity OR OLD.snoozed_until IS DISTINCT FROM NEW.snoozed_until'),
       ledger_audit('monitoring_metrics', 'monitoring_run', '{}', 'INSERT'),
       ledger_audit('drift_reports', 'drift_report', '{}', 'INSERT'),
       ledger_audit('promotion_policies', 'policy', '{updated_by}'),
       ledger_audit('monitors', 'policy', '{removed_by,created_by}'),
       ledger_audit('partition_policies', 'policy'),
       ledger_audit('summary_privacy', 'policy'),
       ledger_audit('deletions', 'retention', '{}', 'INSERT', 'NEW.reason = ''retention'''),
       ledger_audit('deletions', 'erasure', '{}', 'INSERT', 'NEW.reason = ''erasure''');

-- What was recorded once and is not expected to change.
SELECT ledger_audit(t.name, 'correction', '{}', 'UPDATE OR DELETE')
FROM unnest('{monitoring_metrics, performance_metrics}'::text[]) t (name);
SELECT ledger_audit('models', 'correction', '{}', 'DELETE'),
       -- A version that is registered touches its model.
       ledger_audit('models', 'correction', '{}', 'UPDATE',
                    '(OLD.description, OLD.slice_key, OLD.tags, OLD.created_at, OLD.created_by) IS DISTINCT FROM'
                    ' (NEW.description, NEW.slice_key, NEW.tags, NEW.created_at, NEW.created_by)'),
       -- The row of a version that is deleted is kept by its withdrawal, with who did it.
       ledger_audit('withdrawn_versions', 'withdrawal', '{withdrawn_by}', 'INSERT'),
       -- Stages follow deployments, which are audited; tags are notes.
       ledger_audit('model_versions', 'correction', '{}', 'UPDATE', format('(%s) IS DISTINCT FROM (%s)',
                    string_agg(format('OLD.%I', a.attname), ', '), string_agg(format('NEW.%I', a.attname), ', ')))
FROM pg_attribute a
WHERE a.attrelid = 'model_versions'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND a.attname <> ALL ('{stage, tags, promoted_at, promoted_by}');

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('auditor', 'SELECT', 'TABLE', 'deletions'),
    ('auditor', 'SELECT', 'TABLE', 'audit_log'),
    ('auditor', 'SELECT', 'TABLE', 'audit_head'),
    ('auditor', 'SELECT', 'TABLE', 'audit_queue'),
    ('auditor', 'EXECUTE', 'FUNCTION', 'seal_audit_log'),
    ('writer', 'EXECUTE', 'FUNCTION', 'seal_audit_log');
