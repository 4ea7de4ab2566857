"""What the repositories share: running a named statement and reading rows into dataclasses."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from ..connection.connections import require_lender
from ..connection.replica import or_primary
from ..errors import Conflict
from ..ids import new_id
from ..notebooks import RowList
from ..statements import Statement, load
from .database import AsyncConnections, default_database
from .transaction import AsyncTransaction

logger = logging.getLogger("mlops_ledger.sql")

Row = TypeVar("Row")

# Rows that a statement may take longer for than statements otherwise may.
_MANY: Final = 10_000
# The repositories by their tables, as far as they are imported.
REPOSITORIES: Final[dict[str, type[AsyncRepository]]] = {}


class AsyncRepository:
    """Base of the repositories; takes a database or a transaction.

    With no argument it uses the process-wide database of the environment.

    Methods hand their `locals()` to the verbs below, which bind a statement's parameters from them
    by name. So an argument is named once in Python and once in SQL, and a name that is computed on
    the way, or replaced by what it was checked to be, counts as well. A contract test compares the
    arguments of every method with the parameters of its statement.
    """

    _file: ClassVar[str]
    # Statements whose best plan depends on their parameters, so that they are never prepared.
    _never_prepared: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls) -> None:
        if cls.__name__.endswith("Repository"):
            REPOSITORIES[cls._file] = cls

    def __init__(self, db: AsyncConnections | None = None) -> None:
        self._db = default_database() if db is None else require_lender(db, __package__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._db!r})"

    async def _rows(self, name: str, row: type[Row], values: Mapping[str, object]) -> list[Row]:
        return RowList(await self._fetch(name, class_row(row), values))

    async def _row(self, name: str, row: type[Row], values: Mapping[str, object]) -> Row | None:
        rows = await self._rows(name, row, values)
        return rows[0] if rows else None

    async def _one(self, name: str, row: type[Row], values: Mapping[str, object]) -> Row:
        """Return the row of a statement that has one or raises."""
        found = await self._row(name, row, values)
        assert found is not None
        return found

    async def _value(self, name: str, values: Mapping[str, object]) -> Any:
        rows = await self._fetch(name, scalar_row, values)
        return rows[0] if rows else None

    async def _run(self, name: str) -> None:
        async with self._db.connection() as connection:
            await connection.execute(load(self._file)[name].text)

    @asynccontextmanager
    async def _bulk(self, num_rows: int) -> AsyncIterator[AsyncTransaction]:
        """Begin the transaction of a write, which takes its time when the rows are many."""
        async with self._db.transaction() as tx:
            if num_rows > _MANY:
                await tx.be_patient()
            yield tx

    async def _copy(self, name: str, data: Iterable[bytes | tuple[Any, ...]]) -> None:
        """Send what is encoded, or rows that the driver encodes, through a COPY."""
        statement = load(self._file)[name].text
        async with (
            self._db.connection() as connection,
            connection.cursor().copy(statement) as copy,
        ):
            for item in data:
                if isinstance(item, bytes):
                    await copy.write(item)
                else:
                    await copy.write_row(item)

    async def _insert_once(self, name: str, values: Mapping[str, object], conflict: str) -> UUID:
        """Insert a row, or find that an earlier try has written the same one; return its id."""
        if values["id"] is None:
            values = {**values, "id": new_id()}
        # The second statement sees what was committed while the first waited for it.
        found: UUID | None = await self._value(name, values)
        if found is None:
            found = await self._value(f"{name}__repeated", values)
        if found is None:
            raise Conflict(conflict)
        return found

    async def _fetch(self, name: str, row_factory: Any, values: Mapping[str, object]) -> list[Any]:
        statement = load(self._file)[name]
        parameters = statement.bind(values)
        replica = getattr(self._db, "replica", None) if statement.is_read else None
        began = perf_counter()
        rows: list[Any] | None = None
        if replica is not None:
            with or_primary():
                rows = await self._execute(replica, statement, row_factory, parameters)
        if rows is None:
            rows = await self._execute(self._db, statement, row_factory, parameters)
        # Names and times only: parameters may hold what must not be in a log.
        logger.debug(
            "%s: %d rows in %.2f ms", statement.origin, len(rows), (perf_counter() - began) * 1000
        )
        return rows

    async def _execute(
        self, lender: Any, statement: Statement, row_factory: Any, parameters: Mapping[str, object]
    ) -> list[Any]:
        prepare = False if statement.name in self._never_prepared else None
        async with lender.connection() as connection:
            cursor = connection.cursor(row_factory=row_factory)
            await cursor.execute(statement.text, parameters, prepare=prepare)
            rows: list[Any] = await cursor.fetchall()
        return rows
