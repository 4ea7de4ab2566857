-- Statements of PredictionsRepository.

-- fragment stored --
-- The columns of a prediction, in the order that COPY sends them.
id, predicted_at, model_version_id, request_id, batch_id, feature_values, inputs, prediction, predicted_label,
probability, class_probabilities, confidence_lower, confidence_upper, latency_ms, status, error_message, cache_hit, user_agent,
client_ip, metadata

-- fragment recent --
-- What every reader may see of a prediction, with its version.
p.id, p.predicted_at, v.model_name, v.model_version, p.status, p.prediction, p.predicted_label, p.probability,
p.class_probabilities, p.confidence_lower, p.confidence_upper, p.latency_ms, p.request_id, p.batch_id, p.error_message,
p.cache_hit

-- fragment prediction --
-- The columns of a prediction as it is read.
{recent}, p.model_version_id, v.feature_names, p.feature_values, p.inputs, p.user_agent, p.client_ip, p.metadata

-- fragment window --
-- The predictions of some versions, or of all, within a range of time.
predicted_at >= %(since)s::timestamptz AND predicted_at < %(until)s::timestamptz
  AND (%(version_ids)s::uuid[] IS NULL OR model_version_id = ANY (%(version_ids)s::uuid[]))

-- fragment visible --
-- The columns that a reader may see.
p.id, p.predicted_at, p.model_version_id, p.request_id, p.batch_id, p.prediction, p.predicted_label, p.probability, p.class_probabilities,
p.confidence_lower, p.confidence_upper, p.latency_ms, p.status, p.error_message, p.cache_hit

-- fragment filters --
-- What a list can be narrowed down by, and the row that its page begins behind, looked up by its id.
p.predicted_at >= %(since)s::timestamptz AND p.predicted_at < %(until)s::timestamptz
      AND (%(status)s::text IS NULL OR p.status = %(status)s::text)
      AND (%(predicted_label)s::text IS NULL OR p.predicted_label = %(predicted_label)s::text)
      AND (%(batch_id)s::text IS NULL OR p.batch_id = %(batch_id)s::text)
      AND (%(request_id)s::text IS NULL OR p.request_id = %(request_id)s::text)
      AND (%(before)s::uuid IS NULL OR (p.predicted_at, p.id) < (
          (SELECT coalesce(max(b.predicted_at), %(before_at)s::timestamptz) FROM predictions b
           WHERE b.id = %(before)s::uuid AND b.predicted_at >= %(before_from)s::timestamptz
             AND b.predicted_at < %(before_from)s::timestamptz + interval '1 millisecond'),
          %(before)s::uuid))

-- fragment page --
-- A page of all versions.
{filters}
    ORDER BY p.predicted_at DESC, p.id DESC
    LIMIT %(limit)s::integer

-- fragment in_order --
-- The order of a page, with what its rows say of their version.
LEFT JOIN model_versions v ON v.id = p.model_version_id
ORDER BY p.predicted_at DESC, p.id DESC
LIMIT %(limit)s::integer

-- version --
-- What a writer needs to know of a version.
SELECT id, feature_names, class_names FROM model_versions
WHERE model_name = %(model_name)s::text AND model_version = %(model_version)s::text;

-- insert --
-- Store one prediction. NULL when its id is there already, or its version is not.
SELECT ledger_insert_prediction(
    %(id)s::uuid, %(predicted_at)s::timestamptz, %(model_version_id)s::uuid, %(request_id)s::text, %(batch_id)s::text,
    %(features)s::double precision[], %(inputs)s::jsonb, %(prediction)s::double precision, %(predicted_label)s::text,
    %(probability)s::double precision, %(class_probabilities)s::double precision[], %(confidence_lower)s::double precision,
    %(confidence_upper)s::double precision, %(latency_ms)s::double precision, %(status)s::text, %(error_message)s::text,
    %(cache_hit)s::boolean, %(user_agent)s::text, %(client_ip)s::inet, %(metadata)s::jsonb) AS id;

