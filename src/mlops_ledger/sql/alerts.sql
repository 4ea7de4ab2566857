-- Statements of AlertsRepository.

-- fragment alert --
-- The columns of an alert.
id, alert_type, severity, title, message, related_data, model_name, dedup_key, monitor_id,
status, occurrences, first_seen, last_seen, acknowledged_at, acknowledged_by, resolved_at,
resolved_by, notes, snoozed_until, snoozed_by, created_at

-- raise_alert --
-- Open an alert, or count an occurrence on the open one of its key.
SELECT {alert}
FROM raise_alert(%(alert_type)s::text, %(title)s::text, %(severity)s::text, %(message)s::text,
                 %(related_data)s::jsonb, %(model_name)s::text, %(dedup_key)s::text,
                 %(at)s::timestamptz, %(occurrence_id)s::uuid);

-- acknowledge --
-- Acknowledge an alert.
SELECT {alert}
FROM acknowledge_alert(%(id)s::uuid, %(acknowledged_by)s::text, %(notes)s::text, %(at)s::timestamptz);

-- resolve --
-- End an alert; no row when none of the key is open.
SELECT {alert}
FROM resolve_alert(%(id)s::uuid, %(dedup_key)s::text, %(resolved_by)s::text, %(notes)s::text,
                   %(at)s::timestamptz);

-- snooze --
-- Hide an alert from the list of active ones for a while.
SELECT {alert}
FROM snooze_alert(%(id)s::uuid, %(until)s::timestamptz, %(snoozed_by)s::text);

-- read get --
-- One alert.
SELECT {alert}
FROM alerts WHERE id = %(id)s::uuid;

-- read list_active --
-- What waits for somebody, worst first, then newest first.
SELECT {alert}
FROM alerts
WHERE status <> 'resolved'
  AND (status = 'active' OR %(include_acknowledged)s::boolean)
  AND (snoozed_until IS NULL OR snoozed_until <= now() OR %(include_snoozed)s::boolean)
  AND (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(severity)s::text IS NULL OR severity = %(severity)s::text)
ORDER BY ledger_severity_rank(severity) DESC, last_seen DESC, id DESC
LIMIT %(limit)s::integer;

-- read list_alerts --
-- All alerts, newest first; the next page is before the last id of this one.
SELECT {alert}
FROM alerts
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND (%(alert_type)s::text IS NULL OR alert_type = %(alert_type)s::text)
  AND (%(severity)s::text IS NULL OR severity = %(severity)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(dedup_key)s::text IS NULL OR dedup_key = %(dedup_key)s::text)
  AND (%(since)s::timestamptz IS NULL OR first_seen >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_seen < %(until)s::timestamptz)
  AND (%(before)s::uuid IS NULL
       OR (first_seen, id) < (SELECT b.first_seen, b.id FROM alerts b WHERE b.id = %(before)s::uuid))
ORDER BY first_seen DESC, id DESC
LIMIT %(limit)s::integer;

-- read list_occurrences --
-- The times an alert was raised, newest first; the next page is before the last id of this one.
SELECT id, alert_id, occurred_at, severity, title, message, related_data
FROM alert_occurrences
WHERE alert_id = %(alert_id)s::uuid
  AND (%(before)s::uuid IS NULL
       OR (occurred_at, id)
          < (SELECT b.occurred_at, b.id FROM alert_occurrences b WHERE b.id = %(before)s::uuid))
ORDER BY occurred_at DESC, id DESC
LIMIT %(limit)s::integer;

-- read stats --
-- How the alerts first seen in a window were dealt with, per severity, worst first.
SELECT severity,
       count(*) AS alerts,
       sum(occurrences)::bigint AS occurrences,
       count(acknowledged_at) AS acknowledged,
       count(resolved_at) AS resolved,
       avg(acknowledged_at - first_seen) AS mean_time_to_acknowledge,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY acknowledged_at - first_seen) AS median_time_to_acknowledge,
       avg(resolved_at - first_seen) AS mean_time_to_resolve,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY resolved_at - first_seen) AS median_time_to_resolve
FROM alerts
WHERE (%(model_name)s::text IS NULL OR model_name = %(model_name)s::text)
  AND first_seen >= %(since)s::timestamptz AND first_seen < %(until)s::timestamptz
GROUP BY severity
ORDER BY ledger_severity_rank(severity) DESC;
