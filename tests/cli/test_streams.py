"""Streams that are closed, full, interrupted or of a narrow encoding; and what a start costs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import psycopg
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from rich.cells import cell_len

from mlops_ledger import ModelVersionRepository, PredictionsRepository
from mlops_ledger.cli import main
from mlops_ledger.cli.base import Command, Group

COMMAND = str(Path(sys.executable).parent / "mlops-ledger")
# What is slow to import and not needed to say what a command does.
HEAVY = ("psycopg", "psycopg_pool", "asyncio", "numpy", "pyarrow", "rich.console", "rich.table")


def shell(
    script: str, dsn: str, encoding: str = "utf-8", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script.replace("LEDGER", COMMAND)],
        env={**os.environ, "DATABASE_URL": dsn, **variables},
        capture_output=True,
        encoding=encoding,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["models list", "models list --json", "--help", "stats"])
@pytest.mark.parametrize(
    ("where", "reason"), [(">/dev/full", "No space left"), (">&-", "is closed")]
)
def test_output_that_cannot_be_written_is_one_line(
    ledger, dsn, command: str, where: str, reason: str
) -> None:
    done = shell(f"LEDGER {command} {where}", dsn)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: standard output")
    assert reason in done.stderr


def test_a_refusal_that_cannot_be_written_is_one_all_the_same(ledger, dsn) -> None:
    for where in ("2>/dev/full", "2>&-"):
        assert shell(f"LEDGER models show nope {where}", dsn).returncode == 2, where


def test_a_folder_that_is_gone_is_no_matter(ledger, dsn, tmp_path) -> None:
    gone = tmp_path / "gone"
    done = shell(f"mkdir {gone} && cd {gone} && rmdir {gone} && LEDGER models list --json", dsn)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_consumer_has_not_read_what_could_not_be_written(ledger, dsn) -> None:
    read = "LEDGER events tail --consumer c"
    assert shell(f"{read} > /dev/full", dsn).returncode == 2
    assert len(shell(read, dsn).stdout.splitlines()) == 1
    assert shell(read, dsn).stdout == ""


def test_nothing_is_done_when_the_answer_has_nowhere_to_go(ledger, dsn) -> None:
    shell("LEDGER models register m 9 >&-", dsn)
    assert ModelVersionRepository(ledger).get(model_name="m", model_version="9") is None


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_narrow_encoding_replaces_what_it_lacks(ledger, dsn, encoding: str) -> None:
    name = "café \U0001f600 日本"
    ModelVersionRepository(ledger).insert(model_name=name)
    done = subprocess.run(
        [COMMAND, "models", "list"],
        env={**os.environ, "DATABASE_URL": dsn, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert b"\\U0001f600" in done.stdout
    assert done.stdout.decode(encoding)
    as_json = shell("LEDGER models list --json", dsn, PYTHONIOENCODING=encoding)
    assert json.loads(as_json.stdout)[0]["model_name"] == name


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_columns_stay_where_they_are_in_a_narrow_encoding(ledger, dsn, encoding: str) -> None:
    models = ModelVersionRepository(ledger)
    for name in ("café \U0001f600 日本", "naïve", "m" * 30):
        models.insert(model_name=name)
        models.promote(model_name=name, model_version="1", promoted_by="Zoë", reason="Ω")
    for command in ("models list", "models timeline"):
        done = shell(f"LEDGER {command} | cat", dsn, encoding, PYTHONIOENCODING=encoding)
        header, *lines = done.stdout.splitlines()
        assert len(lines) >= 3
        columns = [match.start() for match in re.finditer(r"(?<=  )\S", header)]
        for line in lines:
            shown = "".join(char + "\0" * (cell_len(char) - 1) for char in line)
            for at in columns:
                assert shown[at - 2 : at] == "  ", (command, at, line)


def test_an_argument_is_read_as_utf8_whatever_the_locale_says(ledger, dsn, tmp_path) -> None:
    ModelVersionRepository(ledger).insert(model_name="café")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = shell("LEDGER models show café 1 --json", dsn, **locale)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model_name"] == "café"
    done = shell("LEDGER models edit café 1 --tag schön=Ω", dsn, **locale)
    assert done.returncode == 0, done.stderr
    found = ModelVersionRepository(ledger).get(model_name="café", model_version="1")
    assert found is not None
    assert found.tags == {"schön": "Ω"}
    written = tmp_path / "Übersicht.html"
    done = shell(f"LEDGER report --model café {written}", dsn, **locale)
    assert done.returncode == 0, done.stderr
    assert written.exists()
    for file in ("Ünbekannt.parquet", "$(printf 'caf\\xe9.parquet')"):
        done = shell(f"LEDGER predictions import {tmp_path}/{file}", dsn, **locale)
        assert done.returncode == 2
        assert "does not exist" in done.stderr, done.stderr


def test_json_is_utf8_and_shows_no_hidden_characters(ledger, dsn) -> None:
    note = "café \u202e\x9b\x7f\u200b"
    ModelVersionRepository(ledger).insert(model_name="n", tags={"note": note})
    done = shell("LEDGER models show n 1 --json", dsn)
    assert json.loads(done.stdout)["tags"]["note"] == note
    assert "café" in done.stdout
    assert not {"\u202e", "\x9b", "\x7f", "\u200b"} & set(done.stdout)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["models", "list", "--help"]])
def test_what_is_not_needed_is_not_imported(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom mlops_ledger.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    imported = done.stdout.splitlines()[-1].split()
    assert [name for name in HEAVY if name in imported] == []


def test_a_help_line_is_whole_and_a_refusal_names_options() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert isinstance(command, Command | Group), name
        if not isinstance(command, Group):
            continue
        shown = CliRunner().invoke(main, [name, "--help"], terminal_width=80).output
        assert "..." not in shown.split("Commands:")[1], name
        for under in command.list_commands(context):
            assert isinstance(command.get_command(context, under), Command | Group), (name, under)


def interrupted(dsn: str, arguments: list[str], delay: float, times: int = 1) -> tuple[int, bytes]:
    process = subprocess.Popen(
        [COMMAND, *arguments],
        env={**os.environ, "DATABASE_URL": dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    time.sleep(delay)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


@pytest.mark.parametrize("times", [1, 3])
def test_an_interrupt_of_a_waiting_command_is_quiet(ledger, dsn, times: int) -> None:
    with psycopg.connect(dsn) as holder:
        holder.execute("LOCK model_versions IN ACCESS EXCLUSIVE MODE")
        code, output = interrupted(dsn, ["models", "list"], 2, times)
    assert (code, output) == (130, b"")


@pytest.mark.parametrize("number", [1, 3, 10, 30, 80, 150, 250, 400])
def test_an_interrupt_during_an_import_is_quiet(ledger, dsn, number: int) -> None:
    code = f"""
