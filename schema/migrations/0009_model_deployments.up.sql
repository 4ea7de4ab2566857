-- What was in production, when: slots, the intervals in which a version held one, and what a slot asks of a promotion.

CREATE TABLE model_slots (
    id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT model_slots_pkey PRIMARY KEY,
    model_name text NOT NULL,
    slot text NOT NULL
        CONSTRAINT model_slots_slot_check CHECK (ledger_is_slug(slot)),
    created_at timestamptz NOT NULL DEFAULT now(),
    locked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT model_slots_model_name_slot_key UNIQUE (model_name, slot),
    CONSTRAINT model_slots_id_model_name_key UNIQUE (id, model_name)
);
COMMENT ON TABLE model_slots IS
    'Places in production that hold at most one version at a time; promotions lock their slot here.';
COMMENT ON COLUMN model_slots.id IS 'Number of the slot.';
COMMENT ON COLUMN model_slots.model_name IS 'The model that the slot belongs to.';
COMMENT ON COLUMN model_slots.slot IS 'Name of the slot: production, or another such as challenger, shadow, eu.';
COMMENT ON COLUMN model_slots.created_at IS 'When the slot was first used.';
COMMENT ON COLUMN model_slots.locked_at IS 'When a promotion, rollback, retirement or policy last locked it.';

CREATE TRIGGER model_slots_append_only
    BEFORE DELETE OR TRUNCATE ON model_slots
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER model_slots_keep_name
    BEFORE UPDATE OF id, model_name, slot, created_at ON model_slots
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_lock_slot(model_name text, slot text) RETURNS model_slots
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    locked model_slots;
BEGIN
    PERFORM ledger_take_turn(
        ARRAY['1', model_name, slot],
        format('SELECT FROM model_slots WHERE (model_name, slot) = (%L, %L) FOR NO KEY UPDATE', model_name, slot),
        format('SELECT ledger_lock_slot(%L, %L)', model_name, slot));
    -- An update, so that under REPEATABLE READ whoever comes second fails here, with a serialization error.
    LOOP
        UPDATE model_slots s SET locked_at = clock_timestamp()
        WHERE (s.model_name, s.slot) = (ledger_lock_slot.model_name, ledger_lock_slot.slot) RETURNING * INTO locked;
        IF FOUND THEN
            RETURN locked;
        END IF;
        PERFORM ledger_run_in_turn(
            format('INSERT INTO model_slots (model_name, slot) VALUES (%L, %L) ON CONFLICT DO NOTHING', model_name, slot));
    END LOOP;
END
$$;
COMMENT ON FUNCTION ledger_lock_slot(text, text) IS
    'Locks a slot until the end of the transaction, making it first if needed.';

CREATE FUNCTION model_versions_take_turn() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- A promotion changes versions after it has locked the slot.
    PERFORM ledger_take_turn(ARRAY['1', NEW.model_name, U&'\FFFF'], NULL);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_versions_take_turn() IS
    'Trigger of model_versions: whoever has changed a version by hand comes out of order with the next promotion of its model.';
REVOKE ALL ON FUNCTION model_versions_take_turn() FROM PUBLIC;

CREATE TRIGGER model_versions_take_turn
    BEFORE UPDATE ON model_versions
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION model_versions_take_turn();

CREATE TABLE promotion_policies (
    model_name text NOT NULL,
    slot text NOT NULL DEFAULT 'production'
        CONSTRAINT promotion_policies_slot_check CHECK (ledger_is_slug(slot)),
    requires_decision boolean NOT NULL DEFAULT false,
    requires_approval boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by text NOT NULL DEFAULT session_user
        CONSTRAINT promotion_policies_updated_by_check CHECK (ledger_is_person(updated_by)),
    CONSTRAINT promotion_policies_pkey PRIMARY KEY (model_name, slot)
);
COMMENT ON TABLE promotion_policies IS
    'What a promotion needs, per model and slot; without a row, nothing. Rollback and retirement need nothing.';
