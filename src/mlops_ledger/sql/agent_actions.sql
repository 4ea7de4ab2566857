-- Statements of AgentActionsRepository.

-- fragment request --
-- The columns that the requester of an action gives.
id, requested_at, requested_by, action_type, description, parameters, risk_level,
requires_approval, model_name, model_version_id, decision_id, issue_id, issue_type, issue_severity, expires_at

-- fragment action --
-- The columns of an action.
{request}, requested_login, ledger_action_status(status, expires_at) AS status, reviewed_by, reviewed_at,
reviewed_login, review_comment, executed_by, executed_at, result

-- fragment version_id --
-- The version that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(model_version)s::text, %(model_version_id)s::uuid)

-- insert --
-- Ask for an action. No row when the id is taken.
INSERT INTO agent_actions ({request})
VALUES
    (%(id)s::uuid, coalesce(%(requested_at)s::timestamptz, clock_timestamp()),
     coalesce(%(requested_by)s::text, session_user), %(action_type)s::text, %(description)s::text,
     coalesce(%(parameters)s::jsonb, '{}'), %(risk_level)s::text, %(requires_approval)s::boolean,
     %(model_name)s::text, {version_id}, %(decision_id)s::uuid, %(issue_id)s::text, %(issue_type)s::text,
     %(issue_severity)s::text, %(expires_at)s::timestamptz)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- insert__repeated --
-- The action an earlier try with the same id asked for, if it had the same content.
SELECT id FROM agent_actions
WHERE id = %(id)s::uuid
  AND requested_at = coalesce(%(requested_at)s::timestamptz, requested_at)
  AND requested_by = coalesce(%(requested_by)s::text, requested_by)
  AND action_type = %(action_type)s::text
  AND description IS NOT DISTINCT FROM %(description)s::text
  AND parameters = coalesce(%(parameters)s::jsonb, '{}')
  AND risk_level = lower(btrim(%(risk_level)s::text) COLLATE "C")
  AND requires_approval = coalesce(%(requires_approval)s::boolean, requires_approval)
  AND decision_id IS NOT DISTINCT FROM %(decision_id)s::uuid
  AND model_name IS NOT DISTINCT FROM
      coalesce(%(model_name)s::text, CASE WHEN decision_id IS NOT NULL THEN model_name END)
  AND model_version_id IS NOT DISTINCT FROM
      coalesce({version_id}, CASE WHEN decision_id IS NOT NULL THEN model_version_id END)
  AND issue_id IS NOT DISTINCT FROM %(issue_id)s::text
  AND issue_type IS NOT DISTINCT FROM %(issue_type)s::text
  AND issue_severity IS NOT DISTINCT FROM %(issue_severity)s::text
  AND expires_at IS NOT DISTINCT FROM %(expires_at)s::timestamptz;

-- read get --
-- One action.
SELECT {action}
FROM agent_actions WHERE id = %(id)s::uuid;

-- read list_actions --
-- Actions, newest first; the next page is before the last id of this one.
SELECT {action}
FROM agent_actions
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(status)s::text IS NULL OR ledger_action_status(status, expires_at) = %(status)s::text)
  AND (%(action_type)s::text IS NULL OR action_type = %(action_type)s::text)
  AND (%(risk_level)s::text IS NULL OR risk_level = %(risk_level)s::text)
  AND (%(decision_id)s::uuid IS NULL OR decision_id = %(decision_id)s::uuid)
  AND (%(before)s::uuid IS NULL
       OR (requested_at, id) < (SELECT b.requested_at, b.id FROM agent_actions b WHERE b.id = %(before)s::uuid))
ORDER BY requested_at DESC, id DESC
LIMIT %(limit)s::integer;

-- read list_pending --
-- Actions that wait for a reviewer and have not expired, oldest first.
SELECT {action}
FROM agent_actions
WHERE status = 'pending' AND requires_approval AND ledger_action_status(status, expires_at) = 'pending'
  AND (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
ORDER BY requested_at, id
LIMIT %(limit)s::integer;

-- approve --
-- Approve a pending action.
SELECT {action}
FROM approve_action(%(id)s::uuid, %(reviewed_by)s::text, %(comment)s::text);

-- reject --
-- Reject a pending action.
SELECT {action}
FROM reject_action(%(id)s::uuid, %(reviewed_by)s::text, %(comment)s::text);

-- mark_executed --
-- Record that an action was carried out.
SELECT {action}
FROM execute_action(%(id)s::uuid, %(executed_by)s::text, %(result)s::jsonb, true);

-- mark_failed --
-- Record that an action failed.
SELECT {action}
FROM execute_action(%(id)s::uuid, %(executed_by)s::text, %(result)s::jsonb, false);

-- expire --
-- Mark the actions past their expires_at as expired.
SELECT expire_actions();
