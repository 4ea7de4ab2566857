"""`mlops-ledger serve` and `mlops-ledger report`, as people run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from fix_faults import migrated, own_server, stop

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.cli.pages import of_pages

pytest.importorskip("jinja2", reason="needs the extra [ui]")

COMMAND = Path(sys.executable).parent / "mlops-ledger"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    """What the command reads its database from."""
    return {**os.environ, "DATABASE_URL": dsn, "MLOPS_LEDGER_HOME": str(tmp_path)}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the command in an empty folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


def test_serve_answers_until_it_is_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        with process.stdout:
            address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        with urlopen(address, timeout=60) as answer:
            assert b"There is no model yet" in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_nobody_waits_long_for_a_page() -> None:
    for given, limit in ((30.0, 10.0), (2.0, 2.0)):
        settings = of_pages(Settings(statement_timeout=given))
        assert (settings.statement_timeout, settings.read_only) == (limit, True)


def test_serve_starts_before_its_database(environment: dict[str, str], tmp_path: Path) -> None:
    with own_server() as server:
        environment["DATABASE_URL"] = migrated(server)
        stop(server, "fast")
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            with pytest.raises(HTTPError, match="503"):
                urlopen(address)
            server.start()
            deadline = time.monotonic() + 60
            found = 0
            while found != 200 and time.monotonic() < deadline:
                with suppress(HTTPError):
                    found = urlopen(address).status
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate()
        finally:
            process.kill()
    assert found == 200
    assert said.startswith("note: cannot connect to")


def test_serve_says_why_it_cannot_listen(run: Run) -> None:
    found = run("serve", "--address", "192.0.2.1")
    assert found.returncode == 2
    assert found.stderr.startswith("error: cannot listen at 192.0.2.1:8765: ")


def test_serve_with_buttons_says_what_it_lacks(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("ana a-token-that-nobody-can-guess\n")
    tokens.chmod(0o644)
    assert "needs MLOPS_APPROVER_URL" in run("serve", "--write").stderr
    assert "belong to --write" in run("serve", "--tokens", "tokens").stderr
    environment["MLOPS_APPROVER_URL"] = environment["DATABASE_URL"]
    for arguments, message in (
        ((), "needs either --user-header or --tokens"),
        (("--user-header", "X-User"), "belong together"),
        (("--user-header", "X-User", "--proxy", "nobody"), "give an address or a network"),
        (("--tokens", "tokens"), "tokens can be read by others: run chmod go= tokens"),
    ):
        found = run("serve", "--write", *arguments)
        assert (found.returncode, message in found.stderr) == (2, True), found.stderr
        assert "nobody-can-guess" not in found.stderr


def test_report_of_the_only_model(run: Run, dsn: str, tmp_path: Path) -> None:
    assert "there is no model yet" in run("report", "m.html").stderr
    with Database(Settings(conninfo=dsn)) as db:
        ModelVersionRepository(db).insert(model_name="m")
        found = run("report", "m.html")
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("m.html: ")
        assert "<h1>m</h1>" in (tmp_path / "m.html").read_text("utf-8")
        ModelVersionRepository(db).insert(model_name="n")
    assert "say which: --model NAME" in run("report", "m.html").stderr
    assert run("report", "n.html", "--model", "n", "--since", "30d").returncode == 0
    found = run("report", "no/n.html", "--model", "n")
    problem = "error: no/n.html cannot be written: No such file or directory\n"
    assert (found.returncode, found.stderr) == (2, problem)
