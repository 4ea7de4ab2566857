"""Wrong input to every command: an exit code and one helpful line, no traceback, no waiting."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_ledger.cli import main
from mlops_ledger.cli.base import Group

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
COMMAND = Path(sys.executable).parent / "mlops-ledger"
# What is not tried: they start or end servers, or hand everything on.
LEFT_OUT = {
    "db psql",
    "exporter",
    "serve",
    "db start",
    "db stop",
    "db url",
    "db status",
    "metrics collect",
    "migrate new",
}
GOOD = {
    "uuid": UNKNOWN_ID,
    "time": "2026-01-01T00:00:00Z",
    "integer": "1",
    "number": "1",
    "length": "1d",
    "json": "{}",
    "key=value": "a=b",
    "cell=number": "tp=1",
}
BAD = {
    "uuid": ["5", "", "01890a5d"],
    "time": ["yesterday", "2026-01-01T00:00", "9999-99-99", "99999w99999w", "9d" * 9000],
    "integer": ["x", "1.5"],
    "integer range": ["x", "0", "-1"],
    "number": ["much", "nan", "1e999"],
    "length": ["soon", "0d", "-1d", "5y", "99999w", "99999w" * 2000],
    "json": ["{", "[1]", "NaN"],
    "choice": ["nonsense", ""],
    "key=value": ["novalue", "=x"],
}


def leaves(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def kind_of(parameter: click.Parameter) -> str:
    return parameter.type.name


def plausible(parameter: click.Parameter) -> str:
    if isinstance(parameter.type, click.Choice):
        return str(next(iter(parameter.type.choices)))
    return GOOD.get(kind_of(parameter), "x")


def arguments_of(command: click.Command) -> list[str]:
    """Return what the command needs, all of it of the right form."""
    found = []
    for parameter in command.params:
        if parameter.required:
            if isinstance(parameter, click.Option):
                found.append(max(parameter.opts, key=len))
            found.append(plausible(parameter))
    return found


def mistakes() -> Iterator[tuple[list[str], str]]:
    """Yield command lines that are wrong, with the word that the refusal must have."""
    for path, command in leaves(main):
        if " ".join(path) in LEFT_OUT:
            continue
        needed = arguments_of(command)
        yield [*path, *needed, "--nonsense"], "no such option|unexpected extra argument"
        yield (
            [*path, *needed, *["surplus"] * 9],
            "unexpected extra argument|must be (KEY=VALUE|CELL=NUMBER)|not a time|not one of"
            "|does not exist|not a valid",
        )
        if needed:
            yield [*path], "missing|give"
        for parameter in command.params:
            if not isinstance(parameter, click.Option) or parameter.is_flag:
                continue
            option = max(parameter.opts, key=len)
            for value in BAD.get(kind_of(parameter), []):
                yield [*path, *needed, option, value], f"{re.escape(option)}|no such option"
    groups = [name for name in main.list_commands(click.Context(main))]
    for name in groups:
        if isinstance(main.get_command(click.Context(main), name), Group):
            yield [name, "nonsense"], "no such command"
    yield ["nonsense"], "no such command"
    yield ["modles"], "did you mean models"  # codespell:ignore modles
    yield ["models", "lst"], "did you mean list"


UNKNOWN = [
    (["models", "list", "--model", "n"], "there is no model n"),
    (["models", "show", "churm", "1"], "did you mean churn"),
    (["models", "show", "churn", "9"], "has no version 9"),
    (["models", "promote", "churm", "1"], "did you mean churn"),
    (["models", "rollback", "churm"], "did you mean churn"),
    (["models", "retire", "churm"], "did you mean churn"),
    (["models", "policy", "churm"], "did you mean churn"),
    (["models", "at", "churm"], "did you mean churn"),
    (["models", "at", "churn", "--slot", "eu"], "has no slot eu"),
    (["models", "timeline", "--model", "churm"], "did you mean churn"),
    (["models", "tag", "churm", "1", "a=b"], "did you mean churn"),
    (["monitors", "add", "--defaults", "churm"], "did you mean churn"),
    (["decisions", "list", "--model", "churm"], "did you mean churn"),
    (["decisions", "pending", "--model", "churm"], "did you mean churn"),
    (["decisions", "show", UNKNOWN_ID], "there is no decision"),
    (["actions", "list", "--model", "churm"], "did you mean churn"),
    (["actions", "list", "--pending", "--model", "churm"], "did you mean churn"),
    (["actions", "show", UNKNOWN_ID], "there is no action"),
    (["actions", "approve", UNKNOWN_ID], "there is no action"),
    (["predictions", "list", "--model", "churm"], "did you mean churn"),
    (["predictions", "list", "--model", "churn", "--version", "9"], "has no version 9"),
    (["predictions", "stats", "--model", "churm"], "did you mean churn"),
    (["predictions", "show", UNKNOWN_ID], "there is no prediction"),
    (["labels", "performance", "churm"], "did you mean churn"),
    (["labels", "performance", "churn", "--slice", "x"], "--slice-key: .* declare one"),
    (["labels", "show", UNKNOWN_ID], "there is no prediction"),
    (["monitoring", "recent", "--model", "churm"], "did you mean churn"),
    (["monitoring", "trend", "churm"], "did you mean churn"),
    (["drift", "list", "--model", "churm"], "did you mean churn"),
    (["drift", "latest", "churm"], "did you mean churn"),
    (["drift", "show", UNKNOWN_ID], "there is no drift report"),
    (["metrics", "list", "--model", "churm"], "did you mean churn"),
    (["metrics", "show", "churm"], "did you mean churn"),
    (["metrics", "timeseries", "churm", "rmse"], "did you mean churn"),
    (["metrics", "compare", "churm", "1", "2"], "did you mean churn"),
    (["metrics", "compare", "churn", "1", "9"], "has no version 9"),
    (["metrics", "log", "churm", "rmse", "1"], "did you mean churn"),
    (["metrics", "log", "churn", "rmse", "1", "--version", "9"], "has no version 9"),
    (["monitors", "list", "--model", "churm"], "did you mean churn"),
    (["monitors", "run", "--model", "churm"], "did you mean churn"),
    (["alerts", "list", "--model", "churm"], "did you mean churn"),
    (["alerts", "list", "--status", "all", "--model", "churm"], "did you mean churn"),
    (["alerts", "show", UNKNOWN_ID], "there is no alert"),
    (["alerts", "acknowledge", UNKNOWN_ID], "there is no alert"),
    (["alerts", "raise", "t", "t", "--model", "churm"], "did you mean churn"),
    (["fold", "--model", "churm"], "did you mean churn"),
    (["fold", "--rebuild", "--model", "churm"], "did you mean churn"),
    (["fold", "--pending", "--model", "churm"], "did you mean churn"),
    (["fold", "--rebuild", "--model", "churn", "--version", "9"], "has no version 9"),
    (
        ["labels", "compare", "churn", "--version", "1", "--against", "9"],
        "model churn has no version 9; the newest is 1",
    ),
    (["events", "tail", "--type", "nope"], r"there is no type nope \(see"),
    (["events", "tail", "--type", "alert.raise"], "did you mean alert.raised?"),
    (["events", "tail", "--model", "churm"], "did you mean churn"),
    (["baselines", "show", "--model", "churm"], "did you mean churn"),
    (["docs", "alert"], "did you mean alerts"),
]
# Options that say nothing without another, or beside one, with what the refusal names.
ALONE = [
    (["fold", "--version", "1"], "--model: is needed with --version"),
    (["fold", "--rebuild", "--version", "1"], "--model: is needed with --version"),
    (["fold", "--pending", "--version", "1"], "--model: is needed with --version"),
    (["fold", "--pending", "--rebuild"], "exclude each other"),
    (["predictions", "list", "--version", "1"], "--model: is needed with --version"),
    (["predictions", "stats", "--version", "1"], "--model: is needed with --version"),
    (["predictions", "export", "x.parquet", "--version", "1"], "--model: is needed with"),
    (["actions", "request", "retrain", "--risk", "low", "--version", "1"], "--version needs"),
    (["actions", "request", "retrain", "--risk", "low", "--issue-type", "x"], "need --issue"),
    (["actions", "request", "retrain", "--risk", "low", "--issue-severity", "x"], "need --issue"),
    (["actions", "list", "--pending", "--risk", "low"], "--pending goes with"),
    (["baselines", "show", "--version", "1"], "--model"),
    (["baselines", "show", UNKNOWN_ID, "--version", "1"], "--version needs --model"),
    (["labels", "performance", "churn", "--slice-key", "x"], "--slice: is needed with"),
    (["metrics", "system", "--attributes", '{"disk": "/"}'], "need --metric"),
    (["metrics", "system", "--since", "7d"], "need --metric"),
    (["metrics", "system", "h", "--until", "7d"], "need --metric"),
    (["metrics", "system", "--bucket", "day"], "need --metric"),
    (["monitors", "add", "x", "--defaults", "churn"], "goes with --window and --by only"),
    (["monitors", "add", "x", "--operator", ">", "--critical", "1", "--host", "h"], "--host"),
    (["events", "tail", "--after", "0", "--limit", "3"], "--limit is for the last"),
    (["events", "tail", "--consumer", "x", "--limit", "3"], "--limit is for the last"),
    (["distribute", "--status", "--undo"], "exclude each other"),
    (["distribute", "--status", "--wait", "5"], "--wait"),
    (["distribute", "--status", "--partition-by", "week"], "--partition-by is for"),
    (["distribute", "--undo", "--partition-by", "week"], "--partition-by is for"),
    (["models", "correct", "churn", "1"], "give what is to be corrected"),
    (["webhooks", "add", "x", "https://example.com", "--template", "$id"], "--template"),
    (["serve", "--user-header", "x"], "belong to --write"),
]
EMPTY = [
    ["models", "list", "--model", "churn", "--stage", "staging"],
    ["decisions", "list", "--model", "churn"],
    ["actions", "list", "--status", "all", "--model", "churn"],
    ["predictions", "list", "--model", "churn", "--version", "1"],
    ["monitoring", "recent", "--model", "churn"],
    ["monitoring", "trend", "churn"],
    ["drift", "list", "--model", "churn"],
    ["drift", "latest", "churn"],
    ["metrics", "list", "--model", "churn"],
    ["metrics", "show", "churn"],
    ["monitors", "list", "--model", "churn"],
    ["monitors", "run", "--model", "churn"],
    ["alerts", "list", "--status", "all", "--model", "churn"],
    ["models", "timeline", "--model", "churn"],
]


@pytest.fixture
def churn(run) -> None:
    assert run("models", "register", "churn", "1").exit_code == 0


def assert_one_line(arguments: list[str], code: int, stdout: str, stderr: str, word: str) -> None:
    assert code == 2, (arguments, code, stdout, stderr)
    assert stdout == "", arguments
    assert stderr.startswith("error: "), (arguments, stderr)
    assert stderr.count("\n") == 1, (arguments, stderr)
    assert re.search(word, stderr, re.IGNORECASE), (arguments, word, stderr)


def test_each_mistake_is_one_helpful_line(run, churn) -> None:
    tried = list(mistakes())
    assert len(tried) >= 300
    for arguments, word in tried:
        result = run(*arguments)
        assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, word)


@pytest.mark.parametrize(("arguments", "word"), UNKNOWN, ids=lambda a: " ".join(a)[:40])
def test_what_is_unknown_is_refused_with_the_nearest_name(
    run, churn, arguments: list[str], word: str
) -> None:
    result = run(*arguments)
    assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, word)


@pytest.mark.parametrize(("arguments", "word"), ALONE, ids=lambda a: " ".join(a)[:40])
def test_an_option_that_would_say_nothing_is_refused(
    run, churn, arguments: list[str], word: str
) -> None:
    result = run(*arguments)
    assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, word)
    if "(see " in result.stderr:
        assert re.search(rf"\(see \S+ {arguments[0]} .*--help\)", result.stderr)


def test_what_is_known_but_empty_is_no_mistake(run, churn) -> None:
    for arguments in EMPTY:
        assert (run(*arguments).exit_code, run(*arguments).stdout) == (0, "(none)\n"), arguments


def test_a_window_that_ends_before_it_begins_is_refused_everywhere(run, churn) -> None:
    windows = 0
    for path, command in leaves(main):
        if {"since", "until"} <= {parameter.name for parameter in command.params}:
            given = [*path, *arguments_of(command)]
            for since in ("2026-01-02", "2026-01-03"):
                arguments = [*given, "--since", since, "--until", "2026-01-02"]
                result = run(*arguments)
                word = "--since must lie before --until"
                assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, word)
            windows += 1
    assert windows >= 15


def test_the_process_does_the_same(dsn, churn) -> None:
    for arguments, word in list(mistakes())[::40]:
        done = subprocess.run(
            [str(COMMAND), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert_one_line(arguments, done.returncode, done.stdout, done.stderr, word)


def test_every_command_that_prints_takes_json() -> None:
    lacking = [
        " ".join(path)
        for path, command in leaves(main)
        if not any(parameter.name == "as_json" for parameter in command.params)
    ]
    assert lacking == ["db psql", "exporter", "serve", "mcp"]


def test_an_edit_of_nothing_is_a_mistake(run, churn) -> None:
    for arguments in (["models", "edit", "churn"], ["models", "edit", "churn", "1"]):
        result = run(*arguments)
        assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, "--description")


def test_cleanup_deletes_only_what_was_confirmed(run, churn) -> None:
    for arguments in (["cleanup", "--older-than", "30d"], ["db", "reset"], ["migrate", "down"]):
        result = run(*arguments)
        assert_one_line(arguments, result.exit_code, result.stdout, result.stderr, "--yes")
    assert run("cleanup", "--older-than", "30d", "--dry-run").exit_code == 0
    assert run("cleanup", "--older-than", "30d", "--yes").exit_code == 0


def test_a_promotion_of_what_is_there_says_so(run, churn) -> None:
    first = run("models", "promote", "churn", "1", "--by", "ann")
    again = run("models", "promote", "churn", "1", "--by", "bob", "--reason", "again")
    assert (first.stderr, again.exit_code) == ("", 0)
    assert "version 1 has been in slot production since" in again.stderr
    assert "nothing was changed" in again.stderr


def test_an_empty_name_is_said_to_be_empty(run, churn) -> None:
    for line, name in (
        ("models list --model=", "--model"),
        ("models show ''", "MODEL_NAME"),
        ("models show churn ''", "MODEL_VERSION"),
        ("models promote churn ''", "MODEL_VERSION"),
        ("models retire churn --slot=", "--slot"),
        ("labels performance ''", "MODEL_NAME"),
        ("labels compare churn --version 1 --against=", "--against"),
        ("baselines show --model=", "--model"),
        ("metrics log churn ''  1", "METRIC_NAME"),
        ("metrics list --model churn --metric=", "--metric"),
        ("metrics compare churn 1 ''", "VERSION_B"),
        ("events forget ''", "CONSUMER"),
        ("webhooks test ''", "WEBHOOK"),
    ):
        result = run(*shlex.split(line))
        told = (result.exit_code, result.stdout, result.stderr)
        assert_one_line([line], *told, f"error: {name}: is empty\n")


def test_an_option_without_its_value_names_the_command(run, churn) -> None:
    result = run("models", "list", "--model")
    assert " models list --help)" in result.stderr


def test_an_older_click_will_do() -> None:
    older = (
        "import click; click.ParamType.__class_getitem__ = None;"
        "del click.exceptions.NoArgsIsHelpError;"
        "from mlops_ledger.cli import main; main(['labels', 'value', 'churn', 'tp=x'])"
    )
    done = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True)
    arguments = (done.returncode, done.stdout, done.stderr)
    assert_one_line(["tp=x"], *arguments, "'x' is not a finite number")
