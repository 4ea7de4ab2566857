-- Actions that agents and people ask for, and the review of each.

CREATE FUNCTION ledger_is_same_person(name text, other text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    -- ß and ss differ in their case alone: both have the capitals SS. To the skeleton ß is what a β passes for.
    RETURN replace(ledger_skeleton(ledger_fold_case(ledger_visible(name))), 'ß', 'ss')
           = replace(ledger_skeleton(ledger_fold_case(ledger_visible(other))), 'ß', 'ss')
           OR ledger_skeleton(name) = ledger_skeleton(other);
END
$$;
COMMENT ON FUNCTION ledger_is_same_person(text, text) IS
    'Whether a reader takes one name for the other: in any case, with invisible characters, with letters that look alike (UTS #39).';

CREATE TABLE agent_actions (
    id uuid CONSTRAINT agent_actions_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT agent_actions_requested_at_check CHECK (ledger_is_time(requested_at)),
    requested_by text NOT NULL DEFAULT session_user
        CONSTRAINT agent_actions_requested_by_check CHECK (ledger_is_person(requested_by)),
    action_type text NOT NULL
        CONSTRAINT agent_actions_action_type_check CHECK (ledger_is_name(action_type)),
    description text,
    parameters jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT agent_actions_parameters_check CHECK (jsonb_typeof(parameters) = 'object'),
    risk_level text NOT NULL
        CONSTRAINT agent_actions_risk_level_check CHECK (risk_level IN ('low', 'medium', 'high', 'critical')),
    requires_approval boolean NOT NULL,
    requested_login text,
    model_name text,
    model_version_id uuid,
    decision_id uuid,
    issue_id text
        CONSTRAINT agent_actions_issue_id_check CHECK (char_length(issue_id) <= 255),
    issue_type text
        CONSTRAINT agent_actions_issue_type_check CHECK (char_length(issue_type) <= 255),
    issue_severity text
        CONSTRAINT agent_actions_issue_severity_check CHECK (char_length(issue_severity) <= 255),
    expires_at timestamptz
        CONSTRAINT agent_actions_expires_at_check CHECK (expires_at > requested_at AND expires_at < '10000-01-01 00:00+00'),
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT agent_actions_status_check
        CHECK (status IN ('pending', 'approved', 'rejected', 'executed', 'failed', 'expired')),
    reviewed_by text
        CONSTRAINT agent_actions_reviewed_by_check CHECK (ledger_is_person(reviewed_by)),
    reviewed_at timestamptz,
    reviewed_login text,
    review_comment text,
    executed_by text
        CONSTRAINT agent_actions_executed_by_check CHECK (ledger_is_person(executed_by)),
    executed_at timestamptz,
    result jsonb
        CONSTRAINT agent_actions_result_check CHECK (jsonb_typeof(result) = 'object'),
    -- Lets a deployment prove that the action it names is about its model.
    CONSTRAINT agent_actions_id_model_name_key UNIQUE (id, model_name),
    CONSTRAINT agent_actions_model_version_fkey
        FOREIGN KEY (model_version_id, model_name) REFERENCES model_versions (id, model_name),
    CONSTRAINT agent_actions_decision_fkey
        FOREIGN KEY (decision_id, model_name) REFERENCES retraining_decisions (id, model_name),
    CONSTRAINT agent_actions_model_name_check
        CHECK (model_name IS NOT NULL OR num_nonnulls(model_version_id, decision_id) = 0),
    CONSTRAINT agent_actions_reviewer_check CHECK (NOT ledger_is_same_person(reviewed_by, requested_by)),
    CONSTRAINT agent_actions_login_check CHECK (reviewed_login <> requested_login),
    CONSTRAINT agent_actions_review_check
        CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)
               AND (reviewed_by IS NOT NULL OR status NOT IN ('approved', 'rejected'))),
    CONSTRAINT agent_actions_execution_check
        CHECK (num_nonnulls(executed_by, executed_at, result) = CASE WHEN status IN ('executed', 'failed') THEN 3 ELSE 0 END),
    CONSTRAINT agent_actions_approval_check
        CHECK (reviewed_by IS NOT NULL OR NOT requires_approval OR status NOT IN ('executed', 'failed'))
);
CREATE INDEX agent_actions_requested_at_idx ON agent_actions (requested_at DESC, id DESC);
CREATE INDEX agent_actions_model_name_requested_at_idx ON agent_actions (model_name, requested_at DESC, id DESC);
CREATE INDEX agent_actions_model_version_idx ON agent_actions (model_version_id) WHERE model_version_id IS NOT NULL;
CREATE INDEX agent_actions_decision_idx ON agent_actions (decision_id, requested_at DESC) WHERE decision_id IS NOT NULL;
CREATE INDEX agent_actions_pending_idx ON agent_actions (requested_at, id) WHERE status = 'pending';
CREATE INDEX agent_actions_expires_at_idx ON agent_actions (expires_at) WHERE status IN ('pending', 'approved');

