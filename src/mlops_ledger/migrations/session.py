"""A connection that runs migration scripts in one schema and keeps the record of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.errors import InvalidSavepointSpecification, NoActiveSqlTransaction
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from ..connection import connections
from ..connection.config import Settings
from ..connection.session import Found, names_schema, require_utf8
from ..errors import LedgerError, MigrationError, SchemaError
from ..errors.translate import raise_alone, translate
from .files import Migration, Script
from .state import Record

_POLL_SECONDS: Final = 0.1

# Advisory locks belong to one database, so the schema is all that the key must tell apart.
_TRY_LOCK: Final = """
SELECT pg_try_advisory_lock(hashtextextended('mlops-ledger migrations: ' || %s, 0))
"""

_LOSES_NAME: Final = """
SELECT quote_ident(%(schema)s) <> %(schema)s
   AND EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
"""

_COPY: Final = re.compile(r"\bCOPY\b[^;]*?\bSTD(?:IN|OUT)\b", re.IGNORECASE)
# Rows come next, as in a script of pg_dump: the server takes them for a statement.
_BEFORE_ROWS: Final = re.compile(r"\bCOPY\b[^;]*\bSTDIN\b[^;]*;\s*\Z", re.IGNORECASE)

_RESET: Final = ("RESET ALL", "RESET SESSION AUTHORIZATION", "RESET ROLE")

_SET_CONTEXT: Final = """
SELECT set_config('search_path', quote_ident(%(schema)s) || ', pg_temp', %(local)s),
       set_config('lock_timeout', %(lock_timeout)s, %(local)s)
