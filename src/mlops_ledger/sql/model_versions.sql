-- Statements of ModelVersionRepository.

-- fragment version --
-- The columns of a version.
id, model_name, model_version, stage, mlflow_run_id, description, algorithm, metrics, accuracy,
"precision", recall, f1_score, roc_auc, brier_score, rmse, mae, r2, hyperparameters,
feature_names, task, class_names, positive_label, training_samples, dataset_version, dataset_digest,
artifact_uri, metadata_uri, tags, created_at, created_by, promoted_at, promoted_by

-- fragment deployment --
-- The columns of a deployment.
id, model_name, slot, model_version, model_version_id, deployed_at, retired_at,
deployed_by, reason, retired_by, retired_reason, decision_id, action_id, restores_id

-- fragment policy --
-- The columns of a promotion policy.
model_name, slot, requires_decision, requires_approval, updated_at, updated_by

-- insert --
-- Register a version; without a number it takes the next one. No row when the id is taken.
INSERT INTO model_versions
    (id, model_name, model_version, stage, mlflow_run_id, description, algorithm, metrics, hyperparameters,
     feature_names, task, class_names, positive_label, training_samples, dataset_version, dataset_digest,
     artifact_uri, metadata_uri, tags, created_at, created_by)
VALUES
    (%(id)s::uuid, %(model_name)s::text, %(model_version)s::text, %(stage)s::text, %(mlflow_run_id)s::text,
     %(description)s::text, %(algorithm)s::text, coalesce(%(metrics)s::jsonb, '{}'), coalesce(%(hyperparameters)s::jsonb, '{}'),
     %(feature_names)s::text[], %(task)s::text, %(class_names)s::text[], %(positive_label)s::text, %(training_samples)s::bigint, %(dataset_version)s::text, %(dataset_digest)s::text,
     %(artifact_uri)s::text, %(metadata_uri)s::text, coalesce(%(tags)s::jsonb, '{}'),
     coalesce(%(created_at)s::timestamptz, clock_timestamp()), coalesce(%(created_by)s::text, session_user))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- insert__repeated --
-- The version an earlier try with the same id registered, if the same; stage, description and tags may have changed.
SELECT id FROM model_versions
WHERE id = %(id)s::uuid AND model_name = %(model_name)s::text
  AND model_version = coalesce(%(model_version)s::text, model_version)
  AND mlflow_run_id IS NOT DISTINCT FROM %(mlflow_run_id)s::text
  AND algorithm IS NOT DISTINCT FROM %(algorithm)s::text
  AND metrics = coalesce(%(metrics)s::jsonb, '{}')
  AND hyperparameters = coalesce(%(hyperparameters)s::jsonb, '{}')
  AND feature_names IS NOT DISTINCT FROM %(feature_names)s::text[]
  AND (%(task)s::text IS NULL OR task = %(task)s::text)
  AND class_names IS NOT DISTINCT FROM %(class_names)s::text[]
  AND (%(positive_label)s::text IS NULL OR positive_label = %(positive_label)s::text)
  AND training_samples IS NOT DISTINCT FROM %(training_samples)s::bigint
  AND dataset_version IS NOT DISTINCT FROM %(dataset_version)s::text
  AND dataset_digest IS NOT DISTINCT FROM %(dataset_digest)s::text
  AND artifact_uri IS NOT DISTINCT FROM %(artifact_uri)s::text
  AND metadata_uri IS NOT DISTINCT FROM %(metadata_uri)s::text;

-- read get --
-- One version, by its id or by its model and number.
SELECT {version}
FROM model_versions
WHERE id = %(id)s::uuid OR (model_name = %(model_name)s::text AND model_version = %(model_version)s::text);

-- read live --
-- The version that holds a slot now.
SELECT {version}
FROM model_versions
WHERE id = (SELECT d.model_version_id FROM v_deployments d
            WHERE d.model_name = %(model_name)s::text AND d.slot = %(slot)s::text AND d.retired_at IS NULL);

-- read list_versions --
-- Versions, newest first; the next page is before the last id of this one.
SELECT {version}
FROM model_versions
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(stage)s::text IS NULL OR stage = %(stage)s::text)
  AND (%(tags)s::jsonb IS NULL OR tags @> %(tags)s::jsonb)
  AND (%(before)s::uuid IS NULL
       OR (created_at, id) < (SELECT b.created_at, b.id FROM model_versions b WHERE b.id = %(before)s::uuid))
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s::integer;

