-- Statements of Overview.

-- read models --
-- A row for each model, by name; the next page is after the last name of this one.
SELECT model_name, live_version, live_since, versions, last_prediction, predictions_24h, last_monitoring, worst_monitor,
       open_alerts, worst_alert, pending_approvals, coverage_pct
FROM v_models
WHERE model_name > coalesce(%(after)s::text, '')
ORDER BY model_name
LIMIT %(limit)s::integer;