-- insert__repeated --
-- The prediction that an earlier try stored, if it was of the same version.
WITH found AS MATERIALIZED (
    SELECT id, model_version_id, predicted_at FROM predictions
    WHERE id = %(id)s::uuid AND predicted_at = %(predicted_at)s::timestamptz
      AND model_version_id = %(model_version_id)s::uuid
), marked AS (
    -- A worker of Citus commits first: the coordinator may have died, with the mark, before it did.
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT model_version_id, 'predictions', predicted_at, predicted_at FROM found
)
SELECT id FROM found;

-- fragment other_versions --
-- Whether a write of that key had predictions of versions that this one has not.
EXISTS (SELECT FROM prediction_batches
        WHERE id = %(idempotency_key)s::uuid AND model_version_id <> ALL (%(version_ids)s::uuid[]))

-- begin_write --
-- Record a write of one version. No row when it was made before, or the key is that of another write.
INSERT INTO prediction_batches (id, model_version_id, num_predictions, first_predicted_at, last_predicted_at)
SELECT %(idempotency_key)s::uuid, %(model_version_id)s::uuid, %(num_predictions)s::integer,
       %(first_predicted_at)s::timestamptz, %(last_predicted_at)s::timestamptz
WHERE NOT {other_versions}
ON CONFLICT DO NOTHING
RETURNING id;

-- begin_write__repeated --
-- The write that was made before, if it had as many predictions.
SELECT id FROM prediction_batches
WHERE id = %(idempotency_key)s::uuid AND model_version_id = %(model_version_id)s::uuid
  AND num_predictions = %(num_predictions)s::integer AND NOT {other_versions};

-- copy --
-- Store predictions.
COPY predictions ({stored}) FROM STDIN (FORMAT binary);

-- stage --
-- Make a table for predictions some of which may be there already.
CREATE TEMP TABLE prediction_stage (LIKE predictions) ON COMMIT DROP;

-- copy_to_stage --
-- Fill it.
COPY pg_temp.prediction_stage ({stored}) FROM STDIN (FORMAT binary);

-- store_staged --
-- Store what is new in it and count that.
WITH stored AS (
    INSERT INTO predictions ({stored})
    SELECT {stored}
    FROM pg_temp.prediction_stage
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) FROM stored;

-- drop_stage --
-- Another write of the same transaction may need one.
DROP TABLE pg_temp.prediction_stage;

-- make_partitions --
-- Make the missing partitions of certain times and count them.
SELECT ledger_make_partitions('predictions', %(times)s::timestamptz[]);

-- ensure_partitions --
-- Make the missing partitions of a range of time and count them.
SELECT ensure_partitions('predictions', %(since)s::timestamptz, %(until)s::timestamptz);

-- partition_by --
-- Set how long the partitions are that are made from now on, of predictions and labels.
UPDATE partition_policies SET period = %(period)s::text
WHERE table_name IN ('predictions', 'ground_truth')
RETURNING table_name;

-- read version_ids --
-- The versions of a model, or one of them, and whether their predictions are spread over workers.
SELECT id, EXISTS (SELECT FROM ledger_distributed() d WHERE d.table_name = 'predictions') AS is_distributed
FROM model_versions
WHERE model_name = %(model_name)s::text
  AND (%(model_version)s::text IS NULL OR model_version = %(model_version)s::text);

-- fragment one --
-- One prediction, at the time in its id, or for an id made elsewhere within the same millisecond.
p.id = %(id)s::uuid AND p.predicted_at = (
    SELECT predicted_at FROM (
        SELECT predicted_at FROM predictions
        WHERE id = %(id)s::uuid AND predicted_at = %(predicted_at)s::timestamptz
        UNION ALL
        SELECT predicted_at FROM predictions
        WHERE id = %(id)s::uuid AND predicted_at >= %(predicted_from)s::timestamptz
          AND predicted_at < %(predicted_from)s::timestamptz + interval '1 millisecond') found
    LIMIT 1)

-- read get --
-- One prediction.
SELECT {prediction}
FROM predictions p
LEFT JOIN model_versions v ON v.id = p.model_version_id
WHERE {one};

-- read get_recent --
-- As get, without what went into a model and who asked.
SELECT {recent}, p.model_version_id
FROM predictions p
LEFT JOIN model_versions v ON v.id = p.model_version_id
WHERE {one};

-- read list_predictions --
-- Predictions of a range of time, newest first; the next page is before the last id of this one.
SELECT {prediction}
FROM (
    SELECT p.* FROM predictions p
    WHERE {page}) p
{in_order};

