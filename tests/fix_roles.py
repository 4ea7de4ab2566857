"""What each role may do: a table of operation × role, which the documentation shows as well."""

from __future__ import annotations

from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

KINDS: Final = ("reader", "writer", "approver", "auditor", "agent", "owner")
ALL: Final = set(KINDS)
WRITE: Final = {"writer", "owner"}
REVIEW: Final = {"approver", "owner"}
PRIVATE: Final = {"writer", "auditor", "owner"}
AUDIT: Final = {"auditor", "owner"}
OWNER: Final = {"owner"}
NOBODY: Final[set[str]] = set()

# What the statements name.
NAMES: Final = {
    "version": "(SELECT id FROM model_versions WHERE model_version = '2')",
    "prediction": "(SELECT id FROM v_prediction_log LIMIT 1)",
    "pending": "(SELECT id FROM agent_actions WHERE status = 'pending')",
    "approved": "(SELECT id FROM agent_actions WHERE status = 'approved')",
    "alert": "(SELECT id FROM alerts LIMIT 1)",
    "monitor": "(SELECT id FROM monitors LIMIT 1)",
}


class Operation(NamedTuple):
    """A statement, who may run it, and its words if the documentation shows it."""

    words: str
    statement: str
    allowed: set[str]


OPERATIONS: Final = tuple(
    Operation(*row)
    for row in (
        ("read versions, deployments, decisions", "SELECT * FROM v_decision_history", ALL),
        ("", "SELECT * FROM model_versions", ALL),
        ("", "SELECT * FROM v_model_timeline", ALL),
        ("", "SELECT * FROM production_at('m')", ALL),
        ("", "SELECT max(version) FROM ledger_migrations", ALL),
        ("read monitoring, drift and metrics", "SELECT * FROM v_recent_monitoring", ALL),
        ("", "SELECT * FROM drift_reports", ALL),
        ("", "SELECT * FROM performance_metrics", ALL),
        ("", "SELECT * FROM system_metrics", ALL),
        ("read alerts and actions", "SELECT * FROM v_open_alerts", ALL),
        ("", "SELECT * FROM v_models", ALL),
        ("", "SELECT * FROM v_pending_actions", ALL),
        ("", "SELECT * FROM v_monitors", ALL),
        ("read labels", "SELECT * FROM v_labeled_predictions", ALL),
        ("read and count predictions", "SELECT * FROM v_prediction_log", ALL),
        ("", "SELECT count(*), avg(probability) FROM predictions WHERE status = 'success'", ALL),
        ("read `inputs` of predictions", "SELECT inputs FROM predictions", PRIVATE),
        ("", "SELECT id FROM predictions WHERE inputs IS NOT NULL", PRIVATE),
        ("", "SELECT p FROM predictions p", PRIVATE),
        ("", "SELECT id FROM v_predictions", PRIVATE),
        ("read `user_agent`, `client_ip`", "SELECT user_agent FROM predictions", PRIVATE),
        ("", "SELECT client_ip FROM predictions", PRIVATE),
        ("read `metadata` of predictions", "SELECT metadata FROM predictions", PRIVATE),
        ("read summaries", "SELECT * FROM summaries", ALL),
        ("", "SELECT * FROM summary_histograms", ALL),
        ("", "SELECT * FROM summary_outcomes JOIN summary_slices USING (slice)", ALL),
        ("", "SELECT * FROM summary_privacy", ALL),
        ("say what readers see of them", "UPDATE summary_privacy SET minimum_count = 5", OWNER),
        ("go around the table to a partition", "SELECT id FROM {partition}", OWNER),
        ("", "DELETE FROM {partition}", OWNER),
        ("", "TRUNCATE {partition}", OWNER),
        ("read the audit log", "SELECT * FROM audit_log", AUDIT),
        ("", "SELECT * FROM audit_head", AUDIT),
        ("", "SELECT e.seq FROM v_events e JOIN audit_log USING (seq)", AUDIT),
        ("read events", "SELECT * FROM v_events", ALL),
        ("", "SELECT seq FROM audit_head", ALL),
        ("", "SELECT * FROM v_event_types", ALL),
        ("keep a cursor of events", "SELECT start_event_consumer('own', 0)", ALL),
        ("", "UPDATE event_consumers SET seq = 0", OWNER),
        ("see webhooks and their deliveries", "SELECT * FROM webhook_deliveries", ALL),
        ("", "SELECT host FROM webhooks", ALL),
        ("", "SELECT seq, failures FROM webhook_endpoints", ALL),
        ("read their addresses and secrets", "SELECT secret FROM webhook_endpoints", OWNER),
        ("", "SELECT url FROM webhook_endpoints", OWNER),
        ("", "DELETE FROM webhooks", OWNER),
        ("", "UPDATE webhook_deliveries SET status = 'pending'", OWNER),
        ("", "SELECT seq FROM event_consumers FOR UPDATE", OWNER),
        ("", "SELECT * FROM deletions", AUDIT),
        ("register a version", "INSERT INTO model_versions (model_name) VALUES ('m')", WRITE),
        ("tag a version", "UPDATE model_versions SET tags = '{{}}', stage = stage", WRITE),
        ("change a version", "UPDATE model_versions SET metrics = '{{}}'", OWNER),
        ("", "DELETE FROM model_versions WHERE model_version = '2'", OWNER),
        ("correct a version", "SELECT correct_version('unused', '1', algorithm => 'trees')", WRITE),
        ("withdraw a version", "SELECT withdraw_version('unused', '1')", WRITE),
        ("", "INSERT INTO withdrawn_versions SELECT * FROM withdrawn_versions", OWNER),
        (
            "",
            "INSERT INTO prediction_batches (id, model_version_id, num_predictions,"
            " first_predicted_at, last_predicted_at)"
            " VALUES (ledger_uuid(), {version}, 1, now(), now())",
            WRITE,
        ),
        (
            "log predictions",
            "INSERT INTO predictions (id, predicted_at, model_version_id, inputs)"
            " SELECT ledger_uuid(), now(), {version}, '{{}}' ON CONFLICT DO NOTHING",
            WRITE,
        ),
        ("make partitions", "SELECT ensure_partitions('predictions', now(), now())", WRITE),
        (
            "record labels",
            "SELECT * FROM record_ground_truth(jsonb_build_array(jsonb_build_object("
            "'prediction_id', {prediction}, 'actual_label', 'yes')))",
            WRITE,
        ),
        ("", "SELECT match_ground_truth() FROM ground_truth_waiting FOR UPDATE", WRITE),
        (
            "record monitoring runs, drift and metrics",
            "INSERT INTO monitoring_metrics (model_name, model_version_id, lookback_hours,"
            " num_predictions) VALUES ('m', {version}, 24, 0)",
            WRITE,
        ),
        (
            "",
            "INSERT INTO performance_metrics (model_name, model_version_id, metric_name,"
            " metric_value) VALUES ('m', {version}, 'rmse', 1)",
            WRITE,
        ),
        (
            "",
            "INSERT INTO system_metrics (host, metric_name, metric_value) VALUES ('h', 'c', 1)",
            WRITE,
        ),
        (
            "",
            "INSERT INTO drift_reports (model_name, model_version_id, lookback_hours, window_start,"
            " window_end, drift_detected)"
            " VALUES ('m', {version}, 24, now() - interval '1 day', now(), false)",
            WRITE,
        ),
        (
            "record a decision",
            "INSERT INTO retraining_decisions (model_name, action, trigger_reason,"
            " candidate_version_id) VALUES ('m', 'reject', 'drift', {version})",
            WRITE,
        ),
        ("promote, roll back, retire", "SELECT promote('m', '2')", WRITE),
        ("", "SELECT rollback('m')", WRITE),
        ("", "SELECT retire('m')", WRITE),
        (
            "write the history of production by hand",
            "UPDATE model_deployments SET retired_at = now(), retired_by = 'x'"
            " WHERE retired_at IS NULL",
            OWNER,
        ),
        ("", "INSERT INTO model_slots (model_name, slot) VALUES ('m', 'eu')", OWNER),
        ("change or delete history", "DELETE FROM model_deployments", NOBODY),
        ("", "TRUNCATE model_deployments CASCADE", NOBODY),
        ("", "UPDATE retraining_decisions SET reasoning = 'x'", NOBODY),
        ("", "DELETE FROM retraining_decisions", NOBODY),
        ("", "UPDATE audit_log SET actor = 'x'", NOBODY),
        ("", "DELETE FROM audit_log", NOBODY),
        ("", "DELETE FROM agent_actions", NOBODY),
        ("", "DELETE FROM alerts", NOBODY),
        (
            "change or delete predictions and labels",
            "UPDATE predictions SET probability = 1",
            OWNER,
        ),
        ("", "DELETE FROM predictions", OWNER),
        ("", "TRUNCATE predictions", OWNER),
        ("", "UPDATE ground_truth SET actual_label = 'x'", OWNER),
        ("", "DELETE FROM ground_truth", OWNER),
        (
            "request an action",
            "INSERT INTO agent_actions (action_type, risk_level, requested_by)"
            " VALUES ('promotion', 'high', 'agent')",
            WRITE | {"agent"},
        ),
        ("approve or reject it", "SELECT approve_action({pending}, 'boss')", REVIEW),
        ("", "SELECT reject_action({pending}, 'boss')", REVIEW),
        (
            "",
            "UPDATE agent_actions SET status = 'approved', reviewed_by = 'x'"
            " WHERE status = 'pending'",
            OWNER,
        ),
        ("record that it was executed", "SELECT execute_action({approved}, 'executed')", WRITE),
        ("expire actions", "SELECT expire_actions()", WRITE | REVIEW),
        ("raise an alert", "SELECT raise_alert('drift', 'it drifted')", WRITE),
        ("acknowledge or snooze it", "SELECT acknowledge_alert({alert}, 'ann')", REVIEW),
        ("", "SELECT snooze_alert({alert}, now() + interval '1 hour')", REVIEW),
        ("resolve it", "SELECT resolve_alert({alert}, NULL, 'ann')", WRITE | REVIEW),
        (
            "add and run monitors",
            "INSERT INTO monitors"
            ' (model_name, name, source, metric_name, "window", operator, warning_threshold)'
            " VALUES ('m', 'another', 'monitoring', 'entropy', '1 day', '>', 1)",
            WRITE,
        ),
        ("", "SELECT run_monitors()", WRITE),
        ("disable or remove a monitor", "UPDATE monitors SET enabled = false", OWNER),
        ("", "SELECT remove_monitor({monitor})", OWNER),
        (
            "set policies",
            "INSERT INTO promotion_policies (model_name, requires_approval) VALUES ('m', true)",
            OWNER,
        ),
        ("", "UPDATE partition_policies SET period = 'week'", OWNER),
        ("delete what is old, migrate", "DROP TABLE {partition}", OWNER),
        ("", "ALTER TABLE model_slots DISABLE TRIGGER model_slots_append_only", OWNER),
        ("", "CREATE TABLE own (a integer)", OWNER),
        ("", "CREATE FUNCTION own() RETURNS integer RETURN 1", OWNER),
        ("act as the owner", "SET ROLE {prefix}owner", OWNER),
        ("", "SELECT ledger_audit('alerts', 'x')", OWNER),
    )
)