import os, signal, sys
class Interrupting:
    left = {number}
    def find_spec(self, *_):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
from mlops_ledger.__main__ import run
sys.meta_path.insert(0, Interrupting())
sys.argv = ["mlops-ledger", "models", "list", "--json"]
run()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DATABASE_URL": dsn},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) in [(130, b""), (0, b"")]
    assert done.returncode == 130 or number > 80


def test_a_full_disk_is_said_of_the_file_that_it_keeps_from_being_written(
    ledger, dsn, tmp_path
) -> None:
    models, predictions = ModelVersionRepository(ledger), PredictionsRepository(ledger)
    models.insert(model_name="m")
    predictions.insert(model_name="m", model_version="1", prediction=1.0)
    rows = tmp_path / "rows.csv"
    rows.write_text("prediction\nmany\n")
    importing = "predictions import --model m --version 1 --on-error skip"
    for command, written in (
        ("predictions export --model m", "a.csv"),
        ("predictions export --model m", "a.ndjson"),
        ("predictions export --model m", "a.parquet"),
        ("export parquet", "lake"),
        ("report --model m", "a.html"),
        (f"{importing} {rows} --refused", "refused.ndjson"),
    ):
        file = tmp_path / written
        # No file may become longer than nothing: as on a disk that is full.
        done = shell(f"ulimit -f 0; LEDGER {command} {file}", dsn, PYTHONDONTWRITEBYTECODE="1")
        assert (done.returncode, done.stdout) == (2, ""), (command, done.stderr)
        assert re.fullmatch(
            rf"error: {file}\S* cannot be written: File too large\n", done.stderr
        ), done.stderr


def test_a_file_may_have_a_name_that_is_not_utf8(ledger, dsn, tmp_path) -> None:
    ModelVersionRepository(ledger).insert(model_name="m", feature_names=["prediction"])
    folder = os.fsdecode(bytes(tmp_path) + b"/\xe9")
    Path(folder).mkdir()
    script = f"cd $'{tmp_path}/\\xe9' && LEDGER"
    rows = (
        "request_id,predicted_at,prediction\na,2026-01-01T00:00:00Z,1\nb,2026-01-01T00:00:00Z,x\n"
    )
    Path(folder, "rows.csv").write_text(rows)
    with Path(folder, "data.parquet").open("wb") as opened:
        parquet.write_table(pa.table({"prediction": [1.0, 2.0]}), opened)
    given = "--model m --version 1 --on-error skip --json"
    done = shell(f"{script} predictions import $PWD/rows.csv {given}", dsn)
    assert (done.returncode, done.stderr) == (1, "")
    assert Path(json.loads(done.stdout)["refused_file"]).exists()
    for command, key in (
        ("predictions export $PWD/a.parquet --json", "file"),
        ("predictions import $PWD/a.parquet --json", None),
        ("baselines register $PWD/data.parquet --model m --version 1 --json", None),
        ("export parquet $PWD/lake --json", None),
        ("export parquet $PWD/lake --json", None),
        ("predictions export $PWD/b.csv --json", "file"),
    ):
        done = shell(f"{script} {command}", dsn)
        assert (done.returncode, done.stderr) == (0, ""), (command, done.stderr)
        if key is not None:
            assert Path(json.loads(done.stdout)[key]).exists()
