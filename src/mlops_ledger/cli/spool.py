"""`mlops-ledger spool`: predictions that are logged and not in the database yet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import orjson

from ..config import Settings
from ..database import Database
from ..logger.dead_letters import read_dead_letters
from ..logger.folder import folders
from ..logger.inspect import damaged_segments, inspect_spool, undelivered
from ..logger.records import readable
from ..logger.replay import replay_spool
from .options import json_option
from .output import echo_json, echo_rows

WAITING: Final = 1
# What may tell who it was about.
_RAW: Final = ("features", "inputs", "metadata", "user_agent", "client_ip")


@click.group()
def spool() -> None:
    """Show and deliver predictions that wait for the database.

    Prediction loggers keep them under MLOPS_SPOOL_DIR, by default in `spool` under
    MLOPS_LEDGER_HOME.
    """


@spool.command()
@json_option
def status(as_json: bool) -> None:
    """Show what waits: exit code 1 if a process that is gone has left records."""
    root = Settings.from_environment().spool
    found = inspect_spool(root)
    dead = sum(1 for _ in read_dead_letters(root))
    damaged = len(damaged_segments(root))
    if as_json:
        echo_json(
            {"root": root, "folders": found, "dead_letters": dead, "damaged_segments": damaged}
        )
    else:
        click.echo(f"root              {root}")
        click.echo(f"dead letters      {dead}")
        click.echo(f"damaged segments  {damaged}")
        echo_rows(found, "folder target live records bytes oldest problem", as_json)
    sys.exit(WAITING if any(each.records and not each.live for each in found) else 0)


@spool.command()
@click.option("--dead-letters", is_flag=True, help="Requeue those too that the database refused.")
@click.option("--any-database", is_flag=True, help="Also what is meant for other databases.")
@json_option
def replay(dead_letters: bool, any_database: bool, as_json: bool) -> None:
    """Write to the database what processes that are gone have left for it.

    Dead letters that are stored leave their file; those refused again stay, with the new reason.
    """
    settings = Settings.from_environment()
    with Database(settings) as db:
        done = replay_spool(
            db, settings.spool, dead_letters=dead_letters, any_database=any_database
        )
    if as_json:
        echo_json(done)
    else:
        click.echo(
            f"{done.folders} folders: {done.stored} stored, {done.duplicates} were there already, "
            f"{done.dead_lettered} refused (see mlops-ledger spool inspect --dead-letters)"
        )
        if done.left_alone:
            click.echo(
                f"left alone {done.left_alone} folders for other databases "
                "(see mlops-ledger spool status)"
            )


@spool.command()
@click.option("--dead-letters", is_flag=True, help="Those that the database refuses instead.")
@click.option("--inputs", is_flag=True, help="With their features, inputs, metadata and client.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
def inspect(dead_letters: bool, inputs: bool, limit: int) -> None:
    """Print records that wait as JSON, oldest first."""
    root = Settings.from_environment().spool
    found = read_dead_letters(root) if dead_letters else _waiting(root)
    for each in islice(found, limit):
        record = readable(each["record"])
        shown = record if inputs else {k: v for k, v in record.items() if k not in _RAW}
        echo_json({**each, "record": shown})


def _waiting(root: Path) -> Iterator[dict[str, Any]]:
    for folder in folders(root):
        for payload in undelivered(folder):
            yield {"folder": folder.name, "record": orjson.loads(payload)}
