"""Connections of an agent: in a role that can neither approve nor promote, whatever is run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql

from ..._sync.database import Database
from ..._sync.transaction import Transaction
from ...admin.roles import PREFIX, Roles
from ...errors import LedgerError, PermissionDenied


class AgentAccess:
    """Lends connections to repositories, in place of a database.

    `role` is set in each transaction; without one, the connected user must have no more rights
    than an agent. Raises PermissionDenied when it could approve, promote or execute.
    """

    def __init__(self, db: Database, role: str | None = None, *, read_only: bool = True) -> None:
        self._db = db
        self._role = role
        self._read_only = read_only
        excess = Roles(db).decisive_rights(role=role)
        if excess:
            who = f"the role {role}" if role else "the connected user"
            raise PermissionDenied(
                f"{who} may {', '.join(excess)}, which no agent may: connect as a member of "
                "mlops_agent, or give --role mlops_agent (mlops-ledger roles create makes it)"
            )

    @classmethod
    def limited(cls, db: Database, role: str | None = None) -> AgentAccess:
        """Choose the role: the one given, none for a user who is limited already, else mlops_agent.

        Raises LedgerError when there is no such role, or the user may not work as it.
        """
        roles = Roles(db)
        if role is None:
            if not roles.decisive_rights():
                return cls(db)
            role = f"{PREFIX}agent"
        may = roles.can_become(role=role)
        if not may:
            problem = f"there is no role {role}" if may is None else f"you may not work as {role}"
            raise LedgerError(f"{problem}: mlops-ledger roles create makes the roles of agents")
        return cls(db, role)

    def writable(self) -> AgentAccess:
        """Return connections for requests; all others only read."""
        return AgentAccess(self._db, self._role, read_only=False)

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection in a transaction of that role."""
        with self.transaction() as transaction, transaction.connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction of that role."""
        with self._db.transaction() as transaction:
            with transaction.connection() as connection:
                if self._read_only:
                    connection.execute("SET TRANSACTION READ ONLY")
                if self._role is not None:
                    role = sql.Identifier(self._role)
                    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
            yield transaction