COMMENT ON COLUMN promotion_policies.model_name IS 'The model.';
COMMENT ON COLUMN promotion_policies.slot IS 'The slot: production, or another.';
COMMENT ON COLUMN promotion_policies.requires_decision IS 'Whether a promotion must name a decision to promote that version.';
COMMENT ON COLUMN promotion_policies.requires_approval IS 'Whether a promotion must name an approved action of type promote.';
COMMENT ON COLUMN promotion_policies.updated_at IS 'When the policy was last changed.';
COMMENT ON COLUMN promotion_policies.updated_by IS 'Who last changed it.';

CREATE FUNCTION promotion_policies_before_write() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- A policy for a misspelt model would protect nothing.
    PERFORM ledger_require_known_model(NEW.model_name, NULL);
    -- Waits for a promotion under way, and has the next one wait to see this policy.
    PERFORM ledger_lock_slot(NEW.model_name, NEW.slot);
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION promotion_policies_before_write() IS
    'Refuses a policy for an unknown model and stamps the time of the change.';

CREATE TRIGGER promotion_policies_before_write
    BEFORE INSERT OR UPDATE ON promotion_policies
    FOR EACH ROW EXECUTE FUNCTION promotion_policies_before_write();
-- No row trigger sees a TRUNCATE, so that the audit log would not.
CREATE TRIGGER promotion_policies_no_truncate
    BEFORE TRUNCATE ON promotion_policies
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TABLE model_deployments (
    id uuid CONSTRAINT model_deployments_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    slot_id integer NOT NULL,
    model_name text NOT NULL,
    model_version_id uuid NOT NULL,
    deployed_at timestamptz NOT NULL
        CONSTRAINT model_deployments_deployed_at_check CHECK (ledger_is_time(deployed_at)),
    retired_at timestamptz
        CONSTRAINT model_deployments_retired_at_check CHECK (isfinite(retired_at)),
    deployed_by text NOT NULL DEFAULT session_user
        CONSTRAINT model_deployments_deployed_by_check CHECK (ledger_is_person(deployed_by)),
    reason text,
    retired_by text
        CONSTRAINT model_deployments_retired_by_check CHECK (ledger_is_person(retired_by)),
    retired_reason text,
    decision_id uuid
        CONSTRAINT model_deployments_decision_fkey REFERENCES retraining_decisions (id),
    action_id uuid
        CONSTRAINT model_deployments_action_key UNIQUE,
    restores_id uuid
        CONSTRAINT model_deployments_restores_fkey REFERENCES model_deployments (id),
    CONSTRAINT model_deployments_slot_fkey
        FOREIGN KEY (slot_id, model_name) REFERENCES model_slots (id, model_name),
    CONSTRAINT model_deployments_model_version_fkey
        FOREIGN KEY (model_version_id, model_name) REFERENCES model_versions (id, model_name),
    CONSTRAINT model_deployments_action_fkey
        FOREIGN KEY (action_id, model_name) REFERENCES agent_actions (id, model_name),
    CONSTRAINT model_deployments_interval_check CHECK (retired_at > deployed_at),
    -- The slot is written as a range because a plain integer would need the btree_gist extension.
    CONSTRAINT model_deployments_no_overlap EXCLUDE USING gist (
        (int4range(slot_id, slot_id, '[]')) WITH &&,
        (tstzrange(deployed_at, retired_at, '[)')) WITH &&)
);
CREATE UNIQUE INDEX model_deployments_one_open_idx ON model_deployments (slot_id) WHERE retired_at IS NULL;
CREATE INDEX model_deployments_slot_deployed_at_idx ON model_deployments (slot_id, deployed_at DESC);
CREATE INDEX model_deployments_model_name_deployed_at_idx ON model_deployments (model_name, deployed_at DESC, id DESC);
CREATE INDEX model_deployments_deployed_at_idx ON model_deployments (deployed_at DESC, id DESC);
CREATE INDEX model_deployments_model_version_idx ON model_deployments (model_version_id);
CREATE INDEX model_deployments_decision_idx ON model_deployments (decision_id, deployed_at) WHERE decision_id IS NOT NULL;
CREATE INDEX model_deployments_restores_idx ON model_deployments (restores_id) WHERE restores_id IS NOT NULL;

COMMENT ON TABLE model_deployments IS
    'The history of production: each row is the interval in which a version held a slot. Intervals of a slot never overlap.';