COMMENT ON TABLE agent_actions IS
    'What an agent or a person requested, who reviewed it and the result. The request never changes, and each step is recorded once.';
COMMENT ON COLUMN agent_actions.id IS 'Time-ordered id (UUIDv7); a request retried with the same id is recorded once.';
COMMENT ON COLUMN agent_actions.requested_at IS 'When it was requested.';
COMMENT ON COLUMN agent_actions.requested_by IS 'Who requested it.';
COMMENT ON COLUMN agent_actions.action_type IS 'What is to be done: promote, retrain, scale or another word. A promotion takes one of type promote.';
COMMENT ON COLUMN agent_actions.description IS 'Description of the action.';
COMMENT ON COLUMN agent_actions.parameters IS 'Parameters of the action. For a promotion, "slot" limits it to one slot.';
COMMENT ON COLUMN agent_actions.risk_level IS 'low, medium, high or critical.';
COMMENT ON COLUMN agent_actions.requires_approval IS 'Whether it must be approved before it is executed; when not given, true for high and critical risk.';
COMMENT ON COLUMN agent_actions.requested_login IS
    'The database login that requested it; NULL for one with all rights of the owner, which programs share.';
COMMENT ON COLUMN agent_actions.model_name IS 'The model it is about, if it is about one.';
COMMENT ON COLUMN agent_actions.model_version_id IS 'The version it is about, if it is about one.';
COMMENT ON COLUMN agent_actions.decision_id IS
    'The gate decision that it is to carry out, if it follows one; a promotion with this action is one on that decision.';
COMMENT ON COLUMN agent_actions.issue_id IS 'The issue that it addresses, by its id elsewhere.';
COMMENT ON COLUMN agent_actions.issue_type IS 'The kind of that issue.';
COMMENT ON COLUMN agent_actions.issue_severity IS 'The severity of that issue.';
COMMENT ON COLUMN agent_actions.expires_at IS 'From this time on it can be neither approved nor executed; NULL for never.';
COMMENT ON COLUMN agent_actions.status IS 'pending, approved, rejected, executed, failed or expired. See ledger_action_status() for one past its expires_at.';
COMMENT ON COLUMN agent_actions.reviewed_by IS 'Who approved or rejected it; never the requester.';
COMMENT ON COLUMN agent_actions.reviewed_at IS 'When, by the database clock.';
COMMENT ON COLUMN agent_actions.reviewed_login IS
    'The database login that reviewed it, never the one that requested it; NULL for one with all rights of the owner.';
COMMENT ON COLUMN agent_actions.review_comment IS 'The comment of the reviewer.';
COMMENT ON COLUMN agent_actions.executed_by IS 'Who executed it.';
COMMENT ON COLUMN agent_actions.executed_at IS 'When it was marked executed or failed, by the database clock.';
COMMENT ON COLUMN agent_actions.result IS 'The result. After a promotion, {"deployment_id": …}.';

