"""Every statement of the repositories, proven against the migrated schema."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import pq, sql

from benchmarks.cases import CASES
from mlops_ledger import arrow as frames
from mlops_ledger.checks.prediction_fields import COLUMNS
from mlops_ledger.statements import Statement, load
from tools.registry import repositories

REPOSITORIES = repositories()

SQL = resources.files("mlops_ledger").joinpath("sql")
FILES = sorted(file.name.removesuffix(".sql") for file in SQL.iterdir())
# Tables of a session, which the statements of many rows go through.
STAGES = "CREATE TEMP TABLE prediction_stage (LIKE predictions); SELECT ledger_label_stage();"
# Parameters that a method works out.
_TIMES = (
    "since",
    "until",
    "earliest",
    "latest",
    "predicted_at",
    "predicted_from",
    "before_at",
    "before_from",
)
COMPUTED = {
    **dict.fromkeys(_TIMES, "datetime"),
    # The window that another is compared with, and both together, which are folded.
    **dict.fromkeys(("reference_since", "reference_until"), "datetime"),
    **dict.fromkeys(("folded_since", "folded_until"), "datetime"),
    "baseline_id": "UUID",
    "at": "datetime",
    "model_names": "Sequence[str]",
    **dict.fromkeys(("window_start", "window_end"), "datetime"),
    "model_version_id": "UUID",
    "version_ids": "Sequence[UUID]",
    "table_name": "str",
    "num_rows": "int",
    "one_in": "int",
    # The head of an audit log is taken apart, and its export is read in pages.
    "after_seq": "int",
    "since_seq": "int",
    "until_seq": "int",
    "limit": "int",
    # A bucket is taken apart into these.
    "unit": "str",
    "step": "timedelta",
}
# Steps that several methods share.
STEPS = {
    "version",
    "version_ids",
    "begin_write",
    "copy",
    "stage",
    "copy_to_stage",
    "store_staged",
    "drop_stage",
    "fetch",
    "make_partitions",
    "add_feature",
}
# What a method turns into these, or sends by COPY.
RESOLVED = {"self", "days", "rows", "record", "model_name", "model_version", "timestamp"}
RESOLVED |= {"lookback_hours", "source"}

# What becomes the bins of a baseline.
BINNED = {
    "model_version",
    "data",
    "categorical",
    "probabilities",
    "predictions",
    "labels",
    "num_bins",
}

# What a value of each SQL type is in Python: as an argument, and in a row.
ARGUMENTS = {
    "uuid": "UUID",
    "text": "str",
    "timestamptz": "datetime",
    "double precision": "float",
    "bigint": "int",
    "integer": "int",
    "boolean": "bool",
    "jsonb": "Mapping[str, Any]",
    "text[]": "Sequence[str]",
    "interval": "timedelta",
    "inet": "str",
    "uuid[]": "Sequence[UUID]",
    "double precision[]": "Mapping[str, float | None] | Sequence[float | None]",
}
FIELDS = {
    **{name: kind for name, kind in ARGUMENTS.items() if name != "timestamptz"},
    "timestamp with time zone": "datetime",
    "jsonb": r"dict\[str, \w+\]|list\[dict\[str, Any\]\]|Any",
    "text[]": r"list\[str\]",
    "inet": r"IPv4Address \| IPv6Address",
    "double precision[]": r"list\[float( \| None)?\]",
    "smallint": "int",
    "bigint[]": r"list\[int\]",
}


def prepare(conn: psycopg.Connection, statement: Statement) -> pq.PGresult:
    """Have the server parse a statement and describe its parameters and columns.

    Raises AssertionError naming file, line and statement when it does not fit the schema.
    """
    # COPY cannot be prepared; the columns that it fills can be read.
    text = re.sub(
        rb"COPY ([\w.]+)\s+\((.*?)\)\s+FROM STDIN.*",
        rb"SELECT \2 FROM \1",
        statement.text,
        flags=re.DOTALL,
    )
    for number, name in enumerate(statement.parameters, 1):
        text = text.replace(f"%({name})s".encode(), f"${number}".encode())
    result = conn.pgconn.prepare(b"", text)
    if result.status != pq.ExecStatus.COMMAND_OK:
        problem = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        raise AssertionError(f"{statement.origin}: {problem.decode()}")
    return conn.pgconn.describe_prepared(b"")


def problems(conn: psycopg.Connection, statements: Iterable[Statement]) -> list[str]:
    """Return what is wrong with statements on a database."""
    found = []
    for statement in statements:
        # In a savepoint: the error of one must not hide those of the next.
        try:
            with conn.transaction():
                prepare(conn, statement)
        except AssertionError as error:
            found.append(str(error))
    return found


def used() -> Iterator[tuple[str, str, type | None]]:
    """Yield file, statement and row class of each place where a repository runs a statement."""
    for file, repository in REPOSITORIES.items():
        for owner in repository.__mro__:
            module = sys.modules[owner.__module__]
            # A base that several repositories share has no file of its own.
            if getattr(owner, "_file", file) == file and owner is not object:
                for name, row in _statements_of(Path(inspect.getfile(owner))):
                    yield file, name, None if row is None else getattr(module, row)


def _statements_of(source: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "load(self._file)":
            if isinstance(node.slice, ast.Constant):
                yield node.slice.value, None
            continue
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        method, first = node.func.attr, node.args[0]
        if not isinstance(first, ast.Constant) or not method.startswith("_"):
            continue
        if method in {"_rows", "_row", "_one"}:
            yield first.value, ast.unparse(node.args[1])
        elif method == "_page":
            for suffix in ("", "__of_versions", "__distributed"):
                yield f"{first.value}{suffix}", ast.unparse(node.args[1])
        else:
            yield first.value, None
            if method == "_insert_once":
                yield f"{first.value}__repeated", None


def _calls(repository: type) -> Iterator[ast.Call]:
    """Yield the calls in the module of a repository and in those of its bases."""
    for base in repository.__mro__[:-1]:
        tree = ast.parse(Path(inspect.getfile(base)).read_text("utf-8"))
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


STATEMENTS = [
    pytest.param(file, statement, id=f"{file}-{statement.name}")
    for file in REPOSITORIES
    for statement in load(file).values()
]
ROWS = [
    pytest.param(load(file)[name], row, id=f"{file}-{name}")
    for file, name, row in used()
    if row is not None
]


@pytest.fixture(scope="module")
def migrated(server_dsn: str, template: str) -> Iterator[psycopg.Connection]:
    """A connection to the migrated template, for looking only."""
    with psycopg.connect(server_dsn, dbname=template) as connection:
        connection.execute(STAGES)
        for file in ("performance_metrics", "system_metrics"):
            connection.execute(load(file)["insert_many__stage"].text)
        yield connection
        connection.rollback()


def test_every_statement_fits_the_schema(migrated: psycopg.Connection) -> None:
    found = problems(migrated, _statements())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("file", "statement"), STATEMENTS)
def test_parameters_have_the_types_they_are_checked_as(
    migrated: psycopg.Connection, file: str, statement: Statement
) -> None:
    described = prepare(migrated, statement)
    found = [described.param_type(number) for number in range(described.nparams)]
    expected = [_oid(migrated, cast) for cast in statement.parameters.values()]
    assert found == expected, statement.origin


@pytest.mark.parametrize(("statement", "row"), ROWS)
def test_columns_are_the_fields_of_the_row(
    migrated: psycopg.Connection, statement: Statement, row: type[Any]
) -> None:
    described = prepare(migrated, statement)
    fields = dataclasses.fields(row)
    columns = [(described.fname(number) or b"").decode() for number in range(described.nfields)]
    assert columns == [field.name for field in fields], statement.origin
    for number, field in enumerate(fields):
        kind, can_be_null = _column(migrated, described, number)
        annotation = str(field.type).removesuffix(" | None")
        assert re.fullmatch(FIELDS[kind], annotation), f"{statement.origin}: {field.name} is {kind}"
        if can_be_null is not None and annotation != "Any":
            optional = annotation != field.type
            assert can_be_null == optional, f"{statement.origin}: {field.name}"


def test_the_columns_of_copy_and_of_tables_are_those_of_python(
    migrated: psycopg.Connection,
) -> None:
    lists = {"copy": COLUMNS, "copy_to_stage": COLUMNS, "fetch": frames.COLUMNS}
    for name, columns in lists.items():
        described = prepare(migrated, load("predictions")[name])
        found = [(described.fname(number) or b"").decode() for number in range(described.nfields)]
        assert found == list(columns), name


def test_what_is_measured_is_a_statement() -> None:
    assert [each for each in CASES if each.statement not in load(each.file)] == []


def test_every_statement_is_used_and_every_name_exists() -> None:
    defined = {(file, name) for file in REPOSITORIES for name in load(file)}
    assert {(file, name) for file, name, _ in used()} == defined


@pytest.mark.parametrize("file", REPOSITORIES)
def test_parameters_are_the_arguments_of_the_method(file: str) -> None:
    wrong = []
    for statement in load(file).values():
        if (step := statement.name.partition("__")[0]) in STEPS:
            continue
        given = inspect.signature(getattr(REPOSITORIES[file], step)).parameters
        for name, cast in statement.parameters.items():
            kind = given[name].annotation if name in given else COMPUTED.get(name, "nothing")
            kind = kind.removesuffix(" | None").replace("Sequence[Mapping", "Mapping")
            expected = {ARGUMENTS[cast], *(["Any", ARGUMENTS[cast] + "]"] * (cast == "jsonb"))}
            if kind not in expected:
                wrong.append(f"{statement.origin}: {name} is {kind}, cast to {cast}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file", REPOSITORIES)
def test_every_argument_reaches_the_statement(file: str) -> None:
    missing = {}
    for name, statement in load(file).items():
        if "__" not in name and name not in STEPS:
            given = set(inspect.signature(getattr(REPOSITORIES[file], name)).parameters)
            resolved = (
                RESOLVED if file in ("predictions", "ground_truth") else {"self", "days", "against"}
            )
            resolved |= BINNED if file == "baselines" else set()
            resolved |= {"bucket"} if "unit" in statement.parameters else set()
            missing[statement.origin] = given - set(statement.parameters) - resolved
    assert {origin: names for origin, names in missing.items() if names} == {}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_says_what_it_does(file: str) -> None:
    source = resources.files("mlops_ledger").joinpath(f"sql/{file}.sql").read_text("utf-8")
    blocks = re.findall(r"^-- ((?:fragment |read )?\w+) --\n(.*)", source, re.MULTILINE)
    assert [name for name, line in blocks if not re.fullmatch(r"-- [A-Z].*\.", line)] == []


@pytest.mark.parametrize("file", FILES)
def test_a_list_of_columns_is_written_once(file: str) -> None:
    source = resources.files("mlops_ledger").joinpath(f"sql/{file}.sql").read_text("utf-8")
    lists = [
        " ".join(found[0].split()) for found in re.finditer(r"(?:\b[\w.]+,\s+){5,}[\w.]+", source)
    ]
    assert sorted(set(lists)) == sorted(lists)


def test_a_renamed_column_is_reported_with_file_statement_and_line(
    migrated: psycopg.Connection,
) -> None:
    source = (
        resources.files("mlops_ledger").joinpath("sql/monitoring_metrics.sql").read_text("utf-8")
    )
    line = source.splitlines().index("-- read drift_trend --") + 1
    with migrated.transaction(force_rollback=True):
        migrated.execute("ALTER TABLE monitoring_metrics RENAME dataset_drift_detected TO drifted")
        found = problems(migrated, _statements())
    statement = f"sql/monitoring_metrics.sql:{line} drift_trend"
    assert f'{statement}: column "dataset_drift_detected" does not exist' in found


@pytest.mark.once
def test_no_column_that_a_statement_uses_can_be_renamed(migrated: psycopg.Connection) -> None:
    columns = migrated.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')"
        " AND c.relname <> 'ledger_migrations' AND a.attnum > 0 AND NOT a.attisdropped"
    ).fetchall()
    for relation, column in columns:
        users = [statement for statement in _statements() if _mentions(statement, relation, column)]
        if not users:
            continue
        with migrated.transaction(force_rollback=True):
            migrated.execute(
                sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO renamed").format(
                    sql.Identifier(relation), sql.Identifier(column)
                )
            )
            reported = {problem.partition(": ")[0] for problem in problems(migrated, users)}
        assert {statement.origin for statement in users} == reported, (relation, column)


def _statements() -> list[Statement]:
    return [statement for file in FILES for statement in load(file).values()]


def _mentions(statement: Statement, relation: str, column: str) -> bool:
    """Whether a statement reads a column of a relation by name, itself or through a function."""
    if column.encode() not in statement.text:
        # So are nearly all: to compile a pattern for each would take ten seconds.
        return False
    # Comments, parameters, texts and types hold the same words.
    text = re.sub(r"--.*|%\(\w+\)s|'[^']*'|::double precision", "", statement.text.decode())
    if relation == "model_deployments":
        reads, column = "FROM model_deployments b" in text, f"b.{column}"
    elif relation == "v_deployments":
        reads = bool(re.search(r"FROM (promote|rollback|retire|production_at)\(", text))
    elif "\nCOPY " in text:
        reads = False  # the server looks at its columns when it is run
    elif re.search(r"to_jsonb\([a-z]\)", text):
        reads = False  # rows as they are, whatever their columns
    else:
        reads = bool(re.search(rf"\b{relation}\b", text))
    is_made = bool(re.search(rf"\bAS {column}\b", text))
    if alias := re.search(rf"\b(?:FROM|JOIN) {relation} ([a-z])\b", text):
        column = f"{alias[1]}.{column}"
    # Without an alias, a column that is qualified is another relation's.
    return reads and not is_made and bool(re.search(rf"(?<![a-z]\.)\b{column}\b", text))


def _oid(conn: psycopg.Connection, name: str) -> int:
    row = conn.execute("SELECT %s::regtype::oid", [name]).fetchone()
    assert row is not None
    return int(row[0])


def _column(
    conn: psycopg.Connection, described: pq.PGresult, number: int
) -> tuple[str, bool | None]:
    """Return the type of a result column, and whether it can be null where a table decides."""
    row = conn.execute(
        "SELECT format_type(%s, NULL), (SELECT NOT a.attnotnull FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'"
        " WHERE a.attrelid = %s AND a.attnum = %s)",
        [described.ftype(number), described.ftable(number), described.ftablecol(number)],
    ).fetchone()
    assert row is not None
    return row[0], row[1]
