"""What the database refuses: rows for what they contain, and everything for want of a right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from fix_logger import FEATURES, ONE, away, balance, wait_until
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, PredictionLogger, Settings
from mlops_ledger.logger import flusher
from mlops_ledger.logger.dead_letters import read_dead_letters
from mlops_ledger.logger.inspect import inspect_spool

Read = Callable[[], list[str]]
GOOD = [f"r{number}" for number in range(5000) if number % 100 != 50]
BAD = [f"r{number}" for number in range(50, 5000, 100)]


def refuse(conn: psycopg.Connection[Any], pattern: str, sqlstate: str) -> None:
    """Have the server refuse predictions by the pattern of their request id."""
    conn.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON predictions FOR EACH ROW
        WHEN (NEW.request_id LIKE '{pattern}') EXECUTE FUNCTION refuse()
        """
    )


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_rows_that_do_not_fit_become_dead_letters(home: Settings, stored: Read, level: str) -> None:
    bad = {**FEATURES, "late": 1.0}
    with PredictionLogger(home, **ONE, durability=level) as log:
        for first in range(0, 5000, 100):
            log.many(
                {
                    "features": bad if number % 100 == 50 else FEATURES,
                    "request_id": f"r{number}",
                }
                for number in range(first, first + 100)
            )
    assert stored() == GOOD
    assert log.counters.dead_lettered == 50
    # None is looked for by sending the rows around it one by one.
    assert log.counters.batches < 100
    balance(log.counters)
    letters = list(read_dead_letters(home.spool))
    assert [each["record"]["request_id"] for each in letters] == BAD
    assert {each["reason"] for each in letters} == {
        "features.late: is not a feature of this version"
    }
    assert letters[0]["record"]["features"] == bad


@pytest.mark.parametrize("how", ["22000", "P0001", "54001", "check"])
def test_rows_that_only_the_server_refuses_become_dead_letters(
    home: Settings, stored: Read, conn: psycopg.Connection[Any], how: str
) -> None:
    if how == "check":
        conn.execute("ALTER TABLE predictions ADD CHECK (request_id NOT LIKE '%250')")
    else:
        refuse(conn, "%250", how)
    with PredictionLogger(home, **ONE) as log:
        log.many(
            # Some could be seen to be wrong, among those that could not.
            {"features": [1.0] if number == 251 else FEATURES, "request_id": f"r{number}"}
            for number in range(2000)
        )
    assert log.counters.dead_lettered == 3
    assert stored() == [f"r{n}" for n in range(2000) if n not in (250, 251, 1250)]
    letters = [each["record"]["request_id"] for each in read_dead_letters(home.spool)]
    assert letters == ["r250", "r251", "r1250"]
    balance(log.counters)


def test_the_predictions_of_an_unknown_version_become_dead_letters(
    home: Settings, stored: Read
) -> None:
    with PredictionLogger(home, model_name="m", model_version="9") as log:
        for _ in range(3000):
            log(features=FEATURES)
    assert stored() == []
    assert log.counters.dead_lettered == 3000
    assert log.counters.last_error == "model m has no version 9"


def test_version_registered_later_takes_the_later_predictions(home: Settings, stored: Read) -> None:
    with PredictionLogger(home, model_name="m", model_version="2") as log:
        log(request_id="early")
        wait_until(lambda: log.counters.dead_lettered == 1)
        with Database(home) as db:
            ModelVersionRepository(db).insert(model_name="m")
        log(request_id="late")
    assert stored() == ["late"]


@pytest.mark.parametrize("level", ["memory", "process"])
def test_without_the_right_to_write_predictions_wait_and_it_is_told(
    home: Settings,
    stored: Read,
    conn: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    level: str,
) -> None:
    monkeypatch.setattr(flusher, "_LONG_PAUSE", 0.2)
    conn.execute("CREATE ROLE mlops_test_writer LOGIN PASSWORD 'w'")
    try:
        conn.execute("GRANT SELECT ON ledger_migrations, model_versions TO mlops_test_writer")
        dsn = make_conninfo(str(home.conninfo), user="mlops_test_writer", password="w")
        poor = Settings(conninfo=dsn, home=home.home)
        with PredictionLogger(poor, **ONE, durability=level) as log:
            log.many({"features": FEATURES, "request_id": f"r{number}"} for number in range(8000))
            wait_until(lambda: log.counters.failures > 1)
            told = str(log.counters.last_error)
            assert re.match("the database user lacks the right: permission denied for", told)
            assert log.counters.circuit_open
            assert log.counters.dead_lettered == 0
            [folder] = inspect_spool(home.spool)
            assert (folder.records, folder.problem) == (8000, told)
            assert caplog.messages == [f"predictions cannot be stored and wait: {told}"]
            conn.execute(
                "GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO mlops_test_writer"
            )
            conn.execute("SELECT ensure_partitions('predictions', now(), now())")
            wait_until(lambda: log.counters.stored == 8000)
            assert [folder.problem for folder in inspect_spool(home.spool)] == [None]
        balance(log.counters)
        assert len(stored()) == 8000
    finally:
        conn.execute("DROP OWNED BY mlops_test_writer")
        conn.execute("DROP ROLE mlops_test_writer")


def test_without_its_table_predictions_wait(
    home: Settings,
    stored: Read,
    conn: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flusher, "_LONG_PAUSE", 0.2)
    conn.execute("ALTER TABLE prediction_batches RENAME TO elsewhere")
    with PredictionLogger(home, **ONE) as log:
        log(features=FEATURES, request_id="r")
        wait_until(lambda: log.counters.failures > 1)
        assert "a table is missing" in str(log.counters.last_error)
        assert log.counters.spooled == 1
        conn.execute("ALTER TABLE elsewhere RENAME TO prediction_batches")
    assert stored() == ["r"]


def test_what_one_version_may_not_store_does_not_hold_up_the_others(
    home: Settings,
    stored: Read,
    conn: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        with PredictionLogger(away(home), **ONE) as log:
            log(features=FEATURES, request_id=f"r{number}")
            log.close(timeout=0.1)
    refuse(conn, "r%", "42501")
    with PredictionLogger(home, model_name="free", model_version="1") as log:
        wait_until(lambda: "lacks the right" in str(log.counters.last_error))
        log(request_id="free")
        wait_until(lambda: log.counters.stored == 1)
        assert not log.counters.circuit_open
    assert stored() == ["free"]
    conn.execute("DROP TRIGGER refuse ON predictions")
    with PredictionLogger(home, model_name="free", model_version="1") as log:
        wait_until(lambda: log.counters.replayed == 3)
    assert sorted(stored()) == ["free", "r0", "r1", "r2"]
