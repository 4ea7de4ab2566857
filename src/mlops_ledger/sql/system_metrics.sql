-- Statements of SystemMetricsRepository.

-- fragment value --
-- The columns of a value.
id, timestamp, host, metric_name, metric_value, unit, attributes

-- insert_many__copy --
-- Store values.
COPY system_metrics ({value}) FROM STDIN (FORMAT binary);

-- insert_many__stage --
-- Make a table for values some of which may be there already.
CREATE TEMP TABLE system_stage ON COMMIT DROP AS
SELECT {value} FROM system_metrics
WITH NO DATA;

-- insert_many__copy_to_stage --
-- Fill it.
COPY pg_temp.system_stage ({value}) FROM STDIN (FORMAT binary);

-- insert_many__store_staged --
-- Store what is new in it and count that.
WITH stored AS (
    INSERT INTO system_metrics ({value})
    SELECT {value} FROM pg_temp.system_stage
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) FROM stored;

-- insert_many__contradicted --
-- An id in it that names another value.
SELECT id
FROM pg_temp.system_stage s
JOIN system_metrics m USING (id, timestamp)
WHERE (m.host, m.metric_name, m.metric_value, m.unit, m.attributes)
   IS DISTINCT FROM (s.host, s.metric_name, s.metric_value, s.unit, s.attributes)
LIMIT 1;

-- insert_many__drop_stage --
-- Another write of the same transaction may need one.
DROP TABLE pg_temp.system_stage;

-- make_partitions --
-- Make the missing partitions of certain times and count them.
SELECT ledger_make_partitions('system_metrics', %(times)s::timestamptz[]);

-- ensure_partitions --
-- Make the missing partitions of a range of time and count them.
SELECT ensure_partitions('system_metrics', %(since)s::timestamptz, %(until)s::timestamptz);

-- read latest --
-- What a host measured in the five minutes before it was heard of last: the newest value of each series.
SELECT DISTINCT ON (metric_name, attributes) {value}
FROM system_metrics
WHERE host = %(host)s::text
  AND timestamp > (SELECT max(timestamp) FROM system_metrics WHERE host = %(host)s::text) - interval '5 minutes'
ORDER BY metric_name, attributes, timestamp DESC, id DESC;

-- read timeseries --
-- The values of a metric by bucket of time, oldest first; a bucket is a unit of the calendar in UTC or a step from the start.
SELECT coalesce(date_trunc(%(unit)s::text, timestamp, 'UTC'),
                date_bin(%(step)s::interval, timestamp, %(since)s::timestamptz)) AS bucket,
       count(*) AS count, min(metric_value) AS min, avg(metric_value) AS mean, max(metric_value) AS max
FROM system_metrics
WHERE metric_name = %(metric_name)s::text
  AND (%(host)s::text IS NULL OR host = %(host)s::text)
  AND (%(attributes)s::jsonb IS NULL OR attributes @> %(attributes)s::jsonb)
  AND timestamp >= %(since)s::timestamptz AND timestamp < %(until)s::timestamptz
GROUP BY 1
ORDER BY 1;
