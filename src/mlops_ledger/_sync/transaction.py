# Generated from src/mlops_ledger/_async/transaction.py by tools/unasync.py: edit that file, then run `make sync`.
"""A transaction that several repositories share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ..connection import connections
from ..connection.bounded import BoundedConnection
from ..errors import LedgerError
from ..errors.translate import raise_alone, translate


class Transaction:
    """One transaction, to be handed to repositories in place of a database."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection: BoundedConnection | None = connection

    def __repr__(self) -> str:
        state = "over" if self._connection is None else "open"
        return f"<{type(self).__name__} {state}>"

    @contextmanager
    def connection(self) -> Iterator[BoundedConnection]:
        """Lend the transaction's connection; driver errors are raised as the ledger's."""
        connection = self._open_connection()
        try:
            yield connection
        except psycopg.Error as error:
            raise_alone(translate(error, lost=connection.closed))

    def be_patient(self) -> None:
        """Let the statements that follow take their time: neither server nor client ends them.

        A server that answers nobody any more is still given up. Lasts for the transaction.
        """
        with self.connection() as connection:
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.patience = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a savepoint: what fails inside it leaves the outer transaction usable."""
        with begin(self._open_connection()) as nested:
            yield nested

    def _open_connection(self) -> BoundedConnection:
        if self._connection is None:
            raise LedgerError("the transaction is over: begin another with db.transaction()")
        return self._connection

    def _end(self) -> None:
        self._connection = None


@contextmanager
def begin(connection: BoundedConnection) -> Iterator[Transaction]:
    """Begin a transaction, or a savepoint within one; commit it unless the block raises."""
    transaction = Transaction(connection)
    patience = connection.patience
    try:
        with connection.transaction():
            yield transaction
            connections.require_intact(connection)
    except psycopg.Error as error:
        raise_alone(translate(error, lost=connection.closed))
    finally:
        connection.patience = patience
        transaction._end()
