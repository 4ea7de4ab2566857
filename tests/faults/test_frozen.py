"""A server that stops answering while its system still acknowledges what is sent to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fix_faults import NEVER, frozen, slow_down, speed_up
from fix_logger import wait_until

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    Database,
    ModelVersionRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
    SummariesRepository,
    new_id,
)
from mlops_ledger.connection import bounded, session
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.errors import ConnectionLost, TimedOut, Unavailable

pytestmark = pytest.mark.once


@pytest.fixture
def settings(victim_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that make a frozen server known soon."""
    monkeypatch.setattr(session, "_GRACE", 0.5)
    monkeypatch.setattr(bounded, "_CANCEL", 0.3)
    return Settings(
        conninfo=victim_dsn,
        home=tmp_path,
        statement_timeout=0.5,
        connect_timeout=2,
        pool_timeout=4,
        pool_max_size=1,
    )


def test_a_call_on_a_frozen_server_ends_with_one_exception(
    victim: EmbeddedServer, settings: Settings
) -> None:
    with Database(settings) as db:
        models = ModelVersionRepository(db)
        before = models.list_versions()
        with frozen(victim):
            with pytest.raises(ConnectionLost, match=r"has not answered for 1 s, so whether"):
                models.list_versions()
            # And the next one, which has to connect.
            with pytest.raises(Unavailable, match="no answer within the connect timeout"):
                models.list_versions()
        assert models.list_versions() == before


def test_an_analytics_route_does_not_wait_for_a_frozen_server(
    victim: EmbeddedServer, settings: Settings
) -> None:
    """However long a statement may take."""
    fastapi = pytest.importorskip("fastapi", reason="needs the extra [fastapi]")
    from fastapi.testclient import TestClient

    from mlops_ledger.contrib.fastapi import (
        add_exception_handlers,
        analytics_router,
        ledger_lifespan,
    )

    patient = replace(settings, statement_timeout=3600)
    app = fastapi.FastAPI(lifespan=ledger_lifespan(patient))
    app.include_router(analytics_router(timeout=0.5))
    add_exception_handlers(app)
    with TestClient(app) as client:
        assert client.get("/models").status_code == 200
        with frozen(victim):
            assert client.get("/models").status_code == 503
        assert client.get("/models").status_code == 200


async def test_an_async_call_on_a_frozen_server_ends_with_one_exception(
    victim: EmbeddedServer, settings: Settings
) -> None:
    async with AsyncDatabase(settings) as db:
        models = AsyncModelVersionRepository(db)
        before = await models.list_versions()
        with frozen(victim):
            with pytest.raises(ConnectionLost, match="has not answered"):
                await models.list_versions()
            with pytest.raises(Unavailable):
                await models.list_versions()
        assert await models.list_versions() == before


def test_what_was_begun_on_a_frozen_server_is_whole_or_not_there(
    victim: EmbeddedServer, settings: Settings
) -> None:
    """The same call again, with the same key, has the effect of one."""
    key = new_id()
    rows = [{"prediction": float(n), "inputs": {"a": "x" * 500}} for n in range(20_000)]
    with Database(settings) as db:
        models, predictions = ModelVersionRepository(db), PredictionsRepository(db)
        models.insert(model_name="copied", model_version="1")
        write = {"model_name": "copied", "model_version": "1", "idempotency_key": key}
        with frozen(victim), pytest.raises(Unavailable):
            predictions.insert_many(rows=rows, **write)
        patient = replace(settings, statement_timeout=NEVER)
        with Database(patient) as other:
            written = PredictionsRepository(other).insert_many(rows=rows, **write)
            assert written.stored + written.duplicates == len(rows)
        with psycopg.connect(str(settings.conninfo)) as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM predictions").fetchall()
    assert count == len(rows)


def test_a_transaction_that_was_frozen_leaves_nothing(
    victim: EmbeddedServer, settings: Settings
) -> None:
    with Database(settings) as db:
        models = ModelVersionRepository(db)
        with pytest.raises(ConnectionLost), db.transaction() as tx:
            within = ModelVersionRepository(tx)
            within.insert(model_name="frozen", model_version="1")
            with frozen(victim):
                within.insert(model_name="frozen", model_version="2")
        assert models.list_versions(model_name="frozen") == []


def test_a_server_that_is_only_slow_says_itself_what_came_of_it(settings: Settings) -> None:
    """Beyond the client's patience it is asked to cancel, and answers."""
    with Database(settings) as db:
        with (
            pytest.raises(TimedOut, match="ran into its timeout or was cancelled"),
            db.connection() as connection,
        ):
            connection.execute("SET statement_timeout = 0")
            connection.execute("SELECT pg_sleep(3600)")
        # As long as it takes, for whoever says so, and no longer than that transaction.
        with db.transaction() as tx, tx.connection() as connection:
            connection.execute("SET statement_timeout = '500ms'")
            tx.be_patient()
            connection.execute("SELECT pg_sleep(1.5)")
        # Afterwards neither server nor client is patient any more.
        with pytest.raises(TimedOut), db.connection() as connection:
            assert connection.execute("SHOW statement_timeout").fetchone() == ("500ms",)
            connection.execute("SET statement_timeout = 0")
            connection.execute(f"SELECT pg_sleep({NEVER})")
        # Nor is the client after a savepoint.
        with pytest.raises(TimedOut), db.transaction() as tx, tx.connection() as connection:
            with tx.transaction() as nested:
                nested.be_patient()
            connection.execute(f"SELECT pg_sleep({NEVER})")


def test_a_fold_takes_its_time(settings: Settings) -> None:
    """A day of ten million predictions takes a minute to count."""
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="slow", model_version="1")
        PredictionsRepository(db).insert(model_name="slow", model_version="1", prediction=1.0)
        with db.connection() as connection:
            slow_down(connection, 1.5, "summary_states")
        try:
            assert SummariesRepository(db).fold(model_name="slow") == 1
        finally:
            with db.connection() as connection:
                speed_up(connection)


def test_options_that_let_statements_run_longer_are_waited_for(settings: Settings) -> None:
    conninfo = f"{settings.conninfo} options='-c statement_timeout=0'"
    with Database(replace(settings, conninfo=conninfo)) as db, db.connection() as connection:
        connection.execute("SELECT pg_sleep(1.5)")


def test_a_logger_goes_on_and_loses_nothing(victim: EmbeddedServer, settings: Settings) -> None:
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="logged", model_version="1")
    with PredictionLogger(settings, model_name="logged", model_version="1") as log:
        log(request_id="before")
        assert log.flush(timeout=60)
        with frozen(victim):
            log(request_id="meanwhile")
            wait_until(lambda: log.counters.circuit_open)
            # The statement's end or, where it came too late, that of the connection after it.
            unanswered = r"has not answered|no answer within the connect timeout"
            assert re.search(unanswered, str(log.counters.last_error))
        assert log.flush(timeout=60)
    assert log.counters.stored == 2


def test_a_command_ends_with_one_line(victim: EmbeddedServer, settings: Settings) -> None:
    with frozen(victim):
        done = subprocess.run(
            [sys.executable, "-m", "mlops_ledger", "models", "list"],
            capture_output=True,
            text=True,
            timeout=NEVER,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "DATABASE_URL": str(settings.conninfo),
                "MLOPS_CONNECT_TIMEOUT": "2",
            },
        )
    assert done.returncode != 0
    assert "no answer within the connect timeout" in done.stderr
    assert len(done.stderr.splitlines()) == 1