CREATE FUNCTION ledger_action_status(status text, expires_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN status IN ('pending', 'approved') AND expires_at <= statement_timestamp() THEN 'expired' ELSE status END;
COMMENT ON FUNCTION ledger_action_status(text, timestamptz) IS
    'The status of an action as it is now: expired from its expires_at on, even before expire_actions() has said so.';

CREATE FUNCTION ledger_action_state(action agent_actions) RETURNS text
LANGUAGE sql VOLATILE
RETURN CASE
    WHEN action.status IN ('executed', 'failed')
    THEN format('was already marked %s by %s at %s', action.status, action.executed_by, action.executed_at)
    WHEN action.status <> 'rejected' AND action.expires_at <= clock_timestamp()
    THEN format('expired at %s', action.expires_at)
    WHEN action.status = 'pending'
    THEN 'is still pending' || CASE WHEN action.requires_approval THEN ' and needs an approval' ELSE '' END
    ELSE format('was already %s by %s at %s', action.status, action.reviewed_by, action.reviewed_at) END;
COMMENT ON FUNCTION ledger_action_state(agent_actions) IS
    'The outcome of an action, by whom and when, in words for an error.';

CREATE FUNCTION ledger_login() RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
RETURN (
    SELECT CASE WHEN NOT pg_has_role(session_user, c.relowner, 'USAGE') THEN session_user END
    FROM pg_class c WHERE c.oid = 'agent_actions'::regclass);
COMMENT ON FUNCTION ledger_login() IS
    'The login of the session as somebody''s own; NULL for one with the rights of the owner, who is bound by no review.';

CREATE FUNCTION agent_actions_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    decision retraining_decisions;
BEGIN
    NEW.risk_level := lower(btrim(NEW.risk_level) COLLATE "C");
    NEW.requires_approval := coalesce(NEW.requires_approval, NEW.risk_level IN ('high', 'critical'));
    NEW.requested_login := ledger_login();
    IF NEW.decision_id IS NOT NULL THEN
        SELECT * INTO decision FROM retraining_decisions d WHERE d.id = NEW.decision_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'decision_id: there is no decision %', NEW.decision_id USING ERRCODE = 'MLNF0';
        END IF;
        NEW.model_name := coalesce(NEW.model_name, decision.model_name);
        IF NEW.action_type = 'promote' THEN
            NEW.model_version_id := coalesce(NEW.model_version_id, decision.candidate_version_id);
        END IF;
        IF NEW.model_name <> decision.model_name
           OR NEW.action_type = 'promote' AND NEW.model_version_id IS DISTINCT FROM decision.candidate_version_id THEN
            RAISE EXCEPTION 'decision_id: decision % is about another model or candidate', NEW.decision_id
                USING ERRCODE = 'MLCF0';
        END IF;
    END IF;
    IF NEW.model_name IS NOT NULL THEN
        PERFORM ledger_require_known_model(NEW.model_name, NULL);
    END IF;
    IF NEW.requested_at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'requested_at: lies in the future'
            USING ERRCODE = 'MLIV0', HINT = 'Give the time at which it happened.';
    ELSIF NEW.status <> 'pending' OR num_nonnulls(NEW.reviewed_by, NEW.review_comment) > 0 THEN
        RAISE EXCEPTION 'status: an action begins as pending, without a review'
            USING ERRCODE = 'MLIV0', HINT = 'Insert it, then approve, reject or execute it.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION agent_actions_before_insert() IS
    'Fills in whether an action needs an approval and what its decision is about, and has each begin as pending.';

CREATE FUNCTION agent_actions_before_update() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_over boolean := coalesce(OLD.expires_at <= clock_timestamp(), false);
    is_legal boolean := CASE
        WHEN NEW.status = 'expired' THEN OLD.status IN ('pending', 'approved') AND is_over
        WHEN is_over THEN false
        WHEN NEW.status IN ('approved', 'rejected') THEN OLD.status = 'pending'
        WHEN NEW.status IN ('executed', 'failed')
        THEN OLD.status = 'approved' OR (OLD.status = 'pending' AND NOT OLD.requires_approval)
        ELSE false
    END;
    allowed agent_actions := OLD;
BEGIN
    allowed.status := NEW.status;
    IF NEW.status IN ('approved', 'rejected') THEN
        NEW.reviewed_at := clock_timestamp();
        allowed.reviewed_at := NEW.reviewed_at;
        NEW.reviewed_login := ledger_login();
        allowed.reviewed_login := NEW.reviewed_login;
        allowed.reviewed_by := NEW.reviewed_by;
        allowed.review_comment := NEW.review_comment;
    ELSIF NEW.status IN ('executed', 'failed') THEN
        NEW.executed_at := clock_timestamp();
        allowed.executed_at := NEW.executed_at;
        allowed.executed_by := NEW.executed_by;
        allowed.result := NEW.result;
    END IF;
    IF NEW.status = 'pending' OR allowed IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'agent_actions is append-only: a request never changes, and each step is recorded once'
            USING ERRCODE = 'MLAO0', HINT = 'Use approve_action(), reject_action() or execute_action(), or request another action.';
    ELSIF NOT is_legal THEN
        RAISE EXCEPTION 'action % %, so it cannot become %', OLD.id, ledger_action_state(OLD), NEW.status
            USING ERRCODE = 'MLCF0';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION agent_actions_before_update() IS
    'Trigger of agent_actions: allows only the next step of an action, and stamps its time.';

CREATE TRIGGER agent_actions_before_insert
    BEFORE INSERT ON agent_actions
    FOR EACH ROW EXECUTE FUNCTION agent_actions_before_insert();
CREATE TRIGGER agent_actions_before_update
    BEFORE UPDATE ON agent_actions
    FOR EACH ROW EXECUTE FUNCTION agent_actions_before_update();
CREATE TRIGGER agent_actions_append_only
    BEFORE DELETE OR TRUNCATE ON agent_actions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_lock_action(action_id uuid) RETURNS agent_actions
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked agent_actions;
BEGIN
    PERFORM ledger_take_turn(ARRAY['2', action_id::text], format('SELECT FROM agent_actions WHERE id = %L FOR NO KEY UPDATE', action_id));
    SELECT * INTO locked FROM agent_actions a WHERE a.id = ledger_lock_action.action_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no action %', ledger_lock_action.action_id USING ERRCODE = 'MLNF0';
    END IF;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION ledger_lock_action(uuid) IS
    'Locks an action until the end of the transaction, so that one of several reviewers wins.';

CREATE FUNCTION ledger_review_action(action_id uuid, verdict text, reviewed_by text, comment text) RETURNS agent_actions
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    action agent_actions := ledger_lock_action(action_id);
    reviewer text := coalesce(reviewed_by, session_user);
BEGIN
    -- A reviewer who lost the answer gets it again; what was executed since had been approved.
    IF ledger_is_same_person(action.reviewed_by, reviewer)
       AND (action.status = 'rejected') = (verdict = 'rejected') THEN
        RETURN action;
    END IF;
    UPDATE agent_actions a SET status = verdict, reviewed_by = reviewer, review_comment = comment
    WHERE a.id = action.id RETURNING a.* INTO action;
    RETURN action;
END
$$;
COMMENT ON FUNCTION ledger_review_action(uuid, text, text, text) IS
    'The common part of approve_action and reject_action.';

CREATE FUNCTION approve_action(action_id uuid, reviewed_by text DEFAULT NULL, comment text DEFAULT NULL)
RETURNS agent_actions
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
RETURN ledger_review_action(action_id, 'approved', reviewed_by, comment);
COMMENT ON FUNCTION approve_action(uuid, text, text) IS
    'Approves a pending action. Idempotent per reviewer.';
REVOKE ALL ON FUNCTION approve_action(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION reject_action(action_id uuid, reviewed_by text DEFAULT NULL, comment text DEFAULT NULL)
RETURNS agent_actions
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
RETURN ledger_review_action(action_id, 'rejected', reviewed_by, comment);
COMMENT ON FUNCTION reject_action(uuid, text, text) IS
    'Rejects a pending action. Idempotent per reviewer.';
REVOKE ALL ON FUNCTION reject_action(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION execute_action(
    action_id uuid, executed_by text DEFAULT NULL, result jsonb DEFAULT NULL, succeeded boolean DEFAULT true)
RETURNS agent_actions
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    action agent_actions := ledger_lock_action(action_id);
    actor text := coalesce(executed_by, session_user);
    outcome text := CASE WHEN succeeded THEN 'executed' ELSE 'failed' END;
    details jsonb := coalesce(result, '{}');
BEGIN
    IF (action.status, action.result) = (outcome, details) AND ledger_is_same_person(action.executed_by, actor) THEN
        RETURN action;
    END IF;
    UPDATE agent_actions a SET status = outcome, executed_by = actor, result = details
    WHERE a.id = action.id RETURNING a.* INTO action;
    RETURN action;
END
$$;
COMMENT ON FUNCTION execute_action(uuid, text, jsonb, boolean) IS
    'Marks an action as executed, or as failed, with its result. One that needs an approval must have it. Repeating the call changes nothing.';
REVOKE ALL ON FUNCTION execute_action(uuid, text, jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION expire_actions() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    at_time timestamptz := clock_timestamp();
    expired bigint;
BEGIN
    -- Rows that somebody else holds are left for the next time: waiting could end in a deadlock.
    UPDATE agent_actions a SET status = 'expired'
    WHERE a.id IN (
        SELECT d.id FROM agent_actions d
        WHERE d.status IN ('pending', 'approved') AND d.expires_at <= at_time
        FOR NO KEY UPDATE SKIP LOCKED);
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$$;
COMMENT ON FUNCTION expire_actions() IS
    'Marks the actions past their expires_at as expired and returns how many.';
REVOKE ALL ON FUNCTION expire_actions() FROM PUBLIC;

CREATE VIEW v_pending_actions WITH (security_invoker = true) AS
SELECT a.requested_at,
       greatest(now(), a.requested_at) - a.requested_at AS waiting_for,
       a.expires_at,
       a.action_type,
       a.risk_level,
       a.requires_approval,
       a.model_name,
       v.model_version,
       a.requested_by,
       a.description,
       a.parameters,
       a.issue_id,
       a.issue_type,
       a.issue_severity,
       a.model_version_id,
       a.decision_id,
       a.id AS action_id
FROM agent_actions a
LEFT JOIN model_versions v ON v.id = a.model_version_id
WHERE a.status = 'pending' AND ledger_action_status(a.status, a.expires_at) = 'pending';
COMMENT ON VIEW v_pending_actions IS
    'The actions that nobody has reviewed or executed yet and that have not expired; those with requires_approval wait for a reviewer.';
COMMENT ON COLUMN v_pending_actions.requested_at IS 'When it was requested.';
COMMENT ON COLUMN v_pending_actions.waiting_for IS 'How long ago that was.';
COMMENT ON COLUMN v_pending_actions.expires_at IS 'From this time on it can be neither approved nor executed; NULL for never.';
COMMENT ON COLUMN v_pending_actions.action_type IS 'What is to be done: promote, retrain or another word.';
COMMENT ON COLUMN v_pending_actions.risk_level IS 'low, medium, high or critical.';
COMMENT ON COLUMN v_pending_actions.requires_approval IS 'Whether it waits for a reviewer.';
COMMENT ON COLUMN v_pending_actions.model_name IS 'The model it is about.';
COMMENT ON COLUMN v_pending_actions.model_version IS 'The version it is about.';
COMMENT ON COLUMN v_pending_actions.requested_by IS 'Who requested it, and may not review it.';
COMMENT ON COLUMN v_pending_actions.description IS 'Description of the action.';
COMMENT ON COLUMN v_pending_actions.parameters IS 'Parameters of the action.';
COMMENT ON COLUMN v_pending_actions.issue_id IS 'The issue that it addresses.';
COMMENT ON COLUMN v_pending_actions.issue_type IS 'The kind of that issue.';
COMMENT ON COLUMN v_pending_actions.issue_severity IS 'The severity of that issue.';
COMMENT ON COLUMN v_pending_actions.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_pending_actions.decision_id IS 'Id of the gate decision that it is to carry out.';
COMMENT ON COLUMN v_pending_actions.action_id IS 'Id of the action.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'agent_actions'),
    ('writer', 'INSERT', 'TABLE', 'agent_actions'),
    ('agent', 'INSERT', 'TABLE', 'agent_actions'),
    ('writer', 'EXECUTE', 'FUNCTION', 'execute_action'),
    ('writer', 'EXECUTE', 'FUNCTION', 'expire_actions'),
    ('approver', 'EXECUTE', 'FUNCTION', 'approve_action'),
    ('approver', 'EXECUTE', 'FUNCTION', 'reject_action'),
    ('approver', 'EXECUTE', 'FUNCTION', 'expire_actions'),
    ('reader', 'SELECT', 'VIEW', 'v_pending_actions');
