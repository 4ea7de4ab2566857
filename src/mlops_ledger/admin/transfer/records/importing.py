"""Records the rows of a file, in the order of their times, each once however often it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from ...._sync.database import Connections, Database
from ....checks.values import uuid
from ....errors import AppendOnly, Conflict, InvalidValue, LedgerError, NotFound, PromotionRefused
from ....ids import id_for
from .kinds import KINDS, Kind, Known, VersionIds
from .mapping import Mapping
from .reading import rows_of
from .values import value_of

_REFUSALS: Final = (AppendOnly, Conflict, InvalidValue, NotFound, PromotionRefused)
# Rows of one transaction.
_TOGETHER: Final = 200


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was refused: its line (in an array or a table its number), and why."""

    line: int
    reason: str
    row: Any


@dataclass(slots=True)
class RecordsImported:
    """How many rows were stored and were there already, and those that were refused."""

    stored: int = 0
    duplicates: int = 0
    refused: list[RefusedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ready:
    line: int
    row: Any
    values: dict[str, Any]
    at: datetime
    id: UUID


class _TakenBack(Exception):
    """Rolls a dry run back."""


def import_records(
    db: Database,
    file: Path,
    form: str,
    mapping: Mapping,
    *,
    kind: str | None = None,
    dry_run: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> RecordsImported:
    """Record the rows of a file of form json, csv or parquet, and return the outcome of each.

    `kind` (or that of the mapping) is decisions, promotions, monitoring, metrics or alerts. Rows
    are recorded in the order of their times; what is refused does not stop the others. A row is
    recorded once, also when the file is imported again. With `dry_run` all is taken back. Raises
    LedgerError for a kind, field or file that is none.
    """
    name = kind or mapping.kind or ""
    if name not in KINDS:
        raise LedgerError(f"kind: must be one of {', '.join(KINDS)}")
    found, fields = KINDS[name], KINDS[name].fields()
    for unknown in {*mapping.fields, *mapping.constants, *mapping.values} - set(fields):
        raise LedgerError(f"{unknown}: is no field of {name}: {', '.join(sorted(fields))}")
    done = RecordsImported()
    ready = sorted(_ready(file, form, mapping, name, done), key=lambda one: one.at)
    versions = VersionIds()
    with suppress(_TakenBack), _whole(db, dry_run) as lender:
        for first in range(0, len(ready), _TOGETHER):
            chunk = ready[first : first + _TOGETHER]
            with lender.transaction() as tx:
                for one in chunk:
                    _record(tx, found, one, versions, done)
            report(first + len(chunk), len(ready))
        if dry_run:
            raise _TakenBack
    done.refused.sort(key=lambda refused: refused.line)
    return done


@contextmanager
def _whole(db: Database, dry_run: bool) -> Iterator[Connections]:
    """Lend the database, or for a dry run one transaction for all."""
    if dry_run:
        with db.transaction() as tx:
            yield tx
    else:
        yield db


def _ready(
    file: Path, form: str, mapping: Mapping, name: str, done: RecordsImported
) -> Iterator[_Ready]:
    """Yield the rows that can be read, as the fields of their kind."""
    kind, fields, seen = KINDS[name], KINDS[name].fields(), Counter[bytes]()
    for line, row, problem in rows_of(file, form):
        try:
            if problem is not None:
                raise InvalidValue("", problem)
            given = mapping.row(row)
            for unknown in given.keys() - fields.keys():
                raise InvalidValue(unknown, f"is no field of {name}; a mapping chooses columns")
            values = {n: value_of(n, fields[n], v, mapping.zone) for n, v in given.items()}
            if (missing := kind.missing(values)) is not None:
                raise InvalidValue(missing, "is missing")
            at = values[kind.time]
            given_id = values.pop("id", None)
            made = _id(name, values, at, seen) if given_id is None else uuid("id", given_id)
            yield _Ready(line, row, values, at, made)
        except _REFUSALS as error:
            done.refused.append(RefusedRow(line, str(error).removeprefix(": "), _shown(row)))


def _id(name: str, values: dict[str, Any], at: datetime, seen: Counter[bytes]) -> UUID:
    """Return an id that follows from what a row says and how often it was said before."""
    content = json.dumps([name, values], default=str, sort_keys=True)
    digest = blake2b(content.encode(), digest_size=10).digest()
    seen[digest] += 1
    return id_for(f"{digest.hex()} {seen[digest]}", at)


def _record(tx: Any, kind: Kind, one: _Ready, versions: VersionIds, done: RecordsImported) -> None:
    try:
        # A savepoint: what is refused leaves the rows before it.
        with tx.transaction() as row:
            if Known(row).is_known(id=one.id):
                done.duplicates += 1
                return
            values = dict(one.values)
            versions.fill(row, kind, values)
            made = kind.record(row, values, one.id)
        # A run that its job recorded has the id of the job.
        is_new = not isinstance(made, UUID) or made == one.id
        done.stored += is_new
        done.duplicates += not is_new
    except _REFUSALS as error:
        done.refused.append(RefusedRow(one.line, str(error), _shown(one.row)))


def _shown(value: Any) -> Any:
    """Return what a file holds as any program reads JSON: in UTF-8, numbers of 64 bits."""
    if isinstance(value, dict):
        return {_shown(str(name)): _shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return str(value)
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
