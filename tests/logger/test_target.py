"""A spool folder remembers which database its records are meant for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from fix_logger import FEATURES, ONE, away, run_spool, wait_until
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, PredictionLogger, Settings
from mlops_ledger.logger.dead_letters import read_dead_letters
from mlops_ledger.logger.inspect import inspect_spool
from mlops_ledger.logger.replay import replay_spool

Read = Callable[[], list[str]]


def elsewhere(settings: Settings) -> Settings:
    """The same spool and server, and a database that is not there."""
    return Settings(conninfo=make_conninfo(settings.conninfo, dbname="none"), home=settings.home)


def leave(settings: Settings, request_id: str, **logger: Any) -> None:
    """Leave a record in the spool, as a process does whose database is away."""
    with PredictionLogger(settings, **{**ONE, **logger}) as log:
        log(features=FEATURES, request_id=request_id)
        log.close(timeout=0.1)


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_logger_leaves_alone_what_is_meant_for_another_database(
    home: Settings, stored: Read, level: str
) -> None:
    leave(elsewhere(home), "theirs", durability=level)
    leave(away(home), "ours", durability=level)
    with PredictionLogger(home, **ONE) as log:
        wait_until(lambda: len(inspect_spool(home.spool)) == 1)
    assert (log.counters.adopted_folders, log.counters.replayed) == (1, 1)
    assert stored() == ["ours"]
    [left] = inspect_spool(home.spool)
    assert (left.target, left.records) == (elsewhere(home).target, 1)


def test_a_replay_delivers_what_is_meant_for_its_database_unless_told(
    home: Settings, stored: Read
) -> None:
    leave(elsewhere(home), "theirs")
    leave(away(home), "ours")
    shown = orjson.loads(run_spool(home, "status", "--json").stdout)["folders"]
    assert [folder["target"] for folder in shown] == [elsewhere(home).target, home.target]
    done = run_spool(home, "replay")
    assert done.stdout.startswith("1 folders: 1 stored")
    assert done.stdout.endswith(
        "left alone 1 folders for other databases (see mlops-ledger spool status)\n"
    )
    assert stored() == ["ours"]
    assert run_spool(home, "status").returncode == 1
    done = run_spool(home, "replay", "--any-database")
    assert done.stdout.count("\n") == 1
    assert sorted(stored()) == ["ours", "theirs"]
    assert inspect_spool(home.spool) == []


def test_a_folder_that_does_not_say_is_for_any_database(home: Settings, stored: Read) -> None:
    leave(elsewhere(home), "r")
    [lock] = home.spool.glob("*/lock")
    # So it was before folders had a target.
    lock.write_bytes(b"")
    assert [folder.target for folder in inspect_spool(home.spool)] == [None]
    with PredictionLogger(home, **ONE) as log:
        wait_until(lambda: log.counters.replayed == 1)
    assert stored() == ["r"]


def test_dead_letters_are_requeued_where_they_were_refused(home: Settings, stored: Read) -> None:
    for request_id in ("ours", "theirs", "unknown"):
        with PredictionLogger(home, model_name="m", model_version="2", on_refused="count") as log:
            log(features=FEATURES, request_id=request_id)
    letters = home.spool / "dead-letters.jsonl"
    ours, theirs, unknown = map(orjson.loads, letters.read_bytes().splitlines())
    theirs["target"] = elsewhere(home).target
    del unknown["target"]
    letters.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in (ours, theirs, unknown)))
    with Database(home) as db:
        ModelVersionRepository(db).insert(model_name="m")
        replay_spool(db, home.spool, dead_letters=True)
        assert sorted(stored()) == ["ours", "unknown"]
        assert [letter["target"] for letter in read_dead_letters(home.spool)] == [theirs["target"]]
        replay_spool(db, home.spool, dead_letters=True, any_database=True)
    assert sorted(stored()) == ["ours", "theirs", "unknown"]
    assert list(read_dead_letters(home.spool)) == []


@pytest.mark.parametrize(
    ("conninfo", "target"),
    [
        ("postgresql://me:secret@Db.example:6543/prod?sslmode=require", "db.example:6543/prod"),
        ("host=db hostaddr=10.0.0.1 dbname=prod", "db:5432/prod"),
        ("hostaddr=10.0.0.1 user=me", "10.0.0.1:5432/me"),
        ("host=a,b port=1,2 dbname=prod", "a,b:1,2/prod"),
        ("service=ledger dbname=prod", "db:6000/prod"),
        ("dbname=prod", "fallback:5432/prod"),
    ],
)
def test_a_target_names_the_database_without_user_and_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, conninfo: str, target: str
) -> None:
    services = tmp_path / "services"
    services.write_text("[ledger]\nhost=db\nport=6000\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGHOST", "fallback")
    assert Settings(conninfo=conninfo).target == target


def test_the_embedded_server_is_known_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    settings = Settings(home=tmp_path / "link", database="prod")
    assert settings.target == f"embedded:{tmp_path}/home/prod"
