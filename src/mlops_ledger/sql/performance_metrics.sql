-- Statements of PerformanceMetricsRepository.

-- fragment value --
-- The columns of a value that its writer gives.
id, timestamp, model_name, model_version_id, metric_type, metric_name, metric_value, stage, step,
dataset_version, slice, metadata

-- fragment version_id --
-- The version that is named by its number or its id, or none.
ledger_version_id(%(model_name)s::text, %(model_version)s::text, %(model_version_id)s::uuid)

-- insert --
-- Store one value. No row when its id is there already.
INSERT INTO performance_metrics ({value})
VALUES
    (%(id)s::uuid, %(timestamp)s::timestamptz, %(model_name)s::text, {version_id}, %(metric_type)s::text,
     %(metric_name)s::text, %(metric_value)s::double precision, %(stage)s::text, %(step)s::bigint,
     %(dataset_version)s::text, %(slice)s::text, coalesce(%(metadata)s::jsonb, '{}'))
ON CONFLICT DO NOTHING
RETURNING id;

-- insert__repeated --
-- The value an earlier try stored under that id, if it was the same; the version may have been left to the database.
SELECT id FROM performance_metrics
WHERE id = %(id)s::uuid
  AND timestamp IS NOT DISTINCT FROM %(timestamp)s::timestamptz
  AND model_name IS NOT DISTINCT FROM %(model_name)s::text
  AND coalesce({version_id}, model_version_id) IS NOT DISTINCT FROM model_version_id
  AND metric_type IS NOT DISTINCT FROM %(metric_type)s::text
  AND metric_name IS NOT DISTINCT FROM %(metric_name)s::text
  AND metric_value IS NOT DISTINCT FROM %(metric_value)s::double precision
  AND stage IS NOT DISTINCT FROM %(stage)s::text
  AND step IS NOT DISTINCT FROM %(step)s::bigint
  AND dataset_version IS NOT DISTINCT FROM %(dataset_version)s::text
  AND slice IS NOT DISTINCT FROM %(slice)s::text
  AND metadata IS NOT DISTINCT FROM coalesce(%(metadata)s::jsonb, '{}');

-- version --
-- The id of a version.
SELECT {version_id};

-- insert_many__in_production --
-- Which versions of models were in production within a range of time.
SELECT model_name, model_version_id, deployed_at, retired_at
FROM v_deployments
WHERE model_name = ANY (%(model_names)s::text[]) AND slot = 'production'
  AND deployed_at <= %(latest)s::timestamptz
  AND (retired_at IS NULL OR retired_at > %(earliest)s::timestamptz)
ORDER BY deployed_at DESC;

-- insert_many__copy --
-- Store values.
COPY performance_metrics ({value}) FROM STDIN (FORMAT binary);

-- insert_many__stage --
-- Make a table for values some of which may be there already.
CREATE TEMP TABLE performance_stage ON COMMIT DROP AS
SELECT {value}
FROM performance_metrics
WITH NO DATA;

-- insert_many__copy_to_stage --
-- Fill it.
COPY pg_temp.performance_stage ({value}) FROM STDIN (FORMAT binary);

-- insert_many__store_staged --
-- Store what is new in it and count that.
WITH stored AS (
    INSERT INTO performance_metrics ({value})
    SELECT {value}
    FROM pg_temp.performance_stage
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) FROM stored;

-- insert_many__contradicted --
-- An id in it that names another value.
SELECT id
FROM pg_temp.performance_stage s
JOIN performance_metrics m USING (id)
WHERE (m.timestamp, m.model_name, m.model_version_id, m.metric_type, m.metric_name, m.metric_value, m.stage,
       m.step, m.dataset_version, m.slice, m.metadata)
   IS DISTINCT FROM
      (s.timestamp, s.model_name, coalesce(s.model_version_id, m.model_version_id), s.metric_type, s.metric_name,
       s.metric_value, s.stage, s.step, s.dataset_version, s.slice, s.metadata)
LIMIT 1;