-- fragment newest_of_wanted --
-- The newest of one version in the order of its index, with all that share the last time.
p.model_version_id = wanted.id
      -- These bounds say no more, and tell the planner that few are of one version. Where a partition has one only, it
      -- would otherwise look along the time for another one, through all of the partition.
      AND p.model_version_id >= wanted.id
      AND (p.model_version_id, p.predicted_at) >= (wanted.id, %(since)s::timestamptz)
      AND (p.model_version_id, p.predicted_at) < (wanted.id, %(until)s::timestamptz) AND {filters}
    ORDER BY p.predicted_at DESC
    FETCH FIRST (%(limit)s::integer) ROWS WITH TIES

-- read list_predictions__of_versions --
-- The same of some versions: the newest of each, and of these the newest, so that those of others are not read.
SELECT {prediction}
FROM unnest(%(version_ids)s::uuid[]) wanted (id)
CROSS JOIN LATERAL (
    SELECT p.* FROM predictions p
    WHERE {newest_of_wanted}) p
{in_order};

-- read list_predictions__distributed --
-- The same of some versions where they are spread over workers, each of which has the newest of all.
SELECT {prediction}
FROM (
    SELECT p.* FROM predictions p
    WHERE p.model_version_id = ANY (%(version_ids)s::uuid[]) AND {page}) p
{in_order};

-- read list_recent --
-- As list_predictions, without what went into a model and who asked.
SELECT {recent}, p.model_version_id
FROM (
    SELECT {visible} FROM predictions p
    WHERE {page}) p
{in_order};

-- read list_recent__of_versions --
-- As list_predictions__of_versions, without what went into a model and who asked.
SELECT {recent}, p.model_version_id
FROM unnest(%(version_ids)s::uuid[]) wanted (id)
CROSS JOIN LATERAL (
    SELECT {visible} FROM predictions p
    WHERE {newest_of_wanted}) p
{in_order};

-- read list_recent__distributed --
-- The same of some versions where they are spread over workers, each of which has the newest of all.
SELECT {recent}, p.model_version_id
FROM (
    SELECT {visible} FROM predictions p
    WHERE p.model_version_id = ANY (%(version_ids)s::uuid[]) AND {page}) p
{in_order};

-- read stats__is_known --
-- Whether there is a model, which may have no version yet.
SELECT %(model_version)s::text IS NULL
       AND EXISTS (SELECT FROM models WHERE model_name = %(model_name)s::text) AS is_known;

-- read stats --
-- The predictions of a window of time in numbers.
SELECT a.count, a.success_rate, a.mean_probability, a.mean_latency_ms, a.latency_ms[1] AS p50_latency_ms,
       a.latency_ms[2] AS p95_latency_ms, a.latency_ms[3] AS p99_latency_ms, a.cache_hit_rate, a.earliest, a.latest,
       coalesce(d.label_distribution, '{}') AS label_distribution
FROM (
    SELECT count(*) AS count,
           avg((status = 'success')::integer)::double precision AS success_rate,
           avg(probability) AS mean_probability,
           avg(latency_ms) FILTER (WHERE latency_ms <= 1e150) AS mean_latency_ms,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms) AS latency_ms,
           avg(cache_hit::integer)::double precision AS cache_hit_rate,
           min(predicted_at) AS earliest,
           max(predicted_at) AS latest
    FROM predictions
    WHERE {window}) a
CROSS JOIN (
    SELECT jsonb_object_agg(predicted_label, n) AS label_distribution
    FROM (
        SELECT predicted_label, count(*) AS n
        FROM predictions
        WHERE {window}
          AND predicted_label IS NOT NULL
        GROUP BY predicted_label
        ORDER BY n DESC
        LIMIT 1000) l) d;

