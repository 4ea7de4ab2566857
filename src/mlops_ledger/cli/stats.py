"""`mlops-ledger stats`: how much the ledger holds, and how fast it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from .base import Command
from .options import json_option
from .output import echo_json, echo_table, say
from .text import size

if TYPE_CHECKING:
    from ..admin.stats import TableStats

_COLUMNS = ("table", "rows", "size", "rows/day", "size/day", "oldest", "newest")


@click.command(cls=Command)
@json_option
def stats(as_json: bool) -> None:
    """Show the size and growth of each table.

    Also its oldest and newest data. Rows marked ~ are the server's estimate; growth is the mean
    of the last seven days.
    """
    from ..admin.stats import Statistics

    with ledger.Database() as db:
        found = Statistics(db).tables()
    if as_json:
        echo_json(found)
    else:
        echo_table(_COLUMNS, [_row(table) for table in found])
        say(f"total {size(sum(table.bytes for table in found))}")


def _row(table: TableStats) -> tuple[object, ...]:
    growth = table.bytes_per_day
    return (
        table.table_name,
        f"~{table.rows}" if table.is_estimate else table.rows,
        size(table.bytes),
        None if table.rows_per_day is None else round(table.rows_per_day, 1),
        None if growth is None else size(round(growth)),
        table.oldest and f"{table.oldest:%Y-%m-%d}",
        table.newest and f"{table.newest:%Y-%m-%d}",
    )
