"""Connections that break around a commit, so that the caller cannot know whether it happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import psycopg
import pytest
from fix_faults import Proxy, full, in_threads

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Unavailable

pytestmark = pytest.mark.once

CALLS = full(1000, 100)
SHARE = 0.2
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Result = TypeVar("Result")


@pytest.fixture
def proxy(dsn: str) -> Iterator[Proxy]:
    with Proxy(dsn, SHARE) as proxy:
        yield proxy
    # Otherwise the test would pass on a quiet line.
    assert min(proxy.cuts["before"], proxy.cuts["after"]) > CALLS * SHARE / 4


@pytest.fixture
def db(proxy: Proxy) -> Iterator[Database]:
    database = Database(proxy.dsn)
    insist(database.open)
    yield database
    database.close()


@pytest.fixture
def known(conn: psycopg.Connection) -> UUID:
    """The id of a version in production since long."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m')")
    conn.execute("SELECT promote('m', '1', at => %s)", [NOON - timedelta(days=999)])
    row = conn.execute("SELECT id FROM model_versions WHERE model_version = '1'").fetchone()
    assert row is not None
    return row[0]


def insist(call: Callable[[], Result]) -> Result:
    """Repeat a call as its documentation says, until it gets through."""
    for _ in range(50):
        try:
            return call()
        except Unavailable:
            pass
    raise AssertionError("never got through")


def test_registrations_are_stored_once(db: Database, conn: psycopg.Connection) -> None:
    models = ModelVersionRepository(db)
    ids = [new_id() for _ in range(CALLS)]
    for id in ids:
        assert insist(lambda id=id: models.insert(model_name="m", id=id)) == id
    rows = conn.execute("SELECT id FROM model_versions ORDER BY model_version::int").fetchall()
    assert [id for (id,) in rows] == ids


def test_numbered_registrations_are_stored_once(db: Database, conn: psycopg.Connection) -> None:
    models = ModelVersionRepository(db)
    for number in range(CALLS):
        version, id = f"v{number}", new_id()
        found = insist(
            lambda version=version, id=id: models.insert(
                model_name="m", model_version=version, id=id
            )
        )
        assert found == id
    assert conn.execute("SELECT count(*) FROM model_versions").fetchone() == (CALLS,)


@pytest.mark.parametrize("own_id", [True, False], ids=["own id", "natural key"])
def test_monitoring_runs_are_stored_once(
    db: Database, conn: psycopg.Connection, known: UUID, own_id: bool
) -> None:
    runs = MonitoringMetricsRepository(db)
    for number in range(CALLS):
        id = new_id() if own_id else None
        found = insist(
            lambda number=number, id=id: runs.insert(
                model_name="m",
                timestamp=NOON - timedelta(hours=number),
                lookback_hours=1,
                num_predictions=number,
                drifted_features=["a"],
                metadata={"n": number},
                id=id,
            )
        )
        assert id in {found, None}
    assert conn.execute("SELECT count(*) FROM monitoring_metrics").fetchone() == (CALLS,)


def test_decisions_are_stored_once(db: Database, conn: psycopg.Connection, known: UUID) -> None:
    decisions = RetrainingDecisionsRepository(db)
    ids = [new_id() for _ in range(CALLS)]
    for number, id in enumerate(ids):
        found = insist(
            lambda number=number, id=id: decisions.insert(
                model_name="m",
                trigger_reason="drift",
                action="reject" if number % 2 else "pending",
                gate_results=[{"gate": "auc", "passed": False, "value": 0.5, "threshold": 0.7}],
                decision_details={"n": number},
                id=id,
            )
        )
        assert found == id
    pending = ids[::2]
    for id in pending:
        made = new_id()
        found = insist(
            lambda id=id, made=made: decisions.resolve(decision_id=id, action="reject", id=made)
        )
        assert found == made
    rows = conn.execute("SELECT count(*), count(resolves_id) FROM retraining_decisions").fetchone()
    assert rows == (CALLS + len(pending), len(pending))


