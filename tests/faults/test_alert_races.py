"""Alerts and monitors from many connections at once."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_faults import full, in_threads

from mlops_ledger import AlertsRepository, Database, MonitorsRepository, Settings, new_id
from mlops_ledger.errors import Conflict

WRITERS = 20
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOLD = re.compile(r"alert (\S+) was already (acknowledged|resolved) by (p\d+) at \d{4}-\d\d-\d\dT")

# What may not be: an alert whose count is not that of its occurrences, a state that contradicts
# its times, a time that precedes what came before it, two open alerts of one key.
FLAWS = """
WITH counted AS (
    SELECT a.*, (SELECT count(*) FROM alert_occurrences o WHERE o.alert_id = a.id) AS raised
    FROM alerts a)
SELECT count(*) FILTER (WHERE occurrences <> raised),
       count(*) FILTER (WHERE status <> CASE WHEN resolved_at IS NOT NULL THEN 'resolved'
                                             WHEN acknowledged_at IS NOT NULL THEN 'acknowledged'
                                             ELSE 'active' END),
       count(*) FILTER (WHERE acknowledged_at < first_seen OR resolved_at < last_seen
                              OR resolved_at < acknowledged_at),
       count(*) FILTER (WHERE status <> 'resolved')
           - count(DISTINCT dedup_key) FILTER (WHERE status <> 'resolved')
FROM counted
"""


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """The database with a connection for each writer."""
    with Database(Settings(conninfo=dsn, pool_max_size=WRITERS)) as database:
        yield database


def test_twenty_who_raise_the_same_alert_open_one(db: Database, conn: psycopg.Connection) -> None:
    alerts = AlertsRepository(db)
    each, rounds = full(100, 5), full(50, 10)

    def work(key: str, times: int) -> None:
        for _ in range(times):
            alerts.raise_alert(alert_type="drift", title="drift", dedup_key=key)

    in_threads(WRITERS, lambda _: work("stormy", each))
    # Opened again and again, because the opening is what to get wrong.
    for number in range(rounds):
        in_threads(WRITERS, lambda _, key=f"key {number}": work(key, 1))
    counts = [one.occurrences for one in alerts.list_alerts()]
    assert counts == [WRITERS] * rounds + [WRITERS * each]
    assert conn.execute(FLAWS.encode()).fetchone() == (0, 0, 0, 0)


def test_twenty_tries_of_one_occurrence_count_once(db: Database) -> None:
    alerts = AlertsRepository(db)
    for _ in range(full(50, 5)):
        one = new_id()
        in_threads(
            WRITERS,
            lambda _, one=one: alerts.raise_alert(
                alert_type="drift", title="drift", occurrence_id=one
            ),
        )
    [alert] = alerts.list_alerts()
    assert alert.occurrences == full(50, 5)


def test_of_twenty_who_acknowledge_one_wins_and_tells_the_others(db: Database) -> None:
    alerts = AlertsRepository(db)

    def acknowledge(number: int, one: object) -> str:
        try:
            return alerts.acknowledge(id=one, acknowledged_by=f"p{number}").acknowledged_by
        except Conflict as refusal:
            return TOLD.match(str(refusal))[3]

    for _ in range(full(50, 3)):
        one = alerts.raise_alert(alert_type="drift", title="drift").id
        heard = in_threads(WRITERS, lambda number, one=one: acknowledge(number, one))
        assert set(heard) == {alerts.get(id=one).acknowledged_by}
        alerts.resolve(id=one)


def test_random_transitions_leave_no_illegal_state_and_lose_nothing(
    db: Database, conn: psycopg.Connection
) -> None:
    """Issue 4: 10,000 random interleavings of transitions from 20 connections."""
    alerts = AlertsRepository(db)
    keys = [f"key {number}" for number in range(4)]
    done: list[Counter[str]] = [Counter() for _ in range(WRITERS)]
    refused: list[list[str]] = [[] for _ in range(WRITERS)]

    def step(number: int, chance: random.Random) -> str:
        who = f"p{number}"
        key = chance.choice(keys)
        what = chance.choice(("raise", "raise", "acknowledge", "resolve", "key", "snooze"))
        if what == "raise":
            alerts.raise_alert(alert_type="race", title="race", dedup_key=key)
            return what
        if what == "key":
            return "resolve" if alerts.resolve(dedup_key=key, resolved_by=who) else "nothing"
        # Also old ones, so that some are resolved already.
        found = alerts.list_alerts(dedup_key=key, limit=3)
        if not found:
            return "nothing"
        one = chance.choice(found).id
        before = alerts.get(id=one)
        if what == "acknowledge":
            after = alerts.acknowledge(id=one, acknowledged_by=who)
            return what if before.acknowledged_by != after.acknowledged_by else "repeated"
        if what == "resolve":
            after = alerts.resolve(id=one, resolved_by=who)
            return what if before.resolved_by != after.resolved_by else "repeated"
        alerts.snooze(id=one, until=datetime.now(UTC) + timedelta(hours=1), snoozed_by=who)
        return what

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(full(10_000, 300) // WRITERS):
            try:
                done[number][step(number, chance)] += 1
            except Conflict as refusal:
                refused[number].append(str(refusal))

    in_threads(WRITERS, work)
    assert conn.execute(FLAWS.encode()).fetchone() == (0, 0, 0, 0)
    counts = conn.execute(
        "SELECT sum(occurrences), count(acknowledged_at), count(resolved_at) FROM alerts"
    ).fetchone()
    total = sum(done, Counter())
    assert counts == (total["raise"], total["acknowledge"], total["resolve"])
    names = dict(
        conn.execute("SELECT id::text, array[acknowledged_by, resolved_by] FROM alerts").fetchall()
    )
    for refusal in (message for messages in refused for message in messages):
        told = TOLD.match(refusal)
        assert told is not None, refusal
        assert names[told[1]][told[2] == "resolved"] == told[3], refusal
    assert any(refused)


def test_monitors_run_by_twenty_at_once_raise_once(db: Database, conn: psycopg.Connection) -> None:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    monitors, alerts = MonitorsRepository(db), AlertsRepository(db)
    for name in ("a", "b", "c"):
        monitors.insert(
            name=name,
            model_name="m",
            source="monitoring",
            metric_name="feature_drift_ratio",
            operator=">=",
            window=timedelta(days=1),
            warning_threshold=0.3,
        )
    rounds = full(50, 4)
    for hour in range(rounds):
        at = NOON + timedelta(hours=hour)
        conn.execute(
            "INSERT INTO monitoring_metrics (model_name, model_version_id, timestamp,"
            " lookback_hours, num_predictions, feature_drift_ratio)"
            " SELECT 'm', id, %s, 1, 1, 0.4 FROM model_versions",
            [at],
        )
        results = in_threads(WRITERS, lambda _, at=at: monitors.run(at=at))
        told = Counter(one.done for found in results for one in found)
        assert told == {"raised" if hour == 0 else "repeated": 3, "none": 3 * (WRITERS - 1)}
    assert [one.occurrences for one in alerts.list_alerts()] == [rounds] * 3