COMMENT ON COLUMN model_deployments.id IS 'Time-ordered id (UUIDv7); a promotion retried with the same id is done once.';
COMMENT ON COLUMN model_deployments.slot_id IS 'The slot that was held.';
COMMENT ON COLUMN model_deployments.model_name IS 'The model of both the slot and the version.';
COMMENT ON COLUMN model_deployments.model_version_id IS 'The version that held it.';
COMMENT ON COLUMN model_deployments.deployed_at IS 'Start of the interval, included.';
COMMENT ON COLUMN model_deployments.retired_at IS 'End of the interval, excluded; NULL while the version is live.';
COMMENT ON COLUMN model_deployments.deployed_by IS 'Who put the version there.';
COMMENT ON COLUMN model_deployments.reason IS 'Why it was put there.';
COMMENT ON COLUMN model_deployments.retired_by IS 'Who ended the interval.';
COMMENT ON COLUMN model_deployments.retired_reason IS 'Why it was ended, when it was retired without a successor.';
COMMENT ON COLUMN model_deployments.decision_id IS 'The gate decision that allowed the promotion.';
COMMENT ON COLUMN model_deployments.action_id IS 'The approved action that allowed the promotion, and that it consumed.';
COMMENT ON COLUMN model_deployments.restores_id IS 'For a rollback: the earlier interval whose version it brings back.';

CREATE FUNCTION model_deployments_refuse_future() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- An interval that ended in the future would hold up every promotion until then.
    IF greatest(NEW.deployed_at, NEW.retired_at) > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'at: lies in the future'
            USING ERRCODE = 'MLIV0', HINT = 'Give the time of the change, or none for now.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_deployments_refuse_future() IS
    'Trigger of model_deployments: no interval begins or ends in the future.';

CREATE TRIGGER model_deployments_refuse_future
    BEFORE INSERT OR UPDATE ON model_deployments
    FOR EACH ROW EXECUTE FUNCTION model_deployments_refuse_future();

CREATE FUNCTION model_deployments_only_close() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    closed model_deployments := OLD;
BEGIN
    closed.retired_at := NEW.retired_at;
    closed.retired_by := NEW.retired_by;
    closed.retired_reason := NEW.retired_reason;
    IF OLD.retired_at IS NOT NULL OR NEW.retired_at IS NULL OR closed IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'model_deployments is history: only an open interval can be closed'
            USING ERRCODE = 'MLAO0', HINT = 'Use promote(), rollback() or retire().';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_deployments_only_close() IS
    'Trigger of model_deployments: the only change allowed to an interval is to close it, once.';

CREATE TRIGGER model_deployments_only_close
    BEFORE UPDATE ON model_deployments
    FOR EACH ROW EXECUTE FUNCTION model_deployments_only_close();
CREATE TRIGGER model_deployments_append_only
    BEFORE DELETE OR TRUNCATE ON model_deployments
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION model_deployments_check_decision() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    decision retraining_decisions;
BEGIN
    SELECT * INTO decision FROM retraining_decisions d WHERE d.id = NEW.decision_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'decision_id: there is no decision %', NEW.decision_id USING ERRCODE = 'MLNF0';
    ELSIF decision.candidate_version_id IS DISTINCT FROM NEW.model_version_id THEN
        RAISE EXCEPTION 'decision_id: decision % is about another version', decision.id
            USING ERRCODE = 'MLPR0', HINT = 'Give the decision that judged the version to be promoted.';
    ELSIF decision.action <> 'promote' THEN
        RAISE EXCEPTION 'decision_id: decision % does not allow a promotion, its action is %', decision.id, decision.action
            USING ERRCODE = 'MLPR0', HINT = 'A pending decision must be resolved first; give the one that resolves it.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_deployments_check_decision() IS
    'Trigger of model_deployments: a decision that is named must be to promote that very version.';

CREATE TRIGGER model_deployments_check_decision
    BEFORE INSERT ON model_deployments
    FOR EACH ROW WHEN (NEW.decision_id IS NOT NULL) EXECUTE FUNCTION model_deployments_check_decision();