class Users:
    """Connection strings of users, one for each kind of role."""

    def __init__(self, dsn: str, prefix: str) -> None:
        self.dsn = dsn
        self.prefix = prefix
        self._connections: dict[str, psycopg.Connection] = {}

    def dsn_of(self, kind: str) -> str:
        return make_conninfo(self.dsn, user=f"{self.prefix}{kind}_user", password="secret")

    def connection(self, kind: str) -> psycopg.Connection:
        """A connection that stays open: checking a password takes longer than most statements."""
        if kind not in self._connections:
            self._connections[kind] = psycopg.connect(self.dsn_of(kind), autocommit=True)
        return self._connections[kind]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def drop_owned(connection: psycopg.Connection, *roles: str) -> None:
    """Give what roles own to the user of the connection, and take away what they may."""
    for role in map(sql.Identifier, roles):
        # By its name: Citus 14 dies of REASSIGN OWNED … TO CURRENT_USER.
        user = sql.Identifier(connection.info.user)
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(role, user))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))


def drop_roles(connection: psycopg.Connection, *roles: str) -> None:
    """Remove roles, with what they own and may in the database of the connection."""
    drop_owned(connection, *roles)
    for role in map(sql.Identifier, roles):
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def table() -> list[str]:
    """The table of the documentation: an operation may need all its statements."""
    lines = [f"| | {' | '.join(KINDS)} |", f"|---|{':-:|' * len(KINDS)}"]
    for operation in OPERATIONS:
        if operation.words:
            marks = ("●" if kind in operation.allowed else "" for kind in KINDS)
            lines.append(f"| {operation.words} | {' | '.join(marks)} |")
    return lines