-- insert_many__drop_stage --
-- Another write of the same transaction may need one.
DROP TABLE pg_temp.performance_stage;

-- read get --
-- One value.
SELECT {value}, created_at,
       (SELECT v.model_version FROM model_versions v WHERE v.id = model_version_id) AS model_version
FROM performance_metrics WHERE id = %(id)s::uuid;

-- read list_metrics --
-- Values of a model, newest first; the next page is before the last id of this one.
SELECT {value}, created_at,
       (SELECT v.model_version FROM model_versions v WHERE v.id = model_version_id) AS model_version
FROM performance_metrics
WHERE model_name = %(model_name)s::text
  AND (%(model_version)s::text IS NULL OR model_version_id = (
       SELECT v.id FROM model_versions v
       WHERE v.model_name = %(model_name)s::text AND v.model_version = %(model_version)s::text))
  AND (%(metric_type)s::text IS NULL OR metric_type = %(metric_type)s::text)
  AND (%(metric_name)s::text IS NULL OR metric_name = %(metric_name)s::text)
  AND (%(stage)s::text IS NULL OR stage = %(stage)s::text)
  AND (%(slice)s::text IS NULL OR slice = %(slice)s::text)
  AND (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s::timestamptz)
  AND (%(before)s::uuid IS NULL
       OR (timestamp, id) < (SELECT b.timestamp, b.id FROM performance_metrics b WHERE b.id = %(before)s::uuid))
ORDER BY timestamp DESC, id DESC
LIMIT %(limit)s::integer;

-- read latest --
-- The newest value of each metric, stage and slice of a model, or of one of its versions.
SELECT DISTINCT ON (metric_name, stage, slice) {value}, created_at, model_version
FROM (
    SELECT m.*, v.model_version
    FROM model_versions v
    CROSS JOIN LATERAL latest_performance_metrics(v.id) m
    WHERE v.model_name = %(model_name)s::text
      AND (%(model_version)s::text IS NULL OR v.model_version = %(model_version)s::text)) newest
ORDER BY metric_name, stage, slice, timestamp DESC, id DESC;

-- read compare__missing --
-- Which of two versions the model does not have.
SELECT given FROM unnest(ARRAY[%(version_a)s::text, %(version_b)s::text]) given
WHERE given NOT IN (
    SELECT model_version FROM model_versions
    WHERE model_name = %(model_name)s::text AND model_version IN (%(version_a)s::text, %(version_b)s::text))
LIMIT 1;

-- read compare --
-- The newest values of two versions side by side.
SELECT metric_name, stage, slice, a.metric_value AS value_a, b.metric_value AS value_b,
       b.metric_value - a.metric_value AS difference, a.timestamp AS timestamp_a, b.timestamp AS timestamp_b
FROM latest_performance_metrics((
    SELECT v.id FROM model_versions v
    WHERE v.model_name = %(model_name)s::text AND v.model_version = %(version_a)s::text)) a
FULL JOIN latest_performance_metrics((
    SELECT v.id FROM model_versions v
    WHERE v.model_name = %(model_name)s::text AND v.model_version = %(version_b)s::text)) b
USING (metric_name, stage, slice)
ORDER BY metric_name, stage, slice;

-- read timeseries --
-- The values of a series by bucket of time, oldest first; a bucket is a unit of the calendar in UTC or a step from the start.
SELECT coalesce(date_trunc(%(unit)s::text, timestamp, 'UTC'),
                date_bin(%(step)s::interval, timestamp, %(since)s::timestamptz)) AS bucket,
       count(*) AS count, min(metric_value) AS min, avg(metric_value) AS mean, max(metric_value) AS max
FROM performance_metrics
WHERE model_name = %(model_name)s::text AND metric_name = %(metric_name)s::text
  AND stage = %(stage)s::text AND slice = %(slice)s::text
  AND (%(model_version)s::text IS NULL OR model_version_id = (
       SELECT v.id FROM model_versions v
       WHERE v.model_name = %(model_name)s::text AND v.model_version = %(model_version)s::text))
  AND timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz
GROUP BY 1
ORDER BY 1;
