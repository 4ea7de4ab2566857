"""Values that PostgreSQL or its driver would store as something else, or choke on.

Every value is tried on every field of its kind and on each way to write: sync and async, alone and
in a transaction. A refusal must be the same on all of them, name the field and leave nothing.
"""

from __future__ import annotations

import random
import reprlib
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fix_hostile import (
    ACCEPTED,
    ACKNOWLEDGE,
    ACTIONS,
    APPROVE,
    DECISIONS,
    DRIFT,
    EXECUTE,
    METRIC,
    METRICS,
    MODELS,
    MONITORING,
    MONITORS,
    PROMOTE,
    RAISE,
    REFUSED,
    RESOLVE,
    SNOOZE,
    SYSTEM,
)
from fix_odd_values import HOUR, NOON
from psycopg import sql

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    AsyncAgentActionsRepository,
    AsyncAlertsRepository,
    AsyncDatabase,
    AsyncDriftReportsRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPerformanceMetricsRepository,
    AsyncRetrainingDecisionsRepository,
    AsyncSystemMetricsRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    RetrainingDecisionsRepository,
    SystemMetricsRepository,
)
from mlops_ledger.errors import InvalidValue

pytestmark = pytest.mark.once

# The repository of each call, where it is not the registry of versions.
ASYNC: dict[str, Any] = {
    MONITORING: AsyncMonitoringMetricsRepository,
    DECISIONS: AsyncRetrainingDecisionsRepository,
    DRIFT: AsyncDriftReportsRepository,
    METRIC: AsyncPerformanceMetricsRepository,
    METRICS: AsyncPerformanceMetricsRepository,
    SYSTEM: AsyncSystemMetricsRepository,
    MONITORS: AsyncMonitorsRepository,
}
SYNC: dict[str, Any] = {
    MONITORING: MonitoringMetricsRepository,
    DECISIONS: RetrainingDecisionsRepository,
    DRIFT: DriftReportsRepository,
    METRIC: PerformanceMetricsRepository,
    METRICS: PerformanceMetricsRepository,
    SYSTEM: SystemMetricsRepository,
    MONITORS: MonitorsRepository,
}
for alert_call in (RAISE, ACKNOWLEDGE, RESOLVE, SNOOZE):
    ASYNC[alert_call], SYNC[alert_call] = AsyncAlertsRepository, AlertsRepository
for action_call in (ACTIONS, APPROVE, EXECUTE):
    ASYNC[action_call], SYNC[action_call] = AsyncAgentActionsRepository, AgentActionsRepository


class Writers:
    """The same call, on every way to write."""

    def __init__(self, db: Database, async_db: AsyncDatabase, action: UUID, alert: UUID) -> None:
        self._db, self._async_db = db, async_db
        self._action, self.alert = action, alert
        self._numbers = count()

    def arguments(self, call: str, field: str, value: object) -> dict[str, Any]:
        """Complete a call that has one value of interest."""
        if call in {ACKNOWLEDGE, RESOLVE, SNOOZE}:
            return {"id": self.alert} | ({"until": None} if call == SNOOZE else {}) | {field: value}
        base: dict[str, Any] = {"model_name": "m"}
        if call == MONITORING:
            at = NOON + timedelta(seconds=next(self._numbers))
            base |= {"timestamp": at, "lookback_hours": 24, "num_predictions": 10}
            base |= {"num_features": 10} if field == "num_drifted_features" else {}
        elif call == DECISIONS:
            base |= {"trigger_reason": "drift", "action": "reject"}
        elif call == ACTIONS:
            base |= {"action_type": "scale", "risk_level": "high", "requested_at": NOON}
        elif call in (APPROVE, EXECUTE):
            base = {"id": self._action}
        elif call == RAISE:
            base |= {"alert_type": "drift", "title": "drift"}
        elif call == MONITORS:
            base |= {"name": "drift", "source": "monitoring", "metric_name": "entropy"}
            base |= {"operator": ">", "window": HOUR}
            base |= {"warning_threshold": 1} if field != "warning_threshold" else {}
        elif call == DRIFT:
            at = NOON + timedelta(seconds=next(self._numbers))
            base |= {"timestamp": at, "lookback_hours": 24, "drift_detected": True}
        elif call in (METRIC, METRICS):
            base |= {"metric_name": "rmse", "metric_value": 1}
        elif call == SYSTEM:
            base = {"host": "h", "metric_name": "load_1m", "metric_value": 1}
        elif call == PROMOTE:
            base |= {"model_version": "1"}
        arguments = base | {field: value}
        return {"rows": [arguments]} if call in (METRICS, SYSTEM) else arguments

    async def outcomes(self, call: str, arguments: Mapping[str, Any]) -> list[Any]:
        """Make the call in four ways; give what each returned or raised."""
        return [
            await self._async(call, arguments, self._async_db),
            await self._async_transaction(call, arguments),
            self._sync(call, arguments, self._db),
            self._sync_transaction(call, arguments),
        ]

    async def alone(self, world: str, call: str, arguments: Mapping[str, Any]) -> Any:
        """Make the call in one way."""
        if world == "async":
            return await self._async(call, arguments, self._async_db)
        return self._sync(call, arguments, self._db)

    async def _async(self, call: str, arguments: Mapping[str, Any], db: Any) -> Any:
        repository = ASYNC.get(call, AsyncModelVersionRepository)(db)
        try:
            return await getattr(repository, call.split()[0])(**arguments)
        except Exception as error:
            return error

    async def _async_transaction(self, call: str, arguments: Mapping[str, Any]) -> Any:
        try:
            async with self._async_db.transaction() as tx:
                result = await self._async(call, arguments, tx)
                raise result if isinstance(result, Exception) else psycopg.Rollback
        except Exception as error:
            result = error
        return result

    def _sync(self, call: str, arguments: Mapping[str, Any], db: Any) -> Any:
        repository = SYNC.get(call, ModelVersionRepository)(db)
        try:
            return getattr(repository, call.split()[0])(**arguments)
        except Exception as error:
            return error

    def _sync_transaction(self, call: str, arguments: Mapping[str, Any]) -> Any:
        result = None
        try:
            with self._db.transaction() as tx:
                result = self._sync(call, arguments, tx)
                raise result if isinstance(result, Exception) else psycopg.Rollback
        except Exception as error:
            result = error
        return result


