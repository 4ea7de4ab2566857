"""What commands print on a real terminal, of every width, whatever the rows hold."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner
from fix_faults import full
from fix_full import TABLES, fill
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    ModelVersionRepository,
    MonitorsRepository,
    SystemMetricsRepository,
)
from mlops_ledger.admin.roles import Roles
from mlops_ledger.cli import main, output
from mlops_ledger.cli.text import number
from mlops_ledger.visible import visible
from tools import forked
from tools.scratch import scratch_database

COMMAND = Path(sys.executable).parent / "mlops-ledger"
WIDTHS = (60, 80, 100, 120)
ESCAPE = re.compile(r"\x1b\[(?:0|1)?m")
# A progress bar hides the cursor, draws, shows the cursor again and wipes its line.
BAR = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h(?:\r|\x1b\[1A|\x1b\[2K)*", re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HOSTILE = (
    "\x1b]0;PWNED\x07\x1b[31m\x1b[2J [bold]x[/bold] \\[/nope] [link=http://evil]y "
    "\u202eevil\u2066 \u200bzero\u200d \x9b31m \r\n forged line " + "long " * 20 + "日本語 " * 5
)


@pytest.fixture(scope="module")
def ledger_of(server_dsn: str, template: str) -> Iterator[Any]:
    """Make a full ledger with a text in all places; returns its DSN and ids."""
    with scratch_database(server_dsn, template) as dsn, Database(dsn) as db:
        Roles(db).create(prefix="terminal_")
        yield dsn, fill(db, HOSTILE)


def on_terminal(dsn: str, arguments: list[str], width: int) -> tuple[int, str]:
    """Run a command on a terminal of a width; return its exit code and what it printed."""
    child, keyboard = pty.fork()
    if child == 0:
        _run_here(dsn, arguments, width)
    shown = bytearray()
    while True:
        try:
            chunk = os.read(keyboard, 65536)
        except OSError:  # the last program has left the terminal
            break
        if not chunk:
            break
        shown += chunk
    os.close(keyboard)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode().replace("\r\n", "\n")


def _run_here(dsn: str, arguments: list[str], width: int) -> NoReturn:
    """Run a command in this forked process, which has no other streams than the terminal."""
    code = 99
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.environ.update(DATABASE_URL=dsn, TERM="xterm", MLOPS_SPOOL_DIR="/nowhere")
        for name in ("COLUMNS", "NO_COLOR"):
            os.environ.pop(name, None)
        main(arguments)
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        os._exit(code)


def assert_fits(shown: str, width: int | None) -> None:
    plain = ESCAPE.sub("", BAR.sub("", shown))
    odd = {char for char in plain if not (char.isprintable() or char in "\n\u3000\u00a0")}
    assert odd == set()
    if width is not None:
        assert max(map(cell_len, plain.splitlines())) <= width, plain


@pytest.mark.parametrize("command", TABLES)
def test_a_table_fits_the_terminal_and_obeys_nothing_stored(ledger_of, command: str) -> None:
    dsn, ids = ledger_of
    arguments = command.format(**ids).split()
    # As a process: this one forks below, and must not hold a pool then.
    environment = {**os.environ, "DATABASE_URL": dsn, "MLOPS_SPOOL_DIR": "/nowhere"}
    piped = forked.run(forked.run_command, arguments, environment=environment)
    assert piped.returncode in (0, 1), piped.stderr
    assert_fits(piped.stdout, None)
    assert "\x1b" not in piped.stdout
    whole = set(UUID.findall(piped.stdout))
    for width in WIDTHS:
        code, shown = on_terminal(dsn, arguments, width)
        assert code == piped.returncode, shown
        assert_fits(shown, width)
        if "monitors run" not in command and "audit" not in command:
            assert whole <= set(UUID.findall(shown))


def test_what_does_not_fit_becomes_records_and_loses_nothing(ledger_of) -> None:
    dsn, ids = ledger_of
    _, narrow = on_terminal(dsn, ["alerts", "list"], 80)
    [record] = [each for each in re.split(r"\n(?=id )", narrow) if str(ids["alert"]) in each]
    lines = dict(line.split(None, 1) for line in record.splitlines() if line[:1].isalpha())
    assert lines["id"] == str(ids["alert"])
    assert lines["severity"] == "critical"
    joined = "".join(line.strip() for line in narrow.splitlines())
    assert joined.replace(" ", "").count("long") == 20
    _, wide = on_terminal(dsn, ["alerts", "list"], 140)
    assert "…" in wide
    assert any(line.startswith(str(ids["alert"])) for line in wide.splitlines())


def test_what_is_looked_at_daily_is_a_table_of_80_columns(dsn) -> None:
    """Names as people give them, and something of each kind to do."""
    name = "flight-delays"
    with Database(dsn) as db:
        versions = ModelVersionRepository(db)
        versions.insert(model_name=name, created_by="examples.flight", metrics={"roc_auc": 0.7})
        versions.promote(
            model_name=name, model_version="1", promoted_by="airflow@example.com", reason="gates"
        )
        MonitorsRepository(db).add_defaults(model_name=name)
        MonitorsRepository(db).run()
        AgentActionsRepository(db).insert(action_type="retrain", risk_level="high", model_name=name)
        received = {"metric_name": "network_received_bytes_total", "metric_value": 473981489152}
        SystemMetricsRepository(db).insert_many(rows=[{"host": "web", **received}])
    for command in ("status", "models", "models list", "migrate status", "metrics system web"):
        shown = ESCAPE.sub("", on_terminal(dsn, command.split(), 80)[1])
        assert_fits(shown, 80)
        # A record has a line for each field.
        assert "-[ 1 ]" not in shown, shown
        assert not re.search(r"^(model|version|timestamp) +\S+$", shown, re.MULTILINE), shown
        if command in ("status", "models"):
            assert re.search(r"^model .* monitors  reviews$", shown, re.MULTILINE), shown


def test_a_number_is_not_rounded_away(ledger_of) -> None:
    dsn, _ = ledger_of
    for width in WIDTHS:
        assert "1250.5" in on_terminal(dsn, ["metrics", "list", "--model", "m"], width)[1]


def test_no_colour_means_no_escape(ledger_of) -> None:
    dsn, _ = ledger_of
    assert "\x1b[1m" in on_terminal(dsn, ["stats"], 100)[1]
    shown = subprocess.run(
        ["script", "-qec", f"NO_COLOR=1 {COMMAND} stats", "/dev/null"],
        env={**os.environ, "DATABASE_URL": dsn},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert b"\x1b" not in shown.stdout


@settings(
    max_examples=full(60, 5),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    width=st.sampled_from(WIDTHS),
)
def test_any_text_prints_on_any_width(
    server_dsn: str, template: str, text: str, width: int
) -> None:
    assume(any(char.isprintable() and char != " " for char in text))  # others are blank
    with scratch_database(server_dsn, template) as dsn:
        with Database(dsn) as db:
            ids = fill(db, text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", dsn)
            patch.setattr(output, "_terminal_width", lambda: width)
            for command in TABLES:
                if command != "roles show":
                    shown = CliRunner().invoke(main, command.format(**ids).split())
                    assert shown.exit_code in (0, 1), (command, shown.output)
                    assert_fits(shown.stdout, width)


@pytest.mark.parametrize("char", ["\u034f", "\u115f", "\u17b4", "\u3164", "\ufe0f", "\U000e0100"])
def test_a_letter_that_is_not_to_be_seen_is_an_escape(char: str) -> None:
    assert visible(f"ali{char}") == "ali" + char.encode("unicode_escape").decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0000123456789, "1.23457e-05"),
        (-0.000002, "-2e-06"),
        (1 / 3, "0.333333"),
        (1234567.5, "1234567.5"),
    ],
)
def test_a_number_has_six_digits_however_small_it_is(value: float, shown: str) -> None:
    assert number(value) == shown
