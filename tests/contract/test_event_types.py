"""The page about events lists their types and fields as the database has them."""

from __future__ import annotations

from pathlib import Path

import psycopg

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "events.md"


def lines(conn: psycopg.Connection) -> list[str]:
    """The rows of the table of the page."""
    rows = conn.execute("SELECT type, description, fields FROM v_event_types").fetchall()
    return [
        f"| `{kind.removeprefix('mlops_ledger.')}` | {what} | `{'`, `'.join(fields)}` |"
        for kind, what, fields in rows
    ]


def test_the_page_about_events_lists_every_type_and_field(conn: psycopg.Connection) -> None:
    assert "\n".join(lines(conn)) in PAGE.read_text("utf-8")


def test_a_field_is_a_column_that_readers_may_read_or_a_name(conn: psycopg.Connection) -> None:
    tables = {
        "deployment": "model_deployments",
        "decision": "retraining_decisions",
        "action": "agent_actions",
        "alert": "alerts",
        "monitoring_run": "monitoring_metrics",
        "drift_report": "drift_reports",
    }
    names = {"slot", "replaced_version", "model_version", "candidate_version", "production_version"}
    query = (
        "SELECT a.attname FROM pg_attribute a"
        " JOIN ledger_privileges p"
        " ON p.object_name = %s AND p.role = 'reader' AND p.columns IS NULL"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0"
    )
    for kind, fields in conn.execute("SELECT type, fields FROM v_event_types").fetchall():
        table = tables[kind.split(".")[1]]
        columns = {name for (name,) in conn.execute(query, [table, table])}
        assert set(fields) <= columns | names, kind