@pytest.fixture
async def writers(dsn: str, conn: psycopg.Connection) -> Any:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m'), ('m')")
    for version in ("3", "2"):
        conn.execute(
            "SELECT promote('m', %s, at => %s)", [version, NOON - timedelta(days=int(version))]
        )
    row = conn.execute("SELECT id FROM raise_alert('volume', 'volume')").fetchone()
    assert row is not None
    async with AsyncDatabase(dsn) as async_db:
        with Database(dsn) as db:
            action = AgentActionsRepository(db).insert(
                action_type="scale", risk_level="low", requested_by="agent"
            )
            yield Writers(db, async_db, action, row[0])


def content(conn: psycopg.Connection) -> Any:
    return conn.execute(
        "SELECT (SELECT array_agg(v ORDER BY id) FROM model_versions v)::text,"
        " (SELECT array_agg(s ORDER BY id) FROM model_slots s)::text,"
        " (SELECT array_agg(d ORDER BY id) FROM model_deployments d)::text,"
        " (SELECT array_agg(a ORDER BY id) FROM agent_actions a)::text,"
        " (SELECT count(*) FROM monitoring_metrics), (SELECT count(*) FROM retraining_decisions),"
        " (SELECT array_agg(a ORDER BY id) FROM alerts a)::text,"
        " (SELECT count(*) FROM alert_occurrences), (SELECT count(*) FROM monitors),"
        " (SELECT count(*) FROM drift_reports), (SELECT count(*) FROM performance_metrics),"
        " (SELECT count(*) FROM system_metrics)"
    ).fetchone()


def shown(value: object) -> str:
    return reprlib.repr(value).encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize("sort", REFUSED)
async def test_a_hostile_value_is_refused_alike_everywhere(
    writers: Writers, conn: psycopg.Connection, sort: str
) -> None:
    values, calls = REFUSED[sort]
    before = content(conn)
    problems = []
    for call, fields in calls.items():
        for field in fields:
            for value in values:
                arguments = writers.arguments(call, field, value)
                outcomes = await writers.outcomes(call, arguments)
                name = f"{call}, {field}={shown(value)}"
                if any(not isinstance(outcome, InvalidValue) for outcome in outcomes):
                    problems.append(f"{name}: {[shown(outcome) for outcome in outcomes]}")
                elif len({str(outcome) for outcome in outcomes}) != 1:
                    problems.append(f"{name}: {[str(outcome) for outcome in outcomes]}")
                elif not outcomes[0].field.removeprefix("rows[0].").startswith(field):
                    problems.append(f"{name}: names {outcomes[0].field}")
    assert problems == []
    assert content(conn) == before


TABLES = {
    MODELS: "model_versions",
    MONITORING: "monitoring_metrics",
    DECISIONS: "retraining_decisions",
    ACTIONS: "agent_actions",
    DRIFT: "drift_reports",
    METRIC: "performance_metrics",
}


async def test_an_odd_value_is_stored_as_it_was_meant(
    writers: Writers, conn: psycopg.Connection
) -> None:
    problems = []
    for call, field, value, expected in ACCEPTED:
        query = sql.SQL("SELECT {} FROM {} WHERE id = %s").format(
            sql.Identifier(field), sql.Identifier(TABLES[call])
        )
        for world in ("async", "sync"):
            outcome = await writers.alone(world, call, writers.arguments(call, field, value))
            row = conn.execute(query, [outcome]).fetchone() if isinstance(outcome, UUID) else None
            if row != (expected,) or type(row[0]) is not type(expected):
                problems.append(f"{world} {call}, {field}={shown(value)}: {shown(row or outcome)}")
            if field == "id":
                break
    assert problems == []


def test_a_long_incompressible_text_is_stored_or_its_field_is_named(dsn: str) -> None:
    noise = random.Random(1).randbytes(300_000).hex()
    fields = ["algorithm", "artifact_uri", "created_by", "dataset_digest", "mlflow_run_id"]
    problems = []
    with Database(dsn) as db:
        for field in fields:
            try:
                ModelVersionRepository(db).insert(model_name="m", **{field: noise})
            except InvalidValue as error:
                if error.field != field:
                    problems.append(f"{field}: {error}")
    assert problems == []
