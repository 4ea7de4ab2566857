"""`mlops-ledger spool`: predictions that are logged and not in the database yet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import orjson

import mlops_ledger as ledger

from .base import Group
from .options import json_lines_option, json_option
from .output import echo_json, echo_line, echo_rows, finish, say

WAITING: Final = 1


@click.group(cls=Group)
def spool() -> None:
    """Show and deliver predictions that wait for the database.

    Prediction loggers keep them under MLOPS_SPOOL_DIR, by default in `spool` under
    MLOPS_LEDGER_HOME.
    """


@spool.command()
@json_option
def status(as_json: bool) -> None:
    """Show what waits: exit code 1 with dead letters, or if a dead process has left records."""
    from ..logger.dead_letters import read_dead_letters
    from ..logger.inspect import damaged_segments, inspect_spool

    root = ledger.Settings.from_environment().spool
    found = inspect_spool(root)
    dead = sum(1 for _ in read_dead_letters(root))
    damaged = len(damaged_segments(root))
    if as_json:
        echo_json(
            {"root": root, "folders": found, "dead_letters": dead, "damaged_segments": damaged}
        )
    else:
        say(f"root              {root}")
        say(f"dead letters      {dead}")
        say(f"damaged segments  {damaged}")
        echo_rows(found, "folder target live records bytes oldest problem", as_json)
    left = any(each.records and not each.live for each in found)
    finish(WAITING if left or dead else 0)


@spool.command()
@click.option("--dead-letters", is_flag=True, help="Also requeue dead letters.")
@click.option("--any-database", is_flag=True, help="Also records for other databases.")
@json_option
def replay(dead_letters: bool, any_database: bool, as_json: bool) -> None:
    """Deliver the records that dead processes have left.

    Dead letters that are stored leave their file; those refused again stay, with the new reason.
    """
    from ..logger.replay import replay_spool

    settings = ledger.Settings.from_environment()
    with ledger.Database(settings) as db:
        done = replay_spool(
            db, settings.spool, dead_letters=dead_letters, any_database=any_database
        )
    if as_json:
        echo_json(done)
    else:
        say(
            f"{done.folders} folders: {done.stored} stored, {done.duplicates} were there already, "
            f"{done.dead_lettered} refused (see mlops-ledger spool inspect --dead-letters)"
        )
        if done.left_alone:
            say(
                f"left alone {done.left_alone} folders for other databases "
                "(see mlops-ledger spool status)"
            )


@spool.command()
@click.option("--dead-letters", is_flag=True, help="Print dead letters instead.")
@click.option("--inputs", is_flag=True, help="Include features, inputs, metadata and client.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@json_lines_option
def inspect(dead_letters: bool, inputs: bool, limit: int, as_json: bool) -> None:
    """Print waiting records as lines of JSON, oldest first."""
    from ..checks.prediction_fields import PRIVATE
    from ..logger.dead_letters import read_dead_letters
    from ..logger.records import readable

    # What may identify a person.
    hidden = () if inputs else ("features", *PRIVATE)
    root = ledger.Settings.from_environment().spool
    found = read_dead_letters(root) if dead_letters else _waiting(root)
    for each in islice(found, limit):
        record = readable(each["record"])
        shown = {name: value for name, value in record.items() if name not in hidden}
        echo_line({**each, "record": shown})


def _waiting(root: Path) -> Iterator[dict[str, Any]]:
    from ..logger.folder import folders
    from ..logger.inspect import undelivered

    for folder in folders(root):
        for payload in undelivered(folder):
            yield {"folder": folder.name, "record": orjson.loads(payload)}