"""

_CREATE_TABLE: Final = """
CREATE TABLE {table} (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT session_user,
    duration_ms integer NOT NULL
);
COMMENT ON TABLE {table} IS 'The migrations applied to this schema; kept by mlops-ledger.';
COMMENT ON COLUMN {table}.version IS 'Number of the migration; the highest is the schema version.';
COMMENT ON COLUMN {table}.name IS 'Name of its files, without number and ending.';
COMMENT ON COLUMN {table}.checksum IS 'SHA-256 of its up file, with line ends as LF.';
COMMENT ON COLUMN {table}.applied_at IS 'When it was applied.';
COMMENT ON COLUMN {table}.applied_by IS 'The role that applied it.';
COMMENT ON COLUMN {table}.duration_ms IS 'How long its script ran, in milliseconds.'
"""


@contextmanager
def open_session(conninfo: str, lock_timeout: float) -> Iterator[Session]:
    """Connect for the length of a `with` block; the lock, if taken, ends with it.

    Raises SchemaError for a connection that cannot hold a lock or has no schema, and LedgerError
    for whatever fails outside a script.
    """
    conninfo = connections.direct(Settings(), conninfo)
    try:
        connection, found = connections.open_session(
            conninfo, application_name="mlops-ledger migrate"
        )
        with connection:
            yield Session(connection, found, _schema(conninfo, found), lock_timeout)
    except psycopg.Error as error:
        raise_alone(translate(error))


class Session:
    """The ledger's schema as a migrator sees it: what was applied, and how to change that.

    `lock_timeout` is how many seconds a statement of a script may wait for a table.
    """

    def __init__(
        self, connection: psycopg.Connection, found: Found, schema: str, lock_timeout: float
    ) -> None:
        require_utf8(found, connection.info.dbname)
        self._connection = connection
        self._found = found
        self._lock_timeout = lock_timeout
        self._schema = schema

    def lock(self, wait: float) -> None:
        """Take the lock that keeps other migrators of this schema out.

        Raises MigrationError on timeout, after `wait` seconds.
        """
        deadline = time.monotonic() + wait
        # Polled: CREATE INDEX CONCURRENTLY waits for the snapshot of a blocked pg_advisory_lock,
        # which in turn waits for the lock: a deadlock.
        while not self._try_lock():
            if time.monotonic() >= deadline:
                raise MigrationError(
                    f"another process was still migrating this database after {wait:g} s; "
                    "run this again when it has finished"
                )
            time.sleep(_POLL_SECONDS)

    def records(self) -> dict[int, Record]:
        """Read what was applied, by version; nothing when there is no record table yet."""
        if not self._has_table():
            return {}
        query = self._sql(
            "SELECT version, name, checksum, applied_at, applied_by, duration_ms FROM {table}"
        )
        with self._connection.cursor(row_factory=class_row(Record)) as cursor:
            return {record.version: record for record in cursor.execute(query)}

    def require_plain_name(self) -> None:
        """Raise SchemaError where there is Citus, and the name of the schema needs quotes."""
        if _value(self._connection, _LOSES_NAME, {"schema": self._schema}):
            raise SchemaError(
                "the name of the schema needs quotes, which Citus does not keep: take another, in "
                "small letters"
            )

    def ensure_table(self) -> None:
        """Create the record table if it is not there; call under the lock."""
        if not self._has_table():
            self._connection.execute(self._sql(_CREATE_TABLE))

    def apply(self, migration: Migration) -> None:
        """Run the up script and record it, in one transaction unless the script opts out."""
        with self._scope(migration.up):
            started = time.perf_counter()
            self._run(migration.up)
            self.record(migration, round((time.perf_counter() - started) * 1000))

    def revert(self, migration: Migration) -> None:
        """Run the down script and remove the record, in one transaction unless it opts out."""
        with self._scope(migration.down):
            self._run(migration.down)
            query = self._sql("DELETE FROM {table} WHERE version = %s")
            self._connection.execute(query, [migration.version])

    def record(self, migration: Migration, duration_ms: int = 0) -> None:
        """Record a migration as applied."""
        query = self._sql(
            "INSERT INTO {table} (version, name, checksum, duration_ms) VALUES (%s, %s, %s, %s)"
        )
        values = [migration.version, migration.name, migration.up.checksum, duration_ms]
        self._connection.execute(query, values)

    def accept(self, migration: Migration) -> None:
        """Record the file of an applied migration as it is now."""
        query = self._sql("UPDATE {table} SET checksum = %s WHERE version = %s")
        self._connection.execute(query, [migration.up.checksum, migration.version])

    @contextmanager
    def _scope(self, script: Script) -> Iterator[None]:
        self._reset()
        try:
            if script.transactional:
                with self._connection.transaction():
                    self._set_context(self._lock_timeout, local=True)
                    yield
            else:
                # No lock timeout: CONCURRENTLY waits for old snapshots, and cutting that short
                # leaves an invalid index behind.
                self._set_context(0, local=False)
                yield
        except psycopg.Error as error:
            raise_alone(_failure(script, error))

    def _reset(self) -> None:
        """Take back what the script before may have set."""
        for statement in _RESET:
            self._connection.execute(statement)
        connections.complete(self._connection, self._found)

    def _set_context(self, lock_timeout: float, *, local: bool) -> None:
        # Functions that SET search_path FROM CURRENT take this one over.
        values = {"schema": self._schema, "lock_timeout": f"{lock_timeout * 1000:.0f}ms"}
        self._connection.execute(_SET_CONTEXT, {**values, "local": local})

    def _run(self, script: Script) -> None:
        if not script.transactional:
            for line, text in script.parts():
                self._execute(script, text, line)
            return
        # A COMMIT in the script would end the transaction, and this savepoint with it.
        self._connection.execute("SAVEPOINT script")
        self._execute(script, script.text)
        try:
            self._connection.execute("RELEASE SAVEPOINT script")
        except (InvalidSavepointSpecification, NoActiveSqlTransaction):
            raise_alone(
                MigrationError(
                    f"{script.path.name} ends the transaction it runs in; take out its COMMIT or "
                    "ROLLBACK, and undo by hand what it has committed"
                )
            )

    def _execute(self, script: Script, text: str, line: int = 1) -> None:
        # Without parameters psycopg sends the text as it is: many statements, any quoting, any %.
        try:
            self._connection.execute(text.encode())
        except psycopg.Error as error:
            if position := error.diag.statement_position:
                before = text[: int(position) - 1]
                if _BEFORE_ROWS.search(before):
                    raise_alone(_refuse_copy(script, text, line))
                line += before.count("\n")
                raise_alone(_failure(script, error, line))
            if self._connection.info.transaction_status == TransactionStatus.ACTIVE:
                # The server waits for rows, or sends them: only the end of the session ends that.
                self._connection.close()
                raise_alone(_refuse_copy(script, text, line))
            raise

    def _try_lock(self) -> bool:
        return bool(_value(self._connection, _TRY_LOCK, [self._schema]))

    def _has_table(self) -> bool:
        query = "SELECT to_regclass(%s) IS NOT NULL"
        return bool(_value(self._connection, query, [self._table.as_string(self._connection)]))

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(self._schema, "ledger_migrations")

    def _sql(self, text: LiteralString) -> sql.Composed:
        return sql.SQL(text).format(table=self._table)


def _schema(conninfo: str, found: Found) -> str:
    schema = found.place if names_schema(conninfo) else found.schema or found.place
    if schema is None:
        raise SchemaError("the search_path names no schema that exists; create it first")
    return schema


def _value(
    connection: psycopg.Connection,
    query: LiteralString,
    values: Sequence[object] | Mapping[str, object] | None = None,
) -> object:
    row = connection.execute(query, values).fetchone()
    return None if row is None else row[0]


def _refuse_copy(script: Script, text: str, line: int) -> MigrationError:
    found = _COPY.search(text)
    where = f", line {line + text.count(chr(10), 0, found.start())}" if found else ""
    return MigrationError(
        f"{script.path.name}{where}: COPY FROM STDIN and COPY TO STDOUT need a client that sends "
        "or takes the rows, and a migration has none: write INSERT, or COPY a file of the server"
    )


def _failure(script: Script, error: psycopg.Error, line: int | None = None) -> LedgerError:
    # The primary message alone, because DETAIL quotes rows. So does the message of a data
    # exception, unless it points at a literal of the script.
    if (problem := error.diag.message_primary) is None:
        return translate(error)
    if line is None and isinstance(error, psycopg.DataError):
        problem = f"a value in the database does not fit ({type(error).__name__})"
    where = script.path.name if line is None else f"{script.path.name}, line {line}"
    return MigrationError(f"{where}: {problem}")
