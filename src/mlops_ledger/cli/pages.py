"""`mlops-ledger serve` and `mlops-ledger report`: the ledger in a browser."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

import mlops_ledger as ledger

from ..files import distrust
from . import complete
from .base import Command
from .options import FilePath, json_option, since_option, until_option
from .output import echo_json, note, say

# Seconds that the database may take over a statement of a page.
_PATIENCE: Final = 10.0


def _ui() -> Any:
    try:
        from ..contrib import ui
    except ModuleNotFoundError as error:
        if error.name not in {"jinja2", "markupsafe", "starlette", "uvicorn"}:
            raise
        raise click.ClickException("this needs the extra: pip install 'mlops-ledger[ui]'") from None
    return ui


@click.command(cls=Command)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="0 picks a free one.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the pages are reached by, besides this machine's; repeatable.",
)
@click.option("--write", is_flag=True, help="Add buttons for reviews and alerts.")
@click.option(
    "--user-header",
    metavar="NAME",
    help="With --write: the header in which a proxy names the user.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Where that proxy connects from, an address or a network; repeatable.",
)
@click.option(
    "--tokens",
    type=FilePath(exists=True, dir_okay=False),
    metavar="FILE",
    help="With --write instead of a proxy: lines of a name, a space and a token.",
)
def serve(
    address: str,
    port: int,
    hosts: tuple[str, ...],
    write: bool,
    user_header: str | None,
    proxies: tuple[str, ...],
    tokens: Path | None,
) -> None:
    """Serve pages about the ledger until stopped.

    They only read, in sessions that cannot write. A reader role is enough; the audit log needs an
    auditor. There is no login: put a proxy with one in front before you listen elsewhere than on
    this machine.

    With --write there are buttons: approve and reject, acknowledge and resolve. They act through
    the connection of MLOPS_APPROVER_URL, under the name that the proxy or the token stands for.
    """
    ui = _ui()
    settings = ledger.Settings.from_environment()
    # The server stops by itself, and then sends the signal to whoever had it before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with ExitStack() as stack:
        access = None
        if write:
            approver = _approver(settings)
            known = _identities(ui, user_header, proxies, tokens)
            access = ui.Access(stack.enter_context(closing(approver)), **known)
        elif user_header or proxies or tokens:
            raise click.UsageError("--user-header, --proxy and --tokens belong to --write")
        db = stack.enter_context(closing(ledger.Database(of_pages(settings))))
        _look(db)
        try:
            ui.serve(db, address=address, port=port, hosts=hosts, access=access, started=say)
        except OSError as error:
            reason = error.strerror or str(error)
            raise click.ClickException(f"cannot listen at {address}:{port}: {reason}") from None


def _look(db: ledger.Database) -> None:
    """Say it when the database is away: the pages do so, too, until it is back."""
    try:
        db.open()
    except ledger.LoginRefused:
        raise
    except ledger.Unavailable as error:
        note(f"{error}; the pages work once it is back")


def of_pages(settings: ledger.Settings) -> ledger.Settings:
    """Return the settings that pages are read with: nobody looks at an empty window for long."""
    timeout = min(settings.statement_timeout, _PATIENCE)
    return replace(settings, read_only=True, statement_timeout=timeout)


def _approver(settings: ledger.Settings) -> ledger.Database:
    found = settings.of_reviews()
    if found is None:
        raise click.UsageError(
            "--write needs MLOPS_APPROVER_URL, a connection string for a user with the role of an "
            "approver"
        )
    return ledger.Database(found)


def _identities(
    ui: Any, user_header: str | None, proxies: tuple[str, ...], tokens: Path | None
) -> dict[str, Any]:
    """Return whom to believe who they are, from either a proxy or tokens."""
    if (user_header is None) == (tokens is None):
        raise click.UsageError("--write needs either --user-header or --tokens")
    if (user_header is None) != (not proxies):
        raise click.UsageError("--user-header and --proxy belong together")
    if user_header is not None:
        return {"user_header": user_header, "proxies": ui.networks(proxies)}
    assert tokens is not None
    if problem := distrust(tokens, {0, os.geteuid()}, secret=True):
        raise click.UsageError(f"{tokens} {problem}")
    try:
        return {"tokens": ui.read_tokens(tokens.read_text("utf-8"))}
    except (ledger.ConfigError, UnicodeDecodeError) as error:
        problem = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise click.UsageError(f"{tokens}: {problem}") from None


@click.command(cls=Command)
@click.argument("file", type=FilePath(dir_okay=False))
@click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="The model (default: the only one).",
    shell_complete=complete.models,
)
@since_option
@until_option
@json_option
def report(
    file: Path,
    model_name: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Write what happened to a model as one HTML file.

    It needs no other file, no network and no script. The window is the last year by default.
    """
    ui = _ui()
    with ledger.Database() as db:
        if model_name is None:
            model_name = _only_model(db)
        size = ui.write_report(db, file, model_name=model_name, since=since, until=until)
    if as_json:
        echo_json({"file": str(file), "bytes": size})
    else:
        say(f"{file}: {size:,} bytes")


def _only_model(db: ledger.Database) -> str:
    found = ledger.ModelsRepository(db).list_models(limit=2)
    if len(found) != 1:
        raise click.UsageError("there is no model yet" if not found else "say which: --model NAME")
    return found[0].model_name
