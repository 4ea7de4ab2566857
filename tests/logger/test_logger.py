"""Predictions logged in passing arrive in the database, whatever happens on the way."""

from __future__ import annotations

import asyncio
import inspect
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from fix_faults import in_threads
from fix_logger import FEATURES, ONE, away, balance, wait_until
from psycopg.rows import dict_row

from mlops_ledger import (
    AsyncDatabase,
    AsyncPredictionLogger,
    PredictionLogger,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.errors import (
    ConfigError,
    Conflict,
    InvalidValue,
    LedgerError,
    NotFound,
    Unavailable,
)
from mlops_ledger.logger import flusher, spool
from mlops_ledger.logger.records import _CHECKS
from mlops_ledger.rows.predictions import PredictionFields

LEVELS = ("memory", "process", "disk", "database")

Read = Callable[[], list[str]]


def empty(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if path.is_dir()]


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_logged_is_stored_in_order(home: Settings, stored: Read, level: str) -> None:
    with PredictionLogger(home, **ONE, durability=level) as log:
        for number in range(50):
            log(features=FEATURES, request_id=f"r{number}")
    assert stored() == [f"r{number}" for number in range(50)]
    assert log.counters.stored == 50
    balance(log.counters)
    assert empty(home.spool)


def test_every_field_is_kept(home: Settings, conn: psycopg.Connection[Any]) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    given: dict[str, Any] = {
        "request_id": "r",
        "batch_id": "b",
        "inputs": {"text": "naïve ☃", "n": [1, None]},
        "prediction": 17.5,
        "predicted_label": "late",
        "probability": 0.83,
        "confidence_lower": 10.0,
        "confidence_upper": 20.5,
        "latency_ms": 3.25,
        "status": "error",
        "error_message": "too late",
        "cache_hit": True,
        "user_agent": "curl/8",
        "metadata": {"trace": "x"},
        "predicted_at": at,
    }
    id = new_id(at)
    with PredictionLogger(home, **ONE) as log:
        assert log(**given, id=id, features=FEATURES, client_ip="10.0.0.1") == id
    [row] = conn.cursor(row_factory=dict_row).execute("SELECT * FROM v_predictions").fetchall()
    assert {name: row[name] for name in given} == given
    assert row["id"] == id
    assert row["features"] == FEATURES
    assert str(row["client_ip"]) == "10.0.0.1"


@pytest.mark.parametrize(
    "features",
    [
        [1.0, math.nan, -math.inf],
        {"hour": 1, "distance": math.nan, "delay": -math.inf},
        np.array([1.0, np.nan, -np.inf]),
        (np.float32(1), np.float32("nan"), np.float32("-inf")),
        {"hour": np.int64(1), "distance": np.float32("nan"), "delay": np.float64("-inf")},
    ],
)
def test_features_that_are_not_finite_are_kept(
    home: Settings, conn: psycopg.Connection[Any], features: Any
) -> None:
    with PredictionLogger(home, **ONE) as log:
        log(features=features)
    [found] = conn.execute("SELECT feature_values FROM predictions").fetchone() or [None]
    assert found[0] == 1
    assert math.isnan(found[1])
    assert found[2] == -math.inf


def test_what_the_caller_changes_afterwards_is_not_stored(
    home: Settings, conn: psycopg.Connection[Any]
) -> None:
    features, inputs = dict(FEATURES), {"a": [1]}
    with PredictionLogger(home, **ONE, durability="memory") as log:
        log(features=features, inputs=inputs)
        features["hour"] = 0.0
        inputs["a"].append(2)
    row = conn.execute("SELECT feature_values[1], inputs FROM predictions").fetchone()
    assert row == (7.5, {"a": [1]})


def test_a_call_takes_what_insert_takes() -> None:
    arguments = {"self", "model_name", "model_version", *PredictionFields.__annotations__}
    assert arguments == set(inspect.signature(PredictionsRepository.insert).parameters)
    assert set(_CHECKS) == set(PredictionFields.__annotations__)


REFUSED: list[tuple[str, Any]] = [
    ("probability", 1.2),
    ("probability", "0.5"),
    ("prediction", math.inf),
    ("latency_ms", -1),
    ("confidence_lower", 5),
    ("status", "failed"),
    ("predicted_label", ["3"]),
    ("request_id", "a\0b"),
    ("cache_hit", 1),
    ("client_ip", "here"),
    ("inputs", {"text": "x" * 50_000_000}),
    ("inputs", {"a": math.inf}),
    ("metadata", {1: 2}),
    ("predicted_at", datetime(2026, 1, 1)),
    ("predicted_at", datetime(9999, 12, 31, tzinfo=UTC)),
    ("id", "no id"),
    ("id", UUID(int=1)),
    ("features", "text"),
    ("features", [1, "2", 3]),
    ("features", {"\ud800": 1.0}),
]


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_bad_value_is_refused_at_the_call(
    home: Settings, stored: Read, field: str, value: Any
) -> None:
    with PredictionLogger(home, **ONE) as log:
        log(features=FEATURES, request_id="before")
        with pytest.raises(InvalidValue) as raised:
            log(**{"confidence_upper": 4, field: value})
        log(features=FEATURES, request_id="after")
    assert raised.value.field.startswith(field)
    assert stored() == ["before", "after"]
    assert log.counters.accepted == 2


def test_an_unknown_argument_is_a_mistake_of_the_program(home: Settings) -> None:
    with PredictionLogger(home, **ONE) as log, pytest.raises(TypeError, match="probabilty"):
        log(probabilty=0.5)  # type: ignore[call-arg]


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_later_process_stores_what_an_earlier_could_not(
    home: Settings, stored: Read, level: str
) -> None:
    with PredictionLogger(away(home), **ONE, durability=level) as log:
        log.many({"features": FEATURES, "request_id": f"r{number}"} for number in range(2500))
        # It returns although nothing can be sent.
        counters = log.close(timeout=1)
    assert counters.spooled == 2500
    balance(counters)
    assert counters.circuit_open
    assert "nothing listens" in str(counters.last_error)
    with PredictionLogger(home, **ONE) as later:
        wait_until(lambda: later.counters.replayed == 2500)
    assert stored() == [f"r{number}" for number in range(2500)]
    assert later.counters.adopted_folders == 1
    assert later.counters.accepted == 0
    assert empty(home.spool)


def test_the_same_id_twice_is_stored_once_and_counted(home: Settings, stored: Read) -> None:
    id = new_id()
    with PredictionLogger(home, **ONE) as log:
        for name in ("first", "second"):
            log(features=FEATURES, id=id, request_id=name)
            wait_until(lambda: log.counters.spooled == 0)
    assert stored() == ["first"]
    assert (log.counters.stored, log.counters.duplicates) == (1, 1)


def test_at_level_database_the_call_returns_when_it_is_committed(
    home: Settings, stored: Read
) -> None:
    with PredictionLogger(home, **ONE, durability="database") as log:
        log(features=FEATURES, request_id="r")
        assert stored() == ["r"]
        with pytest.raises(InvalidValue, match=r"features\.late"):
            log(features={**FEATURES, "late": 1})
    log = PredictionLogger(home, model_name="m", model_version="9", durability="database")
    with pytest.raises(NotFound):
        log(features=FEATURES)
    log.close()


def test_at_level_database_an_outage_is_told_and_nothing_lost(home: Settings, stored: Read) -> None:
    options = {"durability": "database", "commit_timeout": 0.3}
    with PredictionLogger(away(home), **ONE, **options) as log:
        with pytest.raises(Unavailable, match="waits in the spool"):
            log(features=FEATURES, request_id="r")
        log.close(timeout=0.1)
    with PredictionLogger(home, **ONE) as later:
        wait_until(lambda: later.counters.replayed == 1)
    assert stored() == ["r"]


@pytest.mark.parametrize("level", LEVELS)
def test_fifty_threads_lose_nothing(home: Settings, stored: Read, level: str) -> None:
    each = {"database": 20, "disk": 20}.get(level, 100)
    with PredictionLogger(home, **ONE, durability=level, buffer_rows=500) as log:

        def work(thread: int) -> None:
            for number in range(each):
                log(features=FEATURES, request_id=f"{thread}-{number}")

        in_threads(50, work)
        # Closing waits for a few seconds only; on a busy machine the rest would be in the spool.
        assert log.flush(120)
    assert sorted(stored()) == sorted(f"{t}-{n}" for t in range(50) for n in range(each))
    balance(log.counters)


@pytest.mark.parametrize("level", LEVELS)
async def test_the_async_logger_stores_what_is_logged(
    home: Settings, stored: Read, level: str
) -> None:
    db = AsyncDatabase(home)
    async with AsyncPredictionLogger(db, **ONE, durability=level) as log:
        await asyncio.gather(
            *(log(features=FEATURES, request_id=f"r{number}") for number in range(200))
        )
        await log.many({"features": FEATURES, "request_id": f"r{n}"} for n in range(200, 400))
        if level == "database":
            assert len(stored()) == 400
            with pytest.raises(InvalidValue):
                await log(features=[1.0])
    assert sorted(stored()) == sorted(f"r{number}" for number in range(400))
    balance(log.counters)


def test_a_closed_logger_refuses(home: Settings) -> None:
    log = PredictionLogger(home, **ONE)
    log(features=FEATURES)
    assert log.close() == log.close()
    with pytest.raises(LedgerError, match="closed"):
        log(features=FEATURES)


@pytest.mark.parametrize(
    "options",
    [
        {"durability": "safe"},
        {"overflow": "drop"},
        {"durability": "database", "overflow": "drop_oldest"},
        {"batch_rows": 0},
        {"flush_interval": 0},
        {"spool_bytes": 1},
        {"model_name": 3},
    ],
)
def test_a_bad_option_is_refused(home: Settings, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        PredictionLogger(home, **{**ONE, **options})


def test_a_spool_folder_that_cannot_be_made_is_told(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        PredictionLogger(home, **ONE, spool_dir=tmp_path / "file" / "spool")


@pytest.mark.parametrize("level", LEVELS)
def test_many_are_logged_in_one_call(home: Settings, stored: Read, level: str) -> None:
    with PredictionLogger(home, **ONE, durability=level) as log:
        assert log.many([]) == []
        ids = log.many({"features": FEATURES, "request_id": f"r{number}"} for number in range(2500))
        if level == "database":
            assert len(stored()) == 2500
        with pytest.raises(InvalidValue, match=r"predictions\[1\]\.probability"):
            log.many([{"features": FEATURES}, {"probability": 2}])
        assert log.flush(timeout=60)
    assert len(set(ids)) == 2500
    assert stored() == [f"r{number}" for number in range(2500)]
    assert log.counters.accepted == 2500
    balance(log.counters)


def test_many_at_level_disk_cost_one_sync(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    with PredictionLogger(away(home), **ONE, durability="disk") as log:
        monkeypatch.setattr(spool, "os", SimpleNamespace(**{**vars(os), "fdatasync": syncs.append}))
        log.many({"features": FEATURES} for _ in range(1000))
        assert len(syncs) == 1
        monkeypatch.undo()
        log.close(timeout=0.1)


@pytest.mark.parametrize("on_refused", ["raise", "count"])
def test_many_tell_which_was_refused_at_level_database(
    home: Settings, stored: Read, conn: psycopg.Connection[Any], on_refused: str
) -> None:
    conn.execute("ALTER TABLE predictions ADD CHECK (request_id <> 'r3')")
    records = [{"features": FEATURES, "request_id": f"r{number}"} for number in range(10)]
    options = {"durability": "database", "on_refused": on_refused}
    with PredictionLogger(home, **ONE, **options) as log:
        if on_refused == "count":
            assert len(log.many(records)) == 10
            assert log.flush().dead_lettered == 1
        else:
            with pytest.raises(Conflict, match="of the database refuses it"):
                log.many(records)
        assert stored() == [f"r{number}" for number in range(10) if number != 3]


def test_more_than_there_is_room_for_is_dropped_or_refused_as_a_whole(home: Settings) -> None:
    records = [{"features": FEATURES, "inputs": "x" * 1000}] * 2000
    with PredictionLogger(away(home), **ONE, overflow="raise", spool_bytes=1_000_000) as log:
        with pytest.raises(Unavailable):
            log.many(records)
        assert log.counters.accepted == 0
        log.close(timeout=0.1)
    with PredictionLogger(away(home), **ONE, spool_bytes=1_000_000) as log:
        log.many(records)
        assert log.counters.dropped == 2000
        balance(log.counters)
        log.close(timeout=0.1)


def test_the_first_flush_makes_the_partition_of_tomorrow(
    home: Settings, conn: psycopg.Connection[Any]
) -> None:
    with PredictionLogger(home, **ONE) as log:
        log(features=FEATURES)
    row = conn.execute(
        "SELECT count(*) FROM ledger_partitions('predictions')"
        " WHERE since <= now() + '1 day' AND until > now() + '1 day'"
    ).fetchone()
    assert row == (1,)


def test_the_counters_are_logged_when_they_change(
    home: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flusher, "_REPORT_EVERY", 0.1)
    caplog.set_level("INFO", "mlops_ledger.logger")

    def lines() -> list[str]:
        return [message for message in caplog.messages if message.startswith("prediction logger: ")]

    with PredictionLogger(home, **ONE, flush_interval=0.05) as log:
        log(features=FEATURES)
        wait_until(lambda: log.counters.stored == 1)
        wait_until(lambda: "stored=1 " in "".join(lines()))
        before = len(lines())
        reports: list[float] = []
        report = flusher.Flusher._report

        def counted(self: flusher.Flusher) -> None:
            due = self._report_next
            report(self)
            if self._report_next != due:
                reports.append(due)

        monkeypatch.setattr(flusher.Flusher, "_report", counted)
        wait_until(lambda: len(reports) == 3)
        assert len(lines()) == before
    assert caplog.messages[-1].startswith("prediction logger closed: accepted=1 stored=1 ")
    assert log.counters.as_dict()["accepted"] == 1