-- set_tags --
-- Merge tags into a version's; a null value takes the tag away.
UPDATE model_versions
SET tags = (tags || %(tags)s::jsonb)
           - ARRAY(SELECT jsonb_path_query(%(tags)s::jsonb, '$.keyvalue() ? (@.value == null).key', silent => true)
                          #>> '{}')
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text
RETURNING tags;

-- set_description --
-- Replace the description of a version.
UPDATE model_versions
SET description = %(description)s::text
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text
RETURNING {version};

-- set_stage --
-- Move a version to another stage.
UPDATE model_versions
SET stage = %(stage)s::text
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text
RETURNING {version};

-- declare_task --
-- Declare what a version predicts.
SELECT {version}
FROM declare_task(%(model_name)s::text, %(model_version)s::text, %(task)s::text, %(class_names)s::text[],
                  %(positive_label)s::text);

-- correct --
-- Correct what was registered of a version that nothing refers to; what is NULL stays.
SELECT {version}
FROM correct_version(%(model_name)s::text, %(model_version)s::text, %(mlflow_run_id)s::text, %(algorithm)s::text,
                     %(metrics)s::jsonb, %(hyperparameters)s::jsonb, %(feature_names)s::text[], %(task)s::text,
                     %(class_names)s::text[], %(positive_label)s::text, %(training_samples)s::bigint,
                     %(dataset_version)s::text, %(dataset_digest)s::text, %(artifact_uri)s::text, %(metadata_uri)s::text);

-- withdraw --
-- Take back a version that nothing refers to.
SELECT id, model_name, model_version, withdrawn_at, withdrawn_by, reason, registered
FROM withdraw_version(%(model_name)s::text, %(model_version)s::text, %(withdrawn_by)s::text, %(reason)s::text);

-- promote --
-- Put a version into a slot.
SELECT {deployment}
FROM promote(%(model_name)s::text, %(model_version)s::text, %(slot)s::text, %(promoted_by)s::text,
             %(reason)s::text, %(decision_id)s::uuid, %(at)s::timestamptz, %(deployment_id)s::uuid,
             %(action_id)s::uuid);

-- rollback --
-- Put back the version that held the slot before.
SELECT {deployment}
FROM rollback(%(model_name)s::text, %(slot)s::text, %(rolled_back_by)s::text, %(reason)s::text,
              %(at)s::timestamptz, %(deployment_id)s::uuid);

-- retire --
-- Empty a slot.
SELECT {deployment}
FROM retire(%(model_name)s::text, %(slot)s::text, %(retired_by)s::text, %(reason)s::text,
            %(at)s::timestamptz, %(deployment_id)s::uuid);

-- read production_at --
-- The deployment that held a slot at a timestamp.
SELECT {deployment}
FROM production_at(%(model_name)s::text, coalesce(%(at)s::timestamptz, clock_timestamp()), %(slot)s::text);

-- read list_live --
-- What is in the slots of a model.
SELECT {deployment}
FROM v_deployments
WHERE model_name = %(model_name)s::text AND retired_at IS NULL
ORDER BY slot
LIMIT %(limit)s::integer;

-- read timeline --
-- Deployments, newest first; the next page is before the last id of this one.
SELECT model_name, slot, model_version, deployed_at, retired_at, live_for, is_live,
       deployed_by, reason, retired_by, retired_reason, is_rollback, decision_action,
       trigger_reason, decision_reasoning, approved_by, approved_at, stage, algorithm, accuracy,
       f1_score, roc_auc, brier_score, rmse, r2, training_samples, mlflow_run_id, created_at,
       promoted_at, promoted_by, model_version_id, deployment_id, decision_id, action_id
FROM v_model_timeline
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(slot)s::text IS NULL OR slot = %(slot)s::text)
  AND (%(before)s::uuid IS NULL
       OR (deployed_at, deployment_id)
          < (SELECT b.deployed_at, b.id FROM model_deployments b WHERE b.id = %(before)s::uuid))
ORDER BY deployed_at DESC, deployment_id DESC
LIMIT %(limit)s::integer;

-- read promotion_policy --
-- What a promotion into a slot needs.
SELECT {policy}
FROM promotion_policies
WHERE model_name = %(model_name)s::text AND slot = %(slot)s::text;

-- set_promotion_policy --
-- Change what a promotion into a slot needs; what is not given stays as it is.
INSERT INTO promotion_policies AS p (model_name, slot, requires_decision, requires_approval, updated_by)
VALUES (%(model_name)s::text, %(slot)s::text, coalesce(%(requires_decision)s::boolean, false),
        coalesce(%(requires_approval)s::boolean, false), coalesce(%(updated_by)s::text, session_user))
ON CONFLICT (model_name, slot) DO UPDATE
SET requires_decision = coalesce(%(requires_decision)s::boolean, p.requires_decision),
    requires_approval = coalesce(%(requires_approval)s::boolean, p.requires_approval),
    updated_by = excluded.updated_by
RETURNING {policy};
