"""`mlops-ledger import json`, `csv` and `parquet`: what was kept in files so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import orjson

import mlops_ledger as ledger

from ..files import written
from .base import Command
from .options import FilePath, json_option
from .output import echo_done, finish, say
from .progress import progress

_SOME_REFUSED: Final = 1
# Refused rows that are printed for people; --refused has all.
_SOME: Final = 20
_KINDS: Final = ("decisions", "promotions", "monitoring", "metrics", "alerts")
_path = FilePath(exists=True, dir_okay=False)


def _command(form: str, what: str) -> click.Command:
    @click.command(form, cls=Command, help=_HELP.format(what))
    @click.argument("file", type=_path)
    @click.option("--kind", type=click.Choice(_KINDS), help="What the rows are.")
    @click.option("--map", "mapping_file", type=_path, help="A mapping of columns to fields.")
    @click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
    @click.option(
        "--refused",
        "refused_file",
        type=FilePath(dir_okay=False),
        help="Write refused rows here, with line and reason.",
    )
    @json_option
    def run(
        file: Path,
        kind: str | None,
        mapping_file: Path | None,
        dry_run: bool,
        refused_file: Path | None,
        as_json: bool,
    ) -> None:
        from ..admin.transfer.records import Mapping, import_records, read_mapping

        mapping = Mapping() if mapping_file is None else read_mapping(mapping_file)
        with progress("import") as report, ledger.Database() as db:
            done = import_records(
                db, file, form, mapping, kind=kind, dry_run=dry_run, report=report
            )
        if refused_file is not None:
            with written(refused_file):
                refused_file.write_bytes(b"".join(map(_line, done.refused)))
        _show(file, done, dry_run, as_json)
        finish(_SOME_REFUSED if done.refused else 0)

    return run


def _show(file: Path, done: Any, dry_run: bool, as_json: bool) -> None:
    counts = f"{done.stored:,} stored, {done.duplicates:,} were there already"
    refused = f", {len(done.refused):,} refused" if done.refused else ""
    if not as_json:
        for row in done.refused[:_SOME]:
            say(f"{file.name}:{row.line}: {row.reason}", err=True)
        if len(done.refused) > _SOME:
            say(f"and {len(done.refused) - _SOME:,} more, see --refused", err=True)
    dry = " (a dry run: nothing was written)" if dry_run else ""
    echo_done(done, counts + refused + dry, as_json)


def _line(row: Any) -> bytes:
    return orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE)


_HELP: Final = """Record the decisions, promotions, monitoring runs, metrics or alerts of {}.

Rows are recorded in the order of their times, once however often the file is imported. Those that
are refused do not stop the others; exits with 1 if there are any.
"""
COMMANDS: Final = (
    _command("json", "a JSON FILE: an array, or an object per line"),
    _command("csv", "a CSV FILE"),
    _command("parquet", "a Parquet FILE"),
)
