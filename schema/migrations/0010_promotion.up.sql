-- promote, rollback and retire: the only ways in and out of production, for psql and Python alike.

CREATE FUNCTION ledger_require_person(field text, name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT ledger_is_person(name) THEN
        RAISE EXCEPTION '%: must have 1 to 255 characters, not all blank and none a control character', field
            USING ERRCODE = 'MLIV0';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger_require_person(text, text) IS
    'Refuses a text that names nobody, by the name of the parameter that has it. NULL is accepted.';

CREATE FUNCTION ledger_slot_timestamp(slot_id integer, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    newest timestamptz;
BEGIN
    -- The slot is free from the end of its last interval, or just after the start of an open one.
    SELECT coalesce(d.retired_at, d.deployed_at + interval '1 microsecond') INTO newest FROM model_deployments d
    WHERE d.slot_id = ledger_slot_timestamp.slot_id
    ORDER BY d.deployed_at DESC LIMIT 1;
    IF at IS NULL THEN
        -- Not now(): the transaction may have begun before the one that held the lock until just now.
        RETURN greatest(clock_timestamp(), newest);
    ELSIF NOT isfinite(at) OR at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'at: lies in the future'
            USING ERRCODE = 'MLIV0', HINT = 'Give the time of the change, or none for now.';
    ELSIF at < newest THEN
        RAISE EXCEPTION 'at: the slot has changed since, at %', newest
            USING ERRCODE = 'MLCF0', HINT = 'History cannot be inserted; give a later time, or none for now.';
    END IF;
    RETURN at;
END
$$;
COMMENT ON FUNCTION ledger_slot_timestamp(integer, timestamptz) IS
    'The timestamp of a change to a locked slot: the one given, if it is after the last change, else now.';

CREATE FUNCTION ledger_deploy(
    locked model_slots, version_id uuid, deployed_by text, reason text, decision_id uuid,
    action_id uuid, restores_id uuid, at timestamptz, deployment_id uuid)
RETURNS v_deployments
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed_at timestamptz := ledger_slot_timestamp(locked.id, at);
    actor text := coalesce(deployed_by, session_user);
    result v_deployments;
BEGIN
    UPDATE model_deployments d SET retired_at = changed_at, retired_by = actor
    WHERE d.slot_id = locked.id AND d.retired_at IS NULL;
    INSERT INTO model_deployments AS d
        (id, slot_id, model_name, model_version_id, deployed_at, deployed_by, reason, decision_id, action_id,
         restores_id)
    VALUES (coalesce(deployment_id, ledger_uuid()), locked.id, locked.model_name, version_id, changed_at, actor,
            ledger_deploy.reason, ledger_deploy.decision_id, ledger_deploy.action_id, ledger_deploy.restores_id)
    RETURNING d.id INTO deployment_id;
    SELECT * INTO result FROM v_deployments v WHERE v.id = deployment_id;
    RETURN result;
END
$$;
COMMENT ON FUNCTION ledger_deploy(model_slots, uuid, text, text, uuid, uuid, uuid, timestamptz, uuid) IS
    'Ends the open interval of a locked slot and begins the next at the same timestamp.';

CREATE FUNCTION promote(
    model_name text DEFAULT NULL, model_version text DEFAULT NULL, slot text DEFAULT 'production', promoted_by text DEFAULT NULL,
    reason text DEFAULT NULL, decision_id uuid DEFAULT NULL, at timestamptz DEFAULT NULL,
    deployment_id uuid DEFAULT NULL, action_id uuid DEFAULT NULL)
RETURNS v_deployments
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    version model_versions;
    locked model_slots;
    current v_deployments;
BEGIN
    PERFORM ledger_require_person('promoted_by', promoted_by);
    IF promote.model_version IS NOT NULL AND promote.model_name IS NULL THEN
        RAISE EXCEPTION 'model_name: is required' USING ERRCODE = 'MLIV0';
    ELSIF promote.model_version IS NOT NULL THEN
        SELECT * INTO version FROM model_versions v
        WHERE v.model_name = promote.model_name AND v.model_version = promote.model_version;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'model % has no version %', promote.model_name, promote.model_version
                USING ERRCODE = 'MLNF0', HINT = 'Register the version first.';
        END IF;
    ELSIF promote.decision_id IS NOT NULL THEN
        SELECT v.* INTO version FROM model_versions v
        JOIN retraining_decisions r ON r.candidate_version_id = v.id
        WHERE r.id = promote.decision_id AND v.model_name = coalesce(promote.model_name, v.model_name);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'decision_id: there is no decision % on a candidate of that model', promote.decision_id
                USING ERRCODE = 'MLNF0';
        END IF;
    ELSIF promote.action_id IS NOT NULL THEN
        SELECT v.* INTO version FROM model_versions v
        JOIN agent_actions a ON a.model_version_id = v.id
        WHERE a.id = promote.action_id AND v.model_name = coalesce(promote.model_name, v.model_name);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'action_id: there is no action % on a version of that model', promote.action_id
                USING ERRCODE = 'MLNF0';
        END IF;
    ELSE
        RAISE EXCEPTION 'model_version: is required'
            USING ERRCODE = 'MLIV0', HINT = 'Name the version, or the decision or action that allows it.';
    END IF;
    IF promote.decision_id IS NULL THEN
        SELECT coalesce(f.id, a.decision_id) INTO decision_id FROM agent_actions a
        LEFT JOIN retraining_decisions f ON f.resolves_id = a.decision_id
        WHERE a.id = promote.action_id;
    END IF;
    locked := ledger_lock_slot(version.model_name, promote.slot);
    SELECT * INTO current FROM v_deployments d WHERE d.id = promote.deployment_id;
    IF FOUND THEN
        IF (current.model_version_id, current.slot) IS DISTINCT FROM (version.id, promote.slot)
           OR (current.decision_id, current.action_id) IS DISTINCT FROM (promote.decision_id, promote.action_id)
           OR current.restores_id IS NOT NULL THEN
            RAISE EXCEPTION 'deployment_id: % already names another promotion', promote.deployment_id
                USING ERRCODE = 'MLCF0';
        END IF;
        RETURN current;
    END IF;
    -- With an id of its own the promotion is recorded all the same, so that it can be repeated,
    -- and with a decision or an action so that these can be seen to have had their effect.
    IF promote.deployment_id IS NULL THEN
        SELECT * INTO current FROM production_at(version.model_name, 'infinity', promote.slot);
        IF current.model_version_id = version.id
           AND (current.decision_id, current.action_id) IS NOT DISTINCT FROM
               (coalesce(promote.decision_id, current.decision_id), coalesce(promote.action_id, current.action_id)) THEN
            RETURN current;
        END IF;
    END IF;
    RETURN ledger_deploy(locked, version.id, promoted_by, reason, decision_id, action_id, NULL, at, deployment_id);
END
$$;
COMMENT ON FUNCTION promote(text, text, text, text, text, uuid, timestamptz, uuid, uuid) IS
    'Puts a version into a slot and ends the interval of the one before, in one step. Without a version it is the candidate of the decision, or the version of the action, which is then used up; without a decision it is that of the action. Promoting the version that is there changes nothing, unless the promotion has a deployment_id; repeating one changes nothing.';
REVOKE ALL ON FUNCTION promote(text, text, text, text, text, uuid, timestamptz, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION rollback(
    model_name text, slot text DEFAULT 'production', rolled_back_by text DEFAULT NULL,
    reason text DEFAULT NULL, at timestamptz DEFAULT NULL, deployment_id uuid DEFAULT NULL)
RETURNS v_deployments
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    locked model_slots := ledger_lock_slot(model_name, slot);
    newest model_deployments;
    origin model_deployments;
    target model_deployments;
    done v_deployments;
BEGIN
    PERFORM ledger_require_person('rolled_back_by', rolled_back_by);
    SELECT * INTO done FROM v_deployments d WHERE d.id = rollback.deployment_id;
    IF FOUND THEN
        IF (done.model_name, done.slot) IS DISTINCT FROM (rollback.model_name, rollback.slot)
           OR done.restores_id IS NULL THEN
            RAISE EXCEPTION 'deployment_id: % already names another deployment', rollback.deployment_id
                USING ERRCODE = 'MLCF0';
        END IF;
        RETURN done;
    END IF;
    SELECT * INTO newest FROM model_deployments d
    WHERE d.slot_id = locked.id ORDER BY d.deployed_at DESC LIMIT 1;
    -- After a rollback, the next one goes further back instead of forth again.
    SELECT * INTO origin FROM model_deployments d WHERE d.id = coalesce(newest.restores_id, newest.id);
    IF newest.retired_at IS NOT NULL THEN
        target := origin;
    ELSE
        SELECT * INTO target FROM model_deployments d
        WHERE d.slot_id = locked.id AND d.deployed_at < origin.deployed_at
          AND d.model_version_id <> newest.model_version_id
        ORDER BY d.deployed_at DESC LIMIT 1;
    END IF;
    IF target.id IS NULL THEN
        RAISE EXCEPTION 'model % has no earlier version in slot % to roll back to', rollback.model_name, rollback.slot
            USING ERRCODE = 'MLNF0';
    END IF;
    RETURN ledger_deploy(locked, target.model_version_id, rolled_back_by, reason, NULL, NULL,
                         coalesce(target.restores_id, target.id), at, deployment_id);
END
$$;
COMMENT ON FUNCTION rollback(text, text, text, text, timestamptz, uuid) IS
    'Puts back the version that held the slot before; after a retirement, the one that was retired. Repeating a deployment_id changes nothing.';
REVOKE ALL ON FUNCTION rollback(text, text, text, text, timestamptz, uuid) FROM PUBLIC;

CREATE FUNCTION retire(
    model_name text, slot text DEFAULT 'production', retired_by text DEFAULT NULL,
    reason text DEFAULT NULL, at timestamptz DEFAULT NULL, deployment_id uuid DEFAULT NULL)
RETURNS v_deployments
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    locked model_slots := ledger_lock_slot(model_name, slot);
    current v_deployments;
BEGIN
    PERFORM ledger_require_person('retired_by', retired_by);
    SELECT * INTO current FROM v_deployments d
    WHERE d.model_name = retire.model_name AND d.slot = retire.slot
      AND CASE WHEN retire.deployment_id IS NULL THEN d.retired_at IS NULL ELSE d.id = retire.deployment_id END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model % has nothing in slot % to retire', retire.model_name, retire.slot
            USING ERRCODE = 'MLNF0';
    ELSIF current.retired_at IS NULL THEN
        UPDATE model_deployments d
        SET retired_at = ledger_slot_timestamp(locked.id, at), retired_reason = retire.reason,
            retired_by = coalesce(retire.retired_by, session_user)
        WHERE d.id = current.id;
        SELECT * INTO current FROM v_deployments d WHERE d.id = current.id;
    END IF;
    RETURN current;
END
$$;
COMMENT ON FUNCTION retire(text, text, text, text, timestamptz, uuid) IS
    'Empties a slot. With a deployment_id it retires that very deployment, and repeating it changes nothing.';
REVOKE ALL ON FUNCTION retire(text, text, text, text, timestamptz, uuid) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'promote'),
    ('writer', 'EXECUTE', 'FUNCTION', 'rollback'),
    ('writer', 'EXECUTE', 'FUNCTION', 'retire');
