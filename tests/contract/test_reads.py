"""What may be answered by a standby: statements that only read, of methods that only read."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from mlops_ledger.statements import Statement, load
from tools.registry import repositories

REPOSITORIES = repositories()

pytestmark = pytest.mark.once

# The functions of the ledger that a function or a view uses, through views, that may write.
VOLATILE = """
WITH RECURSIVE used (classid, objid) AS (
    SELECT refclassid, refobjid FROM pg_depend
    WHERE classid = 'pg_proc'::regclass AND objid = 'pg_temp.looked_at'::regproc
    UNION
    SELECT d.refclassid, d.refobjid FROM used u
    JOIN pg_rewrite r ON u.classid = 'pg_class'::regclass AND r.ev_class = u.objid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
)
SELECT count(*) FROM used u JOIN pg_proc p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid
WHERE p.provolatile = 'v'
"""
# Whose answers belong together, or to what is then written.
ON_THE_PRIMARY = {
    # The parts of a verification: one from a server behind the other would be a false alarm.
    ("audit_log", "verify"),
    ("audit_log", "export"),
    # What a consumer or a sender of webhooks then acts on and moves.
    ("webhooks", "endpoint"),
    ("webhooks", "due"),
}
_VERBS = {"_rows", "_row", "_one", "_value", "_fetch", "_insert_once", "_run", "_copy", "_page"}
_SUFFIXES = {
    "_page": ["__of_versions", "__distributed"],
    "_insert_once": ["__repeated"],
}


def only_reads(conn: psycopg.Connection, statement: Statement) -> bool:
    """Ask the server: it runs read-only, and calls no function of the ledger that may write."""
    text = re.sub(r"%\(\w+\)s", "NULL", statement.text.decode()).replace("%%", "%")
    if re.search(r"^COPY\b", text, re.MULTILINE):
        return False
    with conn.transaction(force_rollback=True):
        try:
            conn.execute("SET TRANSACTION READ ONLY")
            conn.execute(text)
        except psycopg.errors.ReadOnlySqlTransaction:
            return False
        except psycopg.Error:
            pass  # what NULL stands for is refused, after the server has let the statement begin
    body = sql.SQL(text.rstrip().rstrip(";"))
    made = sql.SQL("CREATE FUNCTION pg_temp.looked_at() RETURNS void BEGIN ATOMIC {}; END")
    with conn.transaction(force_rollback=True):
        try:
            conn.execute(made.format(body))
        except (psycopg.errors.UndefinedTable, psycopg.errors.FeatureNotSupported):
            return False  # a temporary table that an earlier step makes, or a SET
        [(volatile,)] = conn.execute(VOLATILE).fetchall()
    return bool(volatile == 0)


def runs(repository: type, *, elsewhere: bool) -> dict[str, set[str]]:
    """Return the statements that each method runs, itself or by others of its class.

    With those that it runs `elsewhere`, in a transaction, which is never a standby's.
    """
    receivers = {"self", "super()", *(["within", "type(self)(tx)"] if elsewhere else [])}
    own: dict[str, set[str]] = defaultdict(set)
    calls: dict[str, set[str]] = defaultdict(set)
    for owner in repository.__mro__:
        for name, function in vars(owner).items():
            if not inspect.isfunction(function) or name in _VERBS:
                continue
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
            own[name] |= set(_statements(tree, receivers))
            calls[name] |= {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                if _is_ours(node.func, receivers)
            }
    for _ in own:
        for name, called in calls.items():
            for other in called & own.keys():
                own[name] |= own[other]
    return own


def _statements(tree: ast.AST, receivers: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "load(self._file)":
            if isinstance(node.slice, ast.Constant):
                yield str(node.slice.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            verb = node.func.attr
            is_ours = _is_ours(node.func, receivers)
            if verb in _VERBS and is_ours and isinstance(node.args[0], ast.Constant):
                name = str(node.args[0].value)
                yield name
                yield from (f"{name}{suffix}" for suffix in _SUFFIXES.get(verb, ()))


def _is_ours(function: ast.Attribute, receivers: set[str]) -> bool:
    """Whether a call is one of the same class; also Async…Repository(tx)._method()."""
    receiver = ast.unparse(function.value)
    return receiver in receivers or ("within" in receivers and receiver.endswith("Repository(tx)"))


def test_a_statement_is_marked_that_only_methods_that_only_read_run(
    conn: psycopg.Connection,
) -> None:
    wrong: dict[str, str] = {}
    for file, repository in REPOSITORIES.items():
        statements = load(file)
        reading = {name for name, each in statements.items() if only_reads(conn, each)}
        whole, here = (runs(repository, elsewhere=each) for each in (True, False))
        expected: set[str] = set()
        others: set[str] = set()
        for method, names in whole.items():
            if names <= reading and (file, method) not in ON_THE_PRIMARY:
                expected |= set() if method.startswith("_") else names
            else:
                others |= here[method]
        expected -= others
        for name in expected ^ {name for name, each in statements.items() if each.is_read}:
            wrong[f"{file}: {name}"] = "a read" if name in expected else "no read"
    assert wrong == {}


@pytest.mark.parametrize("file", ["overview", "ui"])
def test_what_pages_and_commands_show_may_come_from_a_standby(
    conn: psycopg.Connection, file: str
) -> None:
    statements = load(file).values()
    assert [each.origin for each in statements if not each.is_read] == []
    assert [each.origin for each in statements if not only_reads(conn, each)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1;", True),
        ("SELECT model_name FROM v_decision_history WHERE model_name = %(a)s::text;", True),
        ("SELECT * FROM models FOR SHARE;", False),
        ("WITH gone AS (DELETE FROM models RETURNING 1) SELECT * FROM gone;", False),
        ("SELECT ensure_partitions('predictions', NULL, NULL);", False),
        ("SELECT * FROM promote(%(a)s::text, %(a)s::text, %(a)s::text, %(a)s::text);", False),
    ],
)
def test_the_server_tells_what_only_reads(
    conn: psycopg.Connection, text: str, expected: bool
) -> None:
    assert only_reads(conn, Statement("made", "made", text.encode(), {})) is expected