def test_promotions_happen_once(db: Database, conn: psycopg.Connection, known: UUID) -> None:
    models = ModelVersionRepository(db)
    ids = [new_id() for _ in range(CALLS)]
    for number, id in enumerate(ids):
        version = str(2 - number % 2)
        done = insist(
            lambda version=version, id=id: models.promote(
                model_name="m", model_version=version, deployment_id=id
            )
        )
        assert (done.id, done.model_version) == (id, version)
    rows = conn.execute("SELECT id FROM model_deployments ORDER BY deployed_at").fetchall()
    assert [id for (id,) in rows][1:] == ids
    assert conn.execute(
        "SELECT count(*) FROM model_deployments WHERE retired_at IS NULL"
    ).fetchone() == (1,)


def test_rollbacks_and_retirements_happen_once(
    db: Database, conn: psycopg.Connection, known: UUID
) -> None:
    models = ModelVersionRepository(db)
    expected = 1
    for _ in range(CALLS // 3):
        promoted, restored = new_id(), new_id()
        insist(
            lambda id=promoted: models.promote(model_name="m", model_version="2", deployment_id=id)
        )
        back = insist(lambda id=restored: models.rollback(model_name="m", deployment_id=id))
        assert (back.id, back.model_version) == (restored, "1")
        gone = insist(lambda id=restored: models.retire(model_name="m", deployment_id=id))
        assert gone.id == restored
        assert gone.retired_at is not None
        again = new_id()
        insist(lambda id=again: models.promote(model_name="m", model_version="1", deployment_id=id))
        expected += 3
    assert conn.execute("SELECT count(*) FROM model_deployments").fetchone() == (expected,)


def test_transactions_happen_whole_and_once(
    db: Database, conn: psycopg.Connection, known: UUID
) -> None:
    def retrain(version: UUID, decision: UUID, deployment: UUID) -> None:
        with db.transaction() as tx:
            models = ModelVersionRepository(tx)
            models.insert(model_name="m", model_version=str(version), id=version)
            RetrainingDecisionsRepository(tx).insert(
                model_name="m",
                trigger_reason="drift",
                action="promote",
                candidate_version_id=version,
                id=decision,
            )
            models.promote(
                model_name="m",
                model_version=str(version),
                decision_id=decision,
                deployment_id=deployment,
            )

    count = CALLS // 5
    for _ in range(count):
        ids = (new_id(), new_id(), new_id())
        insist(lambda ids=ids: retrain(*ids))
    counts = conn.execute(
        "SELECT (SELECT count(*) FROM model_versions), (SELECT count(*) FROM retraining_decisions),"
        " (SELECT count(*) FROM model_deployments)"
    ).fetchone()
    assert counts == (count + 2, count, count + 1)


def test_eight_threads_store_everything_once(db: Database, conn: psycopg.Connection) -> None:
    models = ModelVersionRepository(db)

    def work(_: int) -> None:
        for _ in range(CALLS // 8):
            id = new_id()
            insist(lambda id=id: models.insert(model_name="m", id=id))

    in_threads(8, work)
    numbers = conn.execute("SELECT model_version::int FROM model_versions ORDER BY 1").fetchall()
    assert [number for (number,) in numbers] == list(range(1, CALLS // 8 * 8 + 1))


async def test_async_registrations_are_stored_once(proxy: Proxy, conn: psycopg.Connection) -> None:
    ids = [new_id() for _ in range(CALLS)]
    lost = 0
    db = AsyncDatabase(proxy.dsn)
    models = AsyncModelVersionRepository(db)
    for id in ids:
        while True:
            try:
                assert await models.insert(model_name="m", id=id) == id
                break
            except Unavailable:
                lost += 1
    await db.close()
    rows = conn.execute("SELECT id FROM model_versions ORDER BY model_version::int").fetchall()
    assert [id for (id,) in rows] == ids
    assert lost > 0
