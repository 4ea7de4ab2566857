-- Statements of MonitorsRepository.

-- fragment rule --
-- The columns that say what a monitor watches.
id, model_name, name, source, metric_name, slice, host, attributes, "window", operator,
warning_threshold, critical_threshold, consecutive, no_data, hysteresis

-- fragment monitor --
-- The columns of a monitor.
{rule}, enabled, created_at, created_by, removed_at, removed_by

-- fragment finding --
-- What a monitor found last.
evaluated_at, state, severity, value, point_at, alert_id

-- insert --
-- Add a monitor. No row when the id is taken.
INSERT INTO monitors ({rule}, created_by)
VALUES
    (%(id)s::uuid, %(model_name)s::text, %(name)s::text, %(source)s::text, %(metric_name)s::text,
     %(slice)s::text, %(host)s::text, coalesce(%(attributes)s::jsonb, '{}'), %(window)s::interval,
     %(operator)s::text, %(warning_threshold)s::double precision,
     %(critical_threshold)s::double precision, %(consecutive)s::integer, %(no_data)s::text,
     %(hysteresis)s::double precision, coalesce(%(created_by)s::text, session_user))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- insert__repeated --
-- The monitor an earlier try with the same id added, if it was the same.
SELECT id FROM monitors
WHERE id = %(id)s::uuid AND model_name IS NOT DISTINCT FROM %(model_name)s::text AND name = %(name)s::text
  AND source = lower(btrim(%(source)s::text) COLLATE "C") AND metric_name = %(metric_name)s::text
  AND slice = %(slice)s::text AND host IS NOT DISTINCT FROM %(host)s::text
  AND attributes = coalesce(%(attributes)s::jsonb, '{}') AND "window" = %(window)s::interval
  AND operator = %(operator)s::text
  AND warning_threshold IS NOT DISTINCT FROM %(warning_threshold)s::double precision
  AND critical_threshold IS NOT DISTINCT FROM %(critical_threshold)s::double precision
  AND consecutive = %(consecutive)s::integer AND no_data = lower(btrim(%(no_data)s::text) COLLATE "C")
  AND hysteresis = %(hysteresis)s::double precision
  AND created_by = coalesce(%(created_by)s::text, created_by);

-- add_defaults --
-- Add the usual monitors of a model that it does not have yet, by name: their ids are of the same time.
SELECT {monitor},
       NULL::timestamptz AS evaluated_at, NULL::text AS state, NULL::text AS severity,
       NULL::double precision AS value, NULL::timestamptz AS point_at, NULL::uuid AS alert_id
FROM add_default_monitors(%(model_name)s::text, %(window)s::interval, %(created_by)s::text)
ORDER BY name;

-- read get --
-- One monitor, removed ones too.
SELECT {monitor}, {finding}
FROM v_monitors WHERE id = %(id)s::uuid;

-- read list_monitors --
-- Monitors, newest first; the next page is before the last id of this one.
SELECT {monitor}, {finding}
FROM v_monitors
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (removed_at IS NULL OR %(include_removed)s::boolean)
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- set_enabled --
-- Have a monitor evaluated, or not; no row when there is none or it was removed.
UPDATE monitors SET enabled = %(enabled)s::boolean
WHERE id = %(id)s::uuid AND removed_at IS NULL
RETURNING id;

-- remove --
-- End a monitor and resolve its alert.
SELECT id FROM remove_monitor(%(id)s::uuid, %(removed_by)s::text);

-- run --
-- Evaluate monitors.
SELECT monitor_id, model_name, name, source, metric_name, state, severity, value, operator,
       threshold, point_at, evaluated_at, alert_id, done
FROM run_monitors(%(model_name)s::text, %(at)s::timestamptz);