CREATE FUNCTION ledger_use_action(deployment model_deployments, slot text, approval_required boolean) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    action agent_actions := ledger_lock_action(deployment.action_id);
    problem text := CASE
        WHEN action.action_type <> 'promote' THEN format('is of type %s, not promote', action.action_type)
        WHEN action.model_name IS DISTINCT FROM deployment.model_name THEN 'is not about model ' || deployment.model_name
        WHEN action.model_version_id <> deployment.model_version_id THEN 'is about another version'
        WHEN action.parameters ->> 'slot' <> slot THEN 'is for another slot'
        -- Who approved a pending decision approved what resolves it.
        WHEN NOT EXISTS (SELECT FROM retraining_decisions r WHERE r.id = deployment.decision_id
                         AND action.decision_id IN (r.id, r.resolves_id))
             AND action.decision_id IS NOT NULL THEN 'is for another decision'
        WHEN action.expires_at <= clock_timestamp() THEN ledger_action_state(action)
        WHEN action.status = 'approved' THEN NULL
        WHEN action.status <> 'pending' OR action.requires_approval THEN ledger_action_state(action)
        WHEN approval_required THEN 'has no approval, which the policy requires'
    END;
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'action_id: action % %', action.id, problem
            USING ERRCODE = 'MLPR0', HINT = 'A promotion takes one action of type promote for its model, approved, not expired and not used before.';
    END IF;
    UPDATE agent_actions a
    SET status = 'executed', executed_by = deployment.deployed_by,
        result = jsonb_build_object('deployment_id', deployment.id)
    WHERE a.id = action.id;
END
$$;
COMMENT ON FUNCTION ledger_use_action(model_deployments, text, boolean) IS
    'Marks an action as executed by a deployment, or refuses it when it does not allow that one.';

CREATE FUNCTION model_deployments_check_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    slot_name text := (SELECT s.slot FROM model_slots s WHERE s.id = NEW.slot_id);
    policy promotion_policies;
BEGIN
    -- A rollback is for emergencies, which cannot wait for a reviewer.
    IF NEW.action_id IS NULL AND EXISTS (
        SELECT FROM model_deployments d
        WHERE d.id = NEW.restores_id AND d.slot_id = NEW.slot_id AND d.model_version_id = NEW.model_version_id) THEN
        RETURN NEW;
    END IF;
    SELECT * INTO policy FROM promotion_policies p
    WHERE p.model_name = NEW.model_name AND p.slot = slot_name;
    IF policy.requires_decision AND NEW.decision_id IS NULL THEN
        RAISE EXCEPTION 'decision_id: the policy of model % requires a decision for slot %', NEW.model_name, slot_name
            USING ERRCODE = 'MLPR0', HINT = 'Record a decision to promote this version, and promote with its id.';
    ELSIF policy.requires_approval AND NEW.action_id IS NULL THEN
        RAISE EXCEPTION 'action_id: the policy of model % requires an approval for slot %', NEW.model_name, slot_name
            USING ERRCODE = 'MLPR0', HINT = 'Request an action of type promote for this model, have it approved, and promote with its id.';
    ELSIF NEW.action_id IS NOT NULL THEN
        PERFORM ledger_use_action(NEW, slot_name, coalesce(policy.requires_approval, false));
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION model_deployments_check_policy() IS
    'Trigger of model_deployments: enforces the policy of its slot on a promotion, and consumes the action that it names.';

CREATE TRIGGER model_deployments_check_policy
    BEFORE INSERT ON model_deployments
    FOR EACH ROW EXECUTE FUNCTION model_deployments_check_policy();

CREATE FUNCTION model_deployments_set_stage() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM model_slots s WHERE s.id = NEW.slot_id AND s.slot = 'production') THEN
        RETURN NULL;
    END IF;
    IF NEW.retired_at IS NULL THEN
        UPDATE model_versions SET stage = 'production', promoted_at = NEW.deployed_at, promoted_by = NEW.deployed_by
        WHERE id = NEW.model_version_id;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE model_versions SET stage = 'archived' WHERE id = NEW.model_version_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION model_deployments_set_stage() IS
    'Keeps model_versions.stage in step with the slot named production.';

CREATE TRIGGER model_deployments_set_stage
    AFTER INSERT OR UPDATE ON model_deployments
    FOR EACH ROW EXECUTE FUNCTION model_deployments_set_stage();

