"""`mlops-ledger spool`: what waits is shown, delivered and printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import psycopg
import pytest
from fix_logger import away, run_spool

from mlops_ledger import Database, ModelVersionRepository, PredictionLogger, Settings
from mlops_ledger.logger.dead_letters import read_dead_letters


def test_what_a_process_left_is_shown_and_replayed(
    home: Settings, stored: Callable[[], list[str]]
) -> None:
    assert run_spool(home, "status").returncode == 0
    with PredictionLogger(away(home), model_name="m", model_version="1") as log:
        for number in range(3):
            log(features=[1.0, float("nan"), 3.0], request_id=f"r{number}")
        log(features=[1.0], request_id="bad")
        live = orjson.loads(run_spool(home, "status", "--json").stdout)["folders"]
        assert [(folder["live"], folder["records"]) for folder in live] == [(True, 4)]
        assert "0 folders" in run_spool(home, "replay").stdout
        log.close(timeout=0.1)
    shown = run_spool(home, "status", "--json")
    assert shown.returncode == 1
    assert [f["records"] for f in orjson.loads(shown.stdout)["folders"]] == [4]
    inspected = run_spool(home, "inspect", "--inputs", "--limit", "1").stdout
    assert orjson.loads(inspected)["record"]["features"] == [1.0, "nan", 3.0]
    assert (
        "1 folders: 3 stored, 0 were there already, 1 refused" in run_spool(home, "replay").stdout
    )
    assert stored() == ["r0", "r1", "r2"]
    after = run_spool(home, "status")
    assert after.returncode == 1
    assert "dead letters      1" in after.stdout
    letter = orjson.loads(run_spool(home, "inspect", "--dead-letters").stdout)
    assert letter["reason"] == "features: must be 3 numbers, not 1"
    assert letter["record"]["request_id"] == "bad"
    # The inputs may tell about people.
    assert "features" not in letter["record"]


def test_a_replay_without_a_database_says_why_and_keeps_all(home: Settings) -> None:
    with PredictionLogger(away(home), model_name="m", model_version="1") as log:
        log(features=[1.0, 2.0, 3.0])
        log.close(timeout=0.1)
    refused = run_spool(away(home), "replay")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: cannot connect")
    left = orjson.loads(run_spool(home, "status", "--json").stdout)["folders"]
    assert [folder["records"] for folder in left] == [1]


def test_dead_letters_are_requeued_once_the_version_is_there(
    home: Settings, stored: Callable[[], list[str]]
) -> None:
    for version in ("2", "3"):
        with PredictionLogger(
            home, model_name="m", model_version=version, on_refused="count"
        ) as log:
            for number in range(3):
                log(features=[1.0, float("nan"), number], request_id=f"{version}-{number}")
            log(features=[1.0], request_id=f"{version}-bad")
    letters = home.spool / "dead-letters.jsonl"
    # A process that was killed in the middle of a line.
    with letters.open("ab") as file:
        file.write(b'{"at":"2026-')
    with Database(home) as db:
        ModelVersionRepository(db).insert(model_name="m", feature_names=["a", "b", "c"])
    done = run_spool(home, "replay", "--dead-letters")
    assert "2 folders: 3 stored, 0 were there already, 5 refused" in done.stdout
    assert sorted(stored()) == ["2-0", "2-1", "2-2"]
    reasons = Counter(letter["reason"] for letter in read_dead_letters(home.spool))
    assert reasons == {
        "features: must be 3 numbers, not 1": 1,
        "model m has no version 3": 4,
    }
    assert letters.read_bytes().startswith(b'{"at":"2026-\n')
    assert not [path for path in home.spool.iterdir() if path.is_dir()]
    again = orjson.loads(run_spool(home, "replay", "--dead-letters", "--json").stdout)
    assert (again["stored"], again["dead_lettered"]) == (0, 5)


def test_dead_letters_stay_while_the_database_is_away(
    home: Settings, stored: Callable[[], list[str]]
) -> None:
    with PredictionLogger(home, model_name="m", model_version="2", on_refused="count") as log:
        log(features=[1.0, 2.0, 3.0], request_id="r")
    assert run_spool(away(home), "replay", "--dead-letters").returncode == 2
    assert len(list(read_dead_letters(home.spool))) == 1
    with Database(home) as db:
        ModelVersionRepository(db).insert(model_name="m")
    assert "1 folders: 1 stored" in run_spool(home, "replay", "--dead-letters").stdout
    assert stored() == ["r"]


@pytest.mark.not_distributed("Citus refuses triggers on distributed tables")
def test_what_one_version_may_not_store_does_not_hold_up_another(
    home: Settings, stored: Callable[[], list[str]], conn: psycopg.Connection[Any]
) -> None:
    for model in ("m", "free"):
        with PredictionLogger(away(home), model_name=model, model_version="1") as log:
            log(features=[1.0, 2.0, 3.0], request_id=model)
            log.close(timeout=0.1)
    conn.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON predictions FOR EACH ROW
        WHEN (NEW.request_id = 'm') EXECUTE FUNCTION refuse()
        """
    )
    done = run_spool(home, "replay")
    assert done.returncode == 2
    assert done.stderr == "error: the database user lacks the right: no\n"
    assert stored() == ["free"]
    shown = run_spool(home, "status", "--json")
    assert shown.returncode == 1
    [folder] = orjson.loads(shown.stdout)["folders"]
    assert folder["problem"] == "the database user lacks the right: no"
    conn.execute("DROP TRIGGER refuse ON predictions")
    assert run_spool(home, "replay").returncode == 0
    assert stored() == ["free", "m"]
