"""The parsed SQL of the migrations, of the functions they make and of the statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pglast
from pglast.ast import CreateFunctionStmt, Node, ViewStmt

from mlops_ledger.statements import load

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "schema" / "migrations"
STATEMENTS = ROOT / "src" / "mlops_ledger" / "sql"
# The modes of a plpgsql expression: a whole statement, an expression, and from 3 an assignment.
_EXPRESSION = 2
# Every rule looks at everything. With its tree, so that no other gets its id.
_walked: dict[int, tuple[Any, Sequence[Node]]] = {}


@dataclass(frozen=True, slots=True)
class Query:
    """One parsed statement and where it stands: a file, or a function, view or statement in it."""

    place: str
    tree: Node


def all_queries() -> list[Query]:
    """Parse everything that a ledger runs."""
    texts = {path.name: path.read_text("utf-8") for path in sorted(MIGRATIONS.glob("*.up.sql"))}
    queries = list(migration_queries(texts))
    for path in sorted(STATEMENTS.glob("*.sql")):
        for statement in load(path.stem).values():
            text = statement.text.decode()
            queries += statement_queries(f"{path.stem}.{statement.name}", text)
    return queries


def statement_queries(place: str, text: str) -> Iterator[Query]:
    """Parse a statement with the driver's parameters."""
    text = re.sub(r"%\(\w+\)s", "$1", text).replace("%%", "%")
    yield from (Query(place, raw.stmt) for raw in pglast.parse_sql(text))


def migration_queries(texts: Mapping[str, str]) -> Iterator[Query]:
    """Parse migrations by their names: their own statements, and those of their functions."""
    rows = set(re.findall(r"^CREATE (?:TABLE|TYPE) (\w+)", "\n".join(texts.values()), re.MULTILINE))
    for file, source in texts.items():
        for text in pglast.split(source):
            tree = pglast.parse_sql(text)[0].stmt
            if isinstance(tree, CreateFunctionStmt):
                name = tree.funcname[-1].sval
                yield Query(name, tree)
                yield from (Query(name, query) for query in _of_function(tree, text, rows))
            elif isinstance(tree, ViewStmt):
                yield Query(tree.view.relname, tree)
            else:
                yield Query(file, tree)


def _of_function(function: CreateFunctionStmt, text: str, rows: set[str]) -> Iterator[Node]:
    options = {option.defname: option.arg for option in function.options}
    if "as" not in options:
        return  # The body is a part of the tree.
    if options["language"].sval == "sql":
        yield from (raw.stmt for raw in pglast.parse_sql(options["as"][0].sval))
        return
    # The parser knows no table, and so no array of its rows, and not whether a type is an array.
    text = re.sub(rf"\b(?:{'|'.join(sorted(rows))})\[\]", "text[]", text)
    head, mark, body = text.partition("$$")
    text = head.replace("VARIADIC ", "") + mark + body
    for query, mode in _of_plpgsql(pglast.parse_plpgsql(text)):
        if mode > _EXPRESSION:
            query = re.split(r":?=", query, maxsplit=1)[1]
        prefix = "SELECT " if mode >= _EXPRESSION else ""
        yield from (raw.stmt for raw in pglast.parse_sql(prefix + query))


def _of_plpgsql(tree: Any) -> Iterator[tuple[str, int]]:
    if isinstance(tree, list):
        for item in tree:
            yield from _of_plpgsql(item)
    elif isinstance(tree, dict):
        for key, item in tree.items():
            if key == "PLpgSQL_expr":
                yield item["query"], item.get("parseMode", 0)
            else:
                yield from _of_plpgsql(item)


def walk(tree: Any) -> Sequence[Node]:
    """Return a node and everything below it."""
    if id(tree) not in _walked:
        _walked[id(tree)] = tree, list(_walk(tree))
    return _walked[id(tree)][1]


def _walk(tree: Any) -> Iterator[Node]:
    if isinstance(tree, tuple):
        for item in tree:
            yield from _walk(item)
    elif isinstance(tree, Node):
        yield tree
        for name in tree:
            yield from _walk(getattr(tree, name))