CREATE FUNCTION model_versions_guard_stage() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_live boolean := EXISTS (
        SELECT FROM model_deployments d JOIN model_slots s ON s.id = d.slot_id
        WHERE d.model_version_id = NEW.id AND d.retired_at IS NULL AND s.slot = 'production');
BEGIN
    IF NEW.stage = 'production' AND NOT is_live THEN
        RAISE EXCEPTION 'stage: version % of model % is not in production', NEW.model_version, NEW.model_name
            USING ERRCODE = 'MLPR0', HINT = 'A version enters production through promote(): register it first, then promote it.';
    ELSIF NEW.stage <> 'production' AND is_live THEN
        RAISE EXCEPTION 'stage: version % of model % is in production', NEW.model_version, NEW.model_name
            USING ERRCODE = 'MLPR0', HINT = 'It leaves production through promote() of another version, rollback() or retire().';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION model_versions_guard_stage() IS
    'Refuses a stage that contradicts the deployment history.';

CREATE TRIGGER model_versions_guard_stage
    AFTER INSERT OR UPDATE OF stage ON model_versions
    FOR EACH ROW EXECUTE FUNCTION model_versions_guard_stage();

CREATE VIEW v_deployments WITH (security_invoker = true) AS
SELECT d.id, d.model_name, s.slot, v.model_version, d.model_version_id, d.deployed_at, d.retired_at,
       d.deployed_by, d.reason, d.retired_by, d.retired_reason, d.decision_id, d.action_id, d.restores_id
FROM model_deployments d
JOIN model_slots s ON s.id = d.slot_id
JOIN model_versions v ON v.id = d.model_version_id;
COMMENT ON VIEW v_deployments IS
    'model_deployments with the names of slot and version; the row that promote, rollback, retire and production_at return.';
COMMENT ON COLUMN v_deployments.id IS 'Id of the deployment.';
COMMENT ON COLUMN v_deployments.model_name IS 'The model.';
COMMENT ON COLUMN v_deployments.slot IS 'The slot that was held.';
COMMENT ON COLUMN v_deployments.model_version IS 'The version that held it.';
COMMENT ON COLUMN v_deployments.model_version_id IS 'Id of that version.';
COMMENT ON COLUMN v_deployments.deployed_at IS 'Start of the interval, included.';
COMMENT ON COLUMN v_deployments.retired_at IS 'End of the interval, excluded; NULL while live.';
COMMENT ON COLUMN v_deployments.deployed_by IS 'Who put the version there.';
COMMENT ON COLUMN v_deployments.reason IS 'Why it was put there.';
COMMENT ON COLUMN v_deployments.retired_by IS 'Who ended the interval.';
COMMENT ON COLUMN v_deployments.retired_reason IS 'Why it was ended, when it was retired without a successor.';
COMMENT ON COLUMN v_deployments.decision_id IS 'The gate decision that allowed the promotion.';
COMMENT ON COLUMN v_deployments.action_id IS 'The approved action that allowed the promotion.';
COMMENT ON COLUMN v_deployments.restores_id IS 'For a rollback: the earlier interval whose version it brings back.';

CREATE FUNCTION production_at(model_name text, at timestamptz DEFAULT clock_timestamp(), slot text DEFAULT 'production')
RETURNS SETOF v_deployments
LANGUAGE sql STABLE ROWS 1 SET search_path FROM CURRENT AS $$
    SELECT d.* FROM v_deployments d
    JOIN model_slots s ON s.model_name = d.model_name AND s.slot = d.slot
    WHERE s.model_name = production_at.model_name AND s.slot = production_at.slot
      AND d.id = (
          SELECT i.id FROM model_deployments i
          WHERE i.slot_id = s.id AND i.deployed_at <= production_at.at
            AND (i.retired_at IS NULL OR i.retired_at > production_at.at)
          ORDER BY i.deployed_at DESC LIMIT 1)
$$;
COMMENT ON FUNCTION production_at(text, timestamptz, text) IS
    'The deployment that held a slot of a model at a timestamp: one row, or none.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'model_slots'),
    ('reader', 'SELECT', 'TABLE', 'promotion_policies'),
    ('reader', 'SELECT', 'TABLE', 'model_deployments'),
    ('reader', 'SELECT', 'VIEW', 'v_deployments'),
    ('reader', 'EXECUTE', 'FUNCTION', 'production_at');