-- read monitoring_summary --
-- What a monitoring run records of the predictions of a window of time.
WITH tasks AS (
    SELECT count(*) AS n, min(task) AS task, min(class_names) AS class_names, min(positive_label) AS positive_label
    FROM (SELECT DISTINCT task, class_names, positive_label FROM v_version_tasks
          WHERE model_version_id = ANY (%(version_ids)s::uuid[]) AND task IS NOT NULL) t
), definition AS MATERIALIZED (
    SELECT task, class_names, coalesce(%(positive_label)s::text, positive_label) AS positive_label,
           %(positive_label)s::text <> positive_label AND task = 'binary' AS is_other,
           CASE WHEN n > 1 THEN 'the versions differ in task, classes or positive class: give model_version'
                WHEN task = 'regression' THEN 'the version is a regression'
                WHEN task IS NOT NULL AND coalesce(%(positive_label)s::text, positive_label) IS NULL
                THEN 'nothing tells which class is positive: give positive_label' END AS problem
    FROM tasks
)
SELECT %(model_name)s::text AS model_name, %(until)s::timestamptz AS timestamp,
       %(lookback_hours)s::double precision AS lookback_hours, p.num_predictions,
       CASE WHEN r.reason IS NULL THEN p.positive_rate END AS positive_rate, p.probability_mean,
       p.probability_std, p.entropy, l.labeled_samples,
       CASE WHEN p.num_predictions > 0
            THEN least(100.0 * l.labeled_samples / p.num_predictions, 100)::double precision END AS coverage_pct,
       CASE WHEN r.reason IS NULL THEN '{}'
            ELSE jsonb_build_object('reasons', jsonb_build_object('positive_rate', r.reason)) END AS metadata
FROM (
    SELECT count(*) AS num_predictions,
           avg(CASE WHEN d.task IS NOT NULL THEN ledger_predicted_class(
                        predicted_label, prediction, CASE WHEN d.is_other THEN 1 - probability ELSE probability END,
                        class_probabilities, d.class_names, d.positive_label, %(threshold)s::double precision) = d.positive_label
                    WHEN d.positive_label IS NULL THEN probability >= %(threshold)s::double precision
                    ELSE predicted_label = d.positive_label END::integer)::double precision AS positive_rate,
           avg(probability) AS probability_mean,
           stddev_pop(probability) AS probability_std,
           avg(ledger_entropy(probability, class_probabilities)) AS entropy,
           count(DISTINCT predicted_label) > 2 AND bool_and(d.positive_label IS NULL) AS is_undecided
    FROM predictions CROSS JOIN definition d
    WHERE {window}) p
CROSS JOIN definition d
CROSS JOIN LATERAL (
    SELECT coalesce(d.problem, CASE WHEN p.is_undecided
        THEN 'of more than two classes nothing tells which is positive: give positive_label' END) AS reason) r
CROSS JOIN (
    SELECT count(*) AS labeled_samples
    FROM (
        SELECT DISTINCT prediction_id
        FROM ground_truth
        WHERE {window}
          AND labeled_at <= %(until)s::timestamptz) g) l;

-- erase__labels --
-- Delete the labels of a request's predictions.
WITH erased AS (
    DELETE FROM ground_truth
    WHERE prediction_id IN (SELECT id FROM predictions WHERE request_id = %(request_id)s::text)
    RETURNING prediction_id, model_version_id, predicted_at
), marked AS (
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT model_version_id, 'ground_truth', predicted_at, predicted_at FROM erased
)
SELECT prediction_id FROM erased;

-- erase__waiting --
-- Delete the labels that wait for predictions of a request.
DELETE FROM ground_truth_waiting
WHERE request_id = %(request_id)s::text
   OR prediction_id IN (SELECT id FROM predictions WHERE request_id = %(request_id)s::text)
RETURNING id;

-- erase --
-- Delete the predictions of a request.
WITH erased AS (
    DELETE FROM predictions WHERE request_id = %(request_id)s::text
    RETURNING id, model_version_id, predicted_at
), marked AS (
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT model_version_id, 'predictions', predicted_at, predicted_at FROM erased
)
SELECT id FROM erased;

-- erase__record --
-- Record that something was erased, but nothing of it.
INSERT INTO deletions (reason, table_name, num_rows)
VALUES ('erasure', %(table_name)s::text, %(num_rows)s::bigint)
RETURNING id;

-- read fetch --
-- Predictions of a window of time, for a table.
SELECT {recent}, p.feature_values, p.inputs::text AS inputs, p.user_agent, host(p.client_ip) AS client_ip,
       p.metadata::text AS metadata
FROM predictions p
LEFT JOIN model_versions v ON v.id = p.model_version_id
WHERE {window}
