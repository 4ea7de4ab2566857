"""What the database refuses: rows for what they contain, and everything for want of a right."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from fix_logger import FEATURES, ONE, away, balance, wait_until
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncPredictionLogger,
    Database,
    ModelVersionRepository,
    PredictionLogger,
    Settings,
)
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.logger import flusher
from mlops_ledger.logger.dead_letters import read_dead_letters
from mlops_ledger.logger.inspect import inspect_spool

Read = Callable[[], list[str]]
GOOD = [f"r{number}" for number in range(5000) if number % 100 != 50]
BAD = [f"r{number}" for number in range(50, 5000, 100)]


NO_TRIGGERS = pytest.mark.not_distributed("Citus refuses triggers on distributed tables")


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
    with PredictionLogger(home, **ONE, durability=level, on_refused="count") as log:
        for first in range(0, 5000, 100):
            log.many(
                {
                    "features": bad if number % 100 == 50 else FEATURES,
                    "request_id": f"r{number}",
                }
                for number in range(first, first + 100)
            )
        assert log.flush(timeout=60)
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


@pytest.mark.parametrize(
    "how",
    [*(pytest.param(state, marks=NO_TRIGGERS) for state in ("22000", "P0001", "54001")), "check"],
)
def test_rows_that_only_the_server_refuses_become_dead_letters(
    home: Settings, stored: Read, conn: psycopg.Connection[Any], how: str
) -> None:
    if how == "check":
        conn.execute("ALTER TABLE predictions ADD CHECK (request_id NOT LIKE '%250')")
    else:
        refuse(conn, "%250", how)
    with PredictionLogger(home, **ONE, on_refused="count") as log:
        log.many(
            # Some could be seen to be wrong, among those that could not.
            {"features": [1.0] if number == 251 else FEATURES, "request_id": f"r{number}"}
            for number in range(2000)
        )
        assert log.flush(timeout=60)
    assert log.counters.dead_lettered == 3
    assert sorted(stored()) == sorted(f"r{n}" for n in range(2000) if n not in (250, 251, 1250))
    letters = [each["record"]["request_id"] for each in read_dead_letters(home.spool)]
    assert letters == ["r250", "r251", "r1250"]
    balance(log.counters)


def unknown(settings: Settings, **options: Any) -> PredictionLogger:
    """A logger of a version that is not registered."""
    return PredictionLogger(settings, model_name="m", model_version="9", **options)


def test_the_predictions_of_an_unknown_version_become_dead_letters(
    home: Settings, stored: Read, caplog: pytest.LogCaptureFixture
) -> None:
    with unknown(home, on_refused="count") as log:
        for _ in range(3000):
            log(features=FEATURES)
        flushed = log.flush(timeout=60)
    assert stored() == []
    assert (flushed.stored, flushed.dead_lettered) == (0, 3000)
    assert log.counters.dead_lettered == 3000
    assert log.counters.last_error == "model m has no version 9"
    # Said at once, and not again for each batch.
    lines = [line for line in caplog.messages if line.startswith("predictions become dead letters")]
    assert len(lines) == 1
    assert lines[0].startswith("predictions become dead letters: model m has no version 9 (")


def test_an_unknown_version_is_told_as_soon_as_the_database_can_be_asked(
    home: Settings, stored: Read
) -> None:
    with pytest.raises(NotFound, match="model m has no version 9: register it"):
        unknown(home).__enter__()
    log = unknown(home)
    log(request_id="early")
    wait_until(lambda: log.counters.dead_lettered == 1)
    with pytest.raises(NotFound, match="model m has no version 9"):
        log(request_id="refused")
    with pytest.raises(NotFound):
        log.many([{"request_id": "refused"}])
    with Database(home) as db:
        ModelVersionRepository(db).insert(model_name="m", model_version="9")

    def taken() -> bool:
        with suppress(NotFound):
            return log(request_id="late") is not None
        return False

    wait_until(taken)
    log.close()
    assert stored() == ["late"]
    assert log.counters.accepted == 2


async def test_the_async_logger_tells_of_an_unknown_version(home: Settings) -> None:
    log = AsyncPredictionLogger(home, model_name="chrun", model_version="1")
    with pytest.raises(NotFound, match="model chrun has no version 1"):
        await log.__aenter__()


def test_an_unknown_version_is_taken_while_the_database_is_away(home: Settings) -> None:
    with unknown(away(home)) as log:
        log(features=FEATURES)
        assert log.close(timeout=0.1).spooled == 1


MISFITS: list[tuple[Any, str]] = [
    ({**FEATURES, "late": 1.0}, "features.late: is not a feature of this version"),
    ({"hour": 1.0, "distance": 2.0}, "features.delay: is missing"),
    ([1.0, 2.0], "features: must be 3 numbers, not 2"),
    ({**FEATURES, "hour": "noon"}, "features.hour: must be a number"),
]


@pytest.mark.parametrize(("features", "problem"), MISFITS)
def test_features_that_do_not_fit_are_refused_at_the_call(
    home: Settings, stored: Read, features: Any, problem: str
) -> None:
    with PredictionLogger(home, **ONE) as log:
        with pytest.raises(InvalidValue, match=problem):
            log(features=features)
        log(features=[1, 2, 3], request_id="r")
    assert stored() == ["r"]
    assert log.counters.accepted == 1


def test_inputs_that_hold_the_features_of_a_version_without_names_are_checked(
    home: Settings,
) -> None:
    with PredictionLogger(home, model_name="free", model_version="1") as log:
        with pytest.raises(InvalidValue, match=r"inputs\.a: is given among the features too"):
            log(features={"a": 1.0}, inputs={"a": 2})
        log(features={"a": 1.0}, inputs={"b": 2})
        log(features=[1.0, 2.0])
    assert log.counters.stored == 2


def test_what_is_refused_can_be_counted_instead_of_raised(
    home: Settings, stored: Read, caplog: pytest.LogCaptureFixture
) -> None:
    with PredictionLogger(home, **ONE, on_refused="count") as log:
        for _ in range(5):
            assert log(features=FEATURES, probability=-0.3) is None
        ids = log.many([{"request_id": "r"}, {"latency_ms": -1}, {"features": [1.0]}])
        assert [id is None for id in ids] == [False, True, False]
        with pytest.raises(TypeError):
            log(probabilty=0.5)  # type: ignore[call-arg]
        flushed = log.flush(timeout=60)
    assert stored() == ["r"]
    # What does not fit the version can be requeued once the version is mended.
    assert (flushed.stored, flushed.dead_lettered) == (1, 1)
    assert (log.counters.refused, log.counters.accepted) == (6, 2)
    balance(log.counters)
    refused = [line for line in caplog.messages if "refused and not logged" in line]
    assert len(refused) == 2
    assert "-0.3" not in caplog.text


async def test_the_async_logger_counts_what_is_refused(home: Settings) -> None:
    async with AsyncPredictionLogger(home, **ONE, on_refused="count") as log:
        assert await log(probability=-0.3) is None
        assert await log.many([{"probability": 2}]) == [None]
    assert log.counters.refused == 2


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


@NO_TRIGGERS
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
