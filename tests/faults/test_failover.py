"""A primary is killed under its writers, the standby promoted: what was acknowledged is there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from fix_faults import full, stop
from fix_replicas import STANDBY, Nodes, two_nodes

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    ModelVersionRepository,
    PredictionLogger,
    RetrainingDecisionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.errors import Unavailable

MODEL = "failing-over"


@dataclass
class Acknowledged:
    """What the writers were told is written."""

    decisions: list[UUID] = field(default_factory=list)
    deployments: list[UUID] = field(default_factory=list)
    approvals: list[UUID] = field(default_factory=list)


def write(db: Database, stopped: threading.Event, done: Acknowledged) -> None:
    """Decide, approve and promote until told to stop, repeating with the same id what fails."""
    decisions, versions = RetrainingDecisionsRepository(db), ModelVersionRepository(db)
    actions = AgentActionsRepository(db)
    for number in cycle("12"):
        decision_id, deployment_id, action_id = new_id(), new_id(), new_id()
        while not stopped.is_set():
            try:
                decisions.insert(
                    id=decision_id, model_name=MODEL, trigger_reason="drift", action="reject"
                )
                done.decisions.append(decision_id)
                actions.insert(
                    id=action_id, action_type="retrain", risk_level="high", requested_by="agent"
                )
                actions.approve(id=action_id, reviewed_by="ann")
                done.approvals.append(action_id)
                versions.promote(
                    model_name=MODEL, model_version=number, deployment_id=deployment_id
                )
                done.deployments.append(deployment_id)
                break
            except Unavailable:
                time.sleep(0.01)
        if stopped.is_set():
            return


def promote(nodes: Nodes) -> None:
    """Make the standby the primary."""
    with psycopg.connect(nodes.standby_dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")


def lost(dsn: str, done: Acknowledged) -> int:
    """Count what was acknowledged and is not there."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT id FROM retraining_decisions UNION ALL SELECT id FROM model_deployments"
            " UNION ALL SELECT id FROM agent_actions WHERE status = 'approved'"
        ).fetchall()
    acknowledged = {*done.decisions, *done.deployments, *done.approvals}
    return len(acknowledged - {id for (id,) in rows})


@pytest.mark.parametrize("kill", range(full(torture=20, otherwise=1)))
def test_nothing_acknowledged_is_lost_by_a_failover(kill: int, tmp_path: Path) -> None:
    with two_nodes() as nodes:
        nodes.set("synchronous_standby_names", STANDBY)
        done, stopped = Acknowledged(), threading.Event()
        settings = Settings(conninfo=nodes.both("read-write"), spool_dir=tmp_path)
        with Database(settings) as db:
            versions = ModelVersionRepository(db)
            for number in ("1", "2"):
                versions.insert(model_name=MODEL, model_version=number)
            writers = [threading.Thread(target=write, args=(db, stopped, done)) for _ in range(2)]
            logger = PredictionLogger(db, model_name=MODEL, model_version="1", durability="disk")
            logged = 0
            for writer in writers:
                writer.start()
            while len(done.deployments) < 20 + kill:
                logger(prediction=float(logged))
                logged += 1
                time.sleep(0.002)
            stop(nodes.primary, "kill -9")
            for _ in range(50):
                logger(prediction=float(logged))
                logged += 1
            before = len(done.deployments)
            promote(nodes)
            deadline = time.monotonic() + 30
            while len(done.deployments) == before and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(done.deployments) > before
            stopped.set()
            for writer in writers:
                writer.join()
            logger.close(timeout=30)
            assert lost(nodes.standby_dsn, done) == 0
            with psycopg.connect(nodes.standby_dsn) as connection:
                [counts] = connection.execute(
                    "SELECT count(*), count(DISTINCT id), count(DISTINCT prediction)"
                    " FROM predictions"
                ).fetchall()
                [(open_,)] = connection.execute(
                    "SELECT count(*) FROM model_deployments WHERE retired_at IS NULL"
                ).fetchall()
                [(gaps,)] = connection.execute(
                    "SELECT count(*) FROM (SELECT retired_at, lead(deployed_at)"
                    " OVER (ORDER BY deployed_at) AS next FROM model_deployments) d"
                    " WHERE retired_at IS DISTINCT FROM next"
                ).fetchall()
            assert counts == (logged, logged, logged)
            assert (open_, gaps) == (1, 0)


def test_without_a_synchronous_standby_something_is_lost() -> None:
    with two_nodes() as nodes, Database(nodes.both("read-write")) as db:
        versions = ModelVersionRepository(db)
        versions.insert(model_name=MODEL, model_version="1")
        nodes.catch_up()
        # A standby whose link is down: what is acknowledged from now on is on the primary alone.
        with psycopg.connect(nodes.standby_dsn, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone():
                time.sleep(0.01)
        done = Acknowledged()
        decided = RetrainingDecisionsRepository(db).insert(
            model_name=MODEL, trigger_reason="drift", action="reject"
        )
        done.decisions.append(decided)
        stop(nodes.primary, "kill -9")
        promote(nodes)
        assert lost(nodes.standby_dsn, done) == 1
