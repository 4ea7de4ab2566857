-- Statements of the import of records.

-- is_known --
-- Whether a row of this id was recorded, whatever its kind.
SELECT EXISTS (SELECT FROM retraining_decisions d WHERE d.id = %(id)s::uuid)
    OR EXISTS (SELECT FROM model_deployments b WHERE b.id = %(id)s::uuid)
    OR EXISTS (SELECT FROM monitoring_metrics m WHERE m.id = %(id)s::uuid)
    OR EXISTS (SELECT FROM performance_metrics p WHERE p.id = %(id)s::uuid)
    OR EXISTS (SELECT FROM alert_occurrences o WHERE o.id = %(id)s::uuid);
