"""`mlops-ledger serve` and `mlops-ledger report`: the ledger in a browser."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import click

import mlops_ledger as ledger

from . import complete
from .base import Command
from .options import json_option, since_option, until_option
from .output import echo_json, say


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
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 is any."
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the pages are reached by, besides this machine's; repeatable.",
)
def serve(address: str, port: int, hosts: tuple[str, ...]) -> None:
    """Serve pages about the ledger until stopped.

    They only read. A reader role is enough; the audit log needs an auditor. There is no login: put
    a proxy with one in front before you listen elsewhere than on this machine.
    """
    ui = _ui()
    # The server stops by itself, and then sends the signal to whoever had it before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with ledger.Database() as db:
        try:
            ui.serve(db, address=address, port=port, hosts=hosts, started=say)
        except OSError as error:
            reason = error.strerror or str(error)
            raise click.ClickException(f"cannot listen at {address}:{port}: {reason}") from None


@click.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
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
