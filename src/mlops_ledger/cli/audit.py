"""`mlops-ledger audit`: who changed what, and whether the log of it is whole."""

from __future__ import annotations

from typing import Any, TextIO

import click

import mlops_ledger as ledger

from .base import Group
from .options import (
    TextFile,
    json_lines_option,
    json_option,
    limit_option,
    since_option,
    until_option,
)
from .output import echo_done, echo_json, echo_table, finish, write
from .progress import progress

# What is not UTF-8 is not what was hashed: found as a change, not an error of decoding.
EXPORT = TextFile(encoding="utf-8-sig", errors="replace")
COLUMNS = "seq recorded_at event model_name actor db_role object_table object_id"


@click.group(cls=Group)
def audit() -> None:
    """Look at the log of all changes and verify it."""


@audit.command("list")
@click.option("--event", help="Only this event: promotion, rollback, decision, …")
@click.option("--by", "actor", metavar="WHO", help="Only what this actor did.")
@click.option("--table", "object_table", help="Only changes to this table.")
@click.option("--id", "object_id", help="Only changes to the row of this id.")
@since_option
@until_option
@click.option("--before", type=int, metavar="SEQ", help="The next page: what comes after this row.")
@limit_option
@json_option
def list_(as_json: bool, **filters: Any) -> None:
    """List entries, newest first."""
    with ledger.Database() as db:
        found = ledger.AuditRepository(db).list_entries(**filters)
    if as_json:
        echo_json(found)
    else:
        names = COLUMNS.split()
        echo_table(names, [_cells(entry, names) for entry in found])


@audit.command()
@json_option
def head(as_json: bool) -> None:
    """Print the end of the log as SEQ:HASH, to publish where nobody can change it."""
    with ledger.Database() as db:
        found = ledger.AuditRepository(db).head()
    echo_done(found, found, as_json)


@audit.command()
@click.option(
    "--against", metavar="HEAD", help="A published head, SEQ:HASH, that must be in the log."
)
@click.option(
    "--since", metavar="HEAD", help="A head up to which the log was verified; continues there."
)
@click.option("--file", type=EXPORT, help="Verify an export; - for stdin.")
@json_option
def verify(against: str | None, since: str | None, file: TextIO | None, as_json: bool) -> None:
    """Recompute the hash of every entry; exits with 1 when the chain is broken.

    Without a published head it cannot see that somebody has rewritten all of the log.
    """
    from ..audit import verify_lines

    if file is not None and since is not None:
        raise click.UsageError(
            "--since is for the log in the database; an export starts where it starts"
        )
    if file is not None:
        found = verify_lines(file, against=against)
    else:
        with ledger.Database() as db, progress("verify") as report:
            found = ledger.AuditRepository(db).verify(against=against, since=since, progress=report)
    whole = f"whole: every entry up to {found.head}"
    broken = f"broken: entry {found.broken_seq} {found.problem}"
    echo_done(found, whole if found.problem is None else broken, as_json)
    finish(0 if found.problem is None else 1)


@audit.command()
@click.option("--after", type=int, metavar="SEQ", help="Only entries after this one.")
@json_lines_option
def export(after: int | None, as_json: bool) -> None:
    """Print the log as lines of JSON, oldest first, that can be verified without the database."""
    with ledger.Database() as db:
        for line in ledger.AuditRepository(db).export(after=after):
            write(line)


def _cells(entry: Any, names: list[str]) -> list[object]:
    """Return the named columns of an entry, or of the row that was changed."""
    row = entry.after or entry.before or {}
    return [getattr(entry, name, row.get(name)) for name in names]
