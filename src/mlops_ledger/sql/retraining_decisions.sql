-- Statements of RetrainingDecisionsRepository.

-- fragment decision --
-- The columns of a decision that its writer gives.
id, timestamp, model_name, candidate_version_id, production_version_id,
trigger_reason, action, drift_context, data_context, decision_details, gate_results,
reasoning, labeled_samples, coverage_pct, monitoring_run_id, decided_by, resolves_id

-- fragment candidate_id --
-- The candidate that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(candidate_version)s::text, %(candidate_version_id)s::uuid)

-- fragment production_id --
-- The production that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(production_version)s::text, %(production_version_id)s::uuid)

-- insert --
-- Record a decision. No row when the id is taken.
INSERT INTO retraining_decisions ({decision})
VALUES
    (%(id)s::uuid, coalesce(%(timestamp)s::timestamptz, clock_timestamp()), %(model_name)s::text,
     {candidate_id}, {production_id}, %(trigger_reason)s::text,
     %(action)s::text, coalesce(%(drift_context)s::jsonb, '{}'),
     coalesce(%(data_context)s::jsonb, '{}'), coalesce(%(decision_details)s::jsonb, '{}'),
     coalesce(%(gate_results)s::jsonb, '[]'), %(reasoning)s::text, %(labeled_samples)s::bigint,
     %(coverage_pct)s::double precision, %(monitoring_run_id)s::uuid,
     coalesce(%(decided_by)s::text, session_user), %(resolves_id)s::uuid)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- insert__repeated --
-- The decision an earlier try with the same id recorded, if it had the same content.
SELECT id FROM retraining_decisions
WHERE id = %(id)s::uuid AND model_name = %(model_name)s::text
  AND coalesce(%(timestamp)s::timestamptz, timestamp) IS NOT DISTINCT FROM timestamp
  AND coalesce({candidate_id}, candidate_version_id) IS NOT DISTINCT FROM candidate_version_id
  AND coalesce({production_id}, production_version_id) IS NOT DISTINCT FROM production_version_id
  AND trigger_reason IS NOT DISTINCT FROM %(trigger_reason)s::text
  AND action = lower(btrim(%(action)s::text) COLLATE "C")
  AND drift_context IS NOT DISTINCT FROM coalesce(%(drift_context)s::jsonb, '{}')
  AND data_context IS NOT DISTINCT FROM coalesce(%(data_context)s::jsonb, '{}')
  AND decision_details IS NOT DISTINCT FROM coalesce(%(decision_details)s::jsonb, '{}')
  AND gate_results IS NOT DISTINCT FROM coalesce(%(gate_results)s::jsonb, '[]')
  AND reasoning IS NOT DISTINCT FROM %(reasoning)s::text
  AND labeled_samples IS NOT DISTINCT FROM %(labeled_samples)s::bigint
  AND coverage_pct IS NOT DISTINCT FROM %(coverage_pct)s::double precision
  AND monitoring_run_id IS NOT DISTINCT FROM %(monitoring_run_id)s::uuid
  AND coalesce(%(decided_by)s::text, decided_by) IS NOT DISTINCT FROM decided_by
  AND resolves_id IS NOT DISTINCT FROM %(resolves_id)s::uuid;

-- resolve --
-- Resolve a pending decision by a new one about the same model and candidate, on the same evidence.
INSERT INTO retraining_decisions
    (id, model_name, timestamp, candidate_version_id, trigger_reason, action, drift_context, data_context,
     decision_details, gate_results, reasoning, labeled_samples, coverage_pct, monitoring_run_id, decided_by,
     resolves_id)
SELECT %(id)s::uuid, p.model_name, coalesce(%(timestamp)s::timestamptz, clock_timestamp()), p.candidate_version_id,
       p.trigger_reason, %(action)s::text, p.drift_context, p.data_context,
       coalesce(%(decision_details)s::jsonb, '{}'), p.gate_results, %(reasoning)s::text, p.labeled_samples,
       p.coverage_pct, p.monitoring_run_id, coalesce(%(decided_by)s::text, session_user), p.id
FROM retraining_decisions p
WHERE p.id = %(decision_id)s::uuid
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- resolve__repeated --
-- The resolution an earlier try with the same id recorded, if it was the same.
SELECT id FROM retraining_decisions
WHERE id = %(id)s::uuid AND resolves_id = %(decision_id)s::uuid AND action = lower(btrim(%(action)s::text) COLLATE "C");

-- read get --
-- One decision.
SELECT {decision}, created_at
FROM retraining_decisions WHERE id = %(id)s::uuid;

-- read list_decisions --
-- Decisions, newest first; the next page is before the last id of this one.
SELECT {decision}, created_at
FROM retraining_decisions
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(action)s::text IS NULL OR action = %(action)s::text)
  AND (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s::timestamptz)
  AND (%(before)s::uuid IS NULL
       OR (timestamp, id) < (SELECT b.timestamp, b.id FROM retraining_decisions b WHERE b.id = %(before)s::uuid))
ORDER BY timestamp DESC, id DESC
LIMIT %(limit)s::integer;

-- read list_pending --
-- Pending decisions that nothing has resolved yet, oldest first.
SELECT {decision}, created_at
FROM retraining_decisions d
WHERE action = 'pending' AND (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND NOT EXISTS (SELECT FROM retraining_decisions r WHERE r.resolves_id = d.id)
ORDER BY timestamp, id
LIMIT %(limit)s::integer;

-- read acceptance_rate --
-- How the decisions of a window turned out; a resolved one counts as its resolution.
SELECT count(*) FILTER (WHERE action = 'promote') AS promoted,
       count(*) FILTER (WHERE action = 'reject') AS rejected,
       count(*) FILTER (WHERE action = 'pending') AS pending,
       count(*) FILTER (WHERE action = 'promote')::double precision
           / nullif(count(*) FILTER (WHERE action IN ('promote', 'reject')), 0) AS acceptance_rate
FROM retraining_decisions d
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz
  AND NOT (action = 'pending' AND EXISTS (SELECT FROM retraining_decisions r WHERE r.resolves_id = d.id));
