"""While a worker is away, each command and method answers, or names it; no connection is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from fix_full import fill
from fix_right_calls import methods, right

from mlops_ledger import Database, LedgerError, PredictionsRepository, Settings, Unavailable
from mlops_ledger.cli import main
from mlops_ledger.ids import new_id
from tools.registry import repositories

from .workers import Worker, wait_for_worker

# What serves until it is stopped, asks no ledger, or another one than the ledger.
OTHERS = {"serve", "exporter", "mcp", "docs", "completion", "restore", "import", "sync"}
OTHERS |= {"db psql", "db reset", "db start", "db status", "db stop", "db url", "migrate new"}
OTHERS |= {"migrate down", "migrate baseline", "init"}
# What needs no worker; all else may say that it does.
ON_THE_COORDINATOR = """
health
migrate plan
migrate status
migrate up
migrate verify
models add m2
models at m
models edit m --description d
models list
models policy m --by ann
models promote m 2 --by ann --reason r
models register m --by ann
models rollback m --by ann --reason r
models retire m --by ann --reason r
models show m 1
models tag m 1 a=b
models timeline
models declare-task m 2 --task regression
decisions list
decisions pending
decisions show {decision}
decisions resolve {decision} reject --by ann
actions list
actions show {action}
actions expire
actions approve {action} --by bob
actions request retrain --risk low --model m
predictions partition-by week
predictions latency m
labels match
spool inspect
spool replay
spool status
monitoring recent
monitoring trend m
baselines list
drift latest m
drift list
metrics compare m 1 2
metrics list --model m
metrics log m loss 1 --version 1
metrics show m
metrics timeseries m loss
monitors list
alerts list
alerts show {alert}
alerts stats
alerts raise drift hello --model m
alerts acknowledge {alert} --by ann
alerts snooze {alert} --for 1h --by ann
alerts resolve {alert} --by ann
events consumers
events types
events tail --limit 3
webhooks list
audit head
audit list
audit verify
audit export
roles create --dry-run
roles minimum 5
fold --pending
"""
ON_WORKERS = """
status
models correct m 2 --algorithm trees
models withdraw m 2 --by ann --reason r
predictions export p.csv --model m
predictions import p.jsonl --model m --version 1
predictions list
predictions list --request note
predictions show {prediction}
predictions stats
labels compare m --version 1 --against 2
labels import l.jsonl
labels performance m
labels performance m --as-of {at}
labels series m
labels show {prediction}
labels value m note=1
monitor run --all
metrics collect --count 1
metrics system web
monitors run
report r.html --model m
export parquet lake
roles create
verify
stats
roles show
distribute
distribute --status
distribute --undo
fold
fold --rebuild
cleanup --older-than 1h --dry-run
cleanup --older-than 1h --yes
ensure-partitions --days 60
backup b.backup
"""
# Of nothing that is there: they only look for it.
OF_NOTHING = """
actions execute {alert} --by ann
actions fail {alert} --by ann
actions reject {alert} --by ann
baselines register b.parquet --model m --version 1
baselines show {alert}
drift show {alert}
events forget c
monitors add m --defaults
monitors disable {alert}
monitors enable {alert}
monitors remove {alert} --by ann
webhooks add w https://example.org
webhooks deliver w
webhooks deliveries w
webhooks disable w
webhooks enable w
webhooks remove w
webhooks requeue w
webhooks test w
"""


@pytest.fixture
def known(distributed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Fill the ledger and name it and files of what is to come in the environment."""
    monkeypatch.setenv("DATABASE_URL", distributed)
    monkeypatch.setenv("MLOPS_LEDGER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with Database(distributed) as db:
        known = fill(db, "note")
        PredictionsRepository(db).ensure_partitions()
        at = PredictionsRepository(db).get(id=known["prediction"]).predicted_at
        rows: list[dict[str, Any]] = [
            {"id": str(new_id(at)), "predicted_at": at.isoformat(), "prediction": 1.0}
            for _ in range(50)
        ]
    Path("p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    labels = [
        {"prediction_id": row["id"], "labeled_at": row["predicted_at"], "actual_value": 1.0}
        for row in rows
    ]
    Path("l.jsonl").write_text("\n".join(map(json.dumps, labels)))
    return {**known, "at": (at + timedelta(minutes=1)).isoformat()}


@contextmanager
def away(worker: Worker, coordinator: str) -> Iterator[None]:
    worker.kill()
    try:
        yield
    finally:
        worker.start()
        wait_for_worker(coordinator)


def commands(text: str, known: dict[str, Any]) -> list[str]:
    return text.format(**known).split("\n")[1:-1]


def run(command: str) -> Result:
    return CliRunner().invoke(main, command.split(), catch_exceptions=False)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


def test_every_command_is_tried() -> None:
    tried = (ON_THE_COORDINATOR + ON_WORKERS + OF_NOTHING).splitlines()
    missing = [
        leaf
        for leaf in leaves(main)
        if leaf not in OTHERS
        and leaf.split()[0] not in OTHERS
        and not any(command.startswith(leaf) for command in tried)
    ]
    assert missing == []


def test_commands_answer_or_name_the_worker(
    worker: Worker, coordinator: str, known: dict[str, Any]
) -> None:
    named = f":{worker.port}"
    with away(worker, coordinator):
        problems = [
            f"{command}: {done.exit_code} {done.output}"
            for command in commands(ON_THE_COORDINATOR, known)
            if (done := run(command)).exit_code
        ]
        for command in commands(ON_WORKERS, known):
            done = run(command)
            # What is of one worker only may be of the other.
            if done.exit_code == 2 and named not in done.output:
                problems.append(f"{command}: {done.exit_code} {done.output}")
        for command in commands(OF_NOTHING, known):
            done = run(command)
            if "connection" in done.output or "unexpected" in done.output:
                problems.append(f"{command}: {done.exit_code} {done.output}")
    assert not problems, "\n".join(problems)


def test_what_needs_all_workers_is_not_done_in_part(
    worker: Worker, coordinator: str, known: dict[str, Any]
) -> None:
    with away(worker, coordinator):
        for command in ("stats", "verify", "fold", "backup b", "distribute --undo", "status"):
            done = run(command)
            assert (command, done.exit_code) == (command, 2)
            assert f":{worker.port}" in done.output
    done = run("verify")
    assert done.exit_code == 0, done.output


def test_the_status_tells_who_is_away(worker: Worker, coordinator: str, distributed: str) -> None:
    command = ["distribute", "--status"]
    environment = {"DATABASE_URL": distributed}
    with away(worker, coordinator):
        text = CliRunner().invoke(main, command, env=environment)
        answer = CliRunner().invoke(main, [*command, "--json"], env=environment)
    assert (text.exit_code, answer.exit_code) == (1, 1)
    assert f":{worker.port} (unreachable)" in text.output
    assert "problem   cannot be reached: " in text.output
    [gone] = json.loads(answer.stdout)["cluster"]["unreachable"]
    assert gone.endswith(f":{worker.port}")
    assert CliRunner().invoke(main, command, env=environment).exit_code == 0


def test_methods_answer_or_are_unavailable(
    worker: Worker, coordinator: str, distributed: str, known: dict[str, Any]
) -> None:
    problems, unavailable = [], set()
    with Database(Settings(conninfo=distributed)) as db, away(worker, coordinator):
        for table, repository in repositories().items():
            for name, parameters in methods(repository(db)):
                given = {
                    each.name: right(each) for each in parameters if each.default is each.empty
                }
                try:
                    found = getattr(repository(db), name)(**given)
                    if isinstance(found, Iterator):
                        list(islice(found, 5))
                except Unavailable as error:
                    unavailable.add(f"{table}.{name}")
                    if type(error) is not Unavailable or f":{worker.port}" not in str(error):
                        problems.append(f"{table}.{name}: {error!r}")
                except LedgerError as error:
                    if "unexpected" in str(error):
                        problems.append(f"{table}.{name}: {error!r}")
        # The connections are as they were.
        with db.connection() as connection, closing(connection.execute("SELECT 1")) as cursor:
            assert cursor.fetchone() == (1,)
    assert not problems, "\n".join(problems)
    assert "summaries.fold" in unavailable
