"""What the columns of a file are in the ledger: a mapping in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ....errors import LedgerError

_PARTS: Final = {"kind": str, "fields": dict, "constants": dict, "values": dict, "zone": str}


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where each field of the ledger comes from.

    `fields` names the column of a field, or the path to it with dots; without any, columns are
    named as the fields. `constants` are the same in all rows, `values` translates words of a
    field, and `zone` is that of times without one.
    """

    kind: str | None = None
    fields: Dictionary[str, str] = field(default_factory=dict)
    constants: Dictionary[str, Any] = field(default_factory=dict)
    values: Dictionary[str, Dictionary[str, Any]] = field(default_factory=dict)
    zone: str | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            raise LedgerError(f"zone: there is no time zone {self.zone}") from None

    def row(self, given: Dictionary[str, Any]) -> dict[str, Any]:
        """Return the fields that a row of the file has."""
        if self.fields:
            found = {name: _at(given, path) for name, path in self.fields.items()}
        else:
            found = dict(given)
        found = {name: value for name, value in found.items() if value not in (None, "")}
        for name, words in self.values.items():
            if str(found.get(name)) in words:
                found[name] = words[str(found[name])]
        return {**self.constants, **found}


def read_mapping(file: Path) -> Mapping:
    """Read a mapping. Raises LedgerError for a malformed one."""
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{file.name}: is not TOML: {error}") from None
    for name, value in found.items():
        if not isinstance(value, _PARTS.get(name, ())):
            raise LedgerError(f"{file.name}: {name}: is none of {', '.join(_PARTS)}, or not one")
    wrong = [n for n, path in found.get("fields", {}).items() if not isinstance(path, str)]
    wrong += [n for n, words in found.get("values", {}).items() if not isinstance(words, dict)]
    if wrong:
        raise LedgerError(f"{file.name}: {wrong[0]}: fields name columns, values are tables")
    return Mapping(**found)


def _at(row: Any, path: str) -> Any:
    """Return what a column or a path with dots leads to; a column of the whole name first."""
    if isinstance(row, dict) and path in row:
        return row[path]
    first, dot, rest = path.partition(".")
    inner = row.get(first) if isinstance(row, dict) else None
    return _at(inner, rest) if dot else inner
