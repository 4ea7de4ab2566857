"""What the schema consists of: each table, column, constraint, function and the rest, by a hash.

`schema/objects` lists what the migrations make, one object per line: hash, kind, name. `verify`
compares a database with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from psycopg.rows import scalar_row, tuple_row

from .._sync.repository import Repository
from ..migrations import schema_directory

_NAMED: Final = {"table", "view", "function"}
# Before version 16 the server names the table before each column of a view, even of a single table
# or list of values.
_ONE_TABLE: Final = re.compile(
    r"\n\s+FROM (?:\w+|\( VALUES .*\)) (\w+)(?:\([\w, ]+\))?(?:\n\s+WHERE [^\n]*)?;\Z", re.DOTALL
)


class Differences(NamedTuple):
    """The objects of a database that are not those of this release, as kind and name."""

    missing: list[str]
    changed: list[str]
    added: list[str]


class Objects(Repository):
    """The objects of a database's schema and the rights on them; it only reads."""

    _file = "objects"

    def found(self, names: Collection[str] | None = None) -> dict[str, str]:
        """Return the hashes of the objects of the named tables, views and functions, or of all.

        They do not depend on the version of the server, nor on the name of the schema.
        """
        with self._db.transaction() as tx:
            within = Objects(tx)
            [path] = within._fetch("qualify_nothing", scalar_row, {})
            schema = path.removesuffix(", pg_temp")
            if names is None:
                names = within._fetch("names", scalar_row, {})
            rows = within._fetch("found", tuple_row, {"names": list(names)})
        return {
            " ".join([kind, *name]): _hash(kind, definition, schema)
            for kind, name, definition in rows
        }

    def differences(self, expected: Mapping[str, str]) -> Differences:
        """Compare with what the migrations make."""
        found = self.found(_names(expected))
        return Differences(
            sorted(expected.keys() - found.keys()),
            sorted(
                name for name in expected.keys() & found.keys() if expected[name] != found[name]
            ),
            sorted(found.keys() - expected.keys()),
        )

    def wrong_grants(self, expected: Mapping[str, str]) -> list[str]:
        """Return the rights that are not those that `roles create` grants, in words."""
        return self._fetch("grants", scalar_row, {"names": _names(expected)})


def expected_objects() -> dict[str, str]:
    """Return the hashes of the objects that this release's migrations make."""
    lines = (schema_directory() / "objects").read_text("utf-8").splitlines()
    return {name: hash_ for hash_, _, name in (line.partition(" ") for line in lines)}


def _names(objects: Collection[str]) -> list[str]:
    kinds = (name.split(" ", 1) for name in objects)
    return sorted({name.partition("(")[0] for kind, name in kinds if kind in _NAMED})


def _hash(kind: str, definition: list[str | None], schema: str) -> str:
    same = _SAME.get(kind)
    parts = [part and same(part, schema) for part in definition] if same else definition
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _index(text: str, schema: str) -> str:
    return re.sub(rf" ON (ONLY )?{re.escape(schema)}\.", r" ON \1", text, count=1)


def _settings(text: str, schema: str) -> str:
    # An element of an array, whose quotes are escaped.
    quoted = schema.replace("\\", r"\\").replace('"', r"\"")
    return text.replace(f"search_path={quoted}, ", "search_path=") if text[0] == "{" else text


def _view(text: str, _: str) -> str:
    found = _ONE_TABLE.search(text)
    return re.sub(rf"\b{found[1]}\.", "", text) if found else text


# What makes a definition the same whatever the name of the schema and the version of the server.
_SAME: Final = {"index": _index, "function": _settings, "view": _view}
