"""The roles of the ledger: owner, writer, reader, approver, auditor and agent.

What each may do is a table in the database, `ledger_privileges`, and so are the statements that
grant it: psql users get the same roles from `ledger_role_statements()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg.rows import scalar_row

from .._sync.repository import Repository

PREFIX: Final = "mlops_"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may do with an object; with `columns`, with those only."""

    role: str
    object_type: str
    object_name: str
    privileges: list[str]
    columns: list[str] | None


class Roles(Repository):
    """Makes the roles and shows what they may do; a transaction makes all or none."""

    _file = "roles"

    def statements(self, *, prefix: str = PREFIX) -> list[str]:
        """Return the SQL that `create` would run. Raises InvalidValue for a malformed prefix."""
        return self._fetch("statements", scalar_row, locals())

    def create(self, *, prefix: str = PREFIX) -> list[str]:
        """Make the roles that are missing, and grant them what this release says and no more.

        The tables and functions of the ledger then belong to the owner. Returns the SQL that was
        run; running it again changes nothing. Raises InvalidValue for a malformed prefix.
        """
        with self._db.transaction() as tx:
            statements = Roles(tx).statements(prefix=prefix)
            with tx.connection() as connection:
                for statement in statements:
                    connection.execute(statement.encode())
        return statements

    def missing(self, *, prefix: str = PREFIX) -> list[str]:
        """Return the roles that are not there."""
        return self._fetch("missing", scalar_row, locals())

    def decisive_rights(self, *, role: str | None = None) -> list[str]:
        """Return what a role may do that no agent may; the connected user without one."""
        return self._fetch("decisive_rights", scalar_row, locals())

    def can_become(self, *, role: str) -> bool | None:
        """Return whether the connected user may work as a role; None when there is none."""
        found: bool | None = self._value("can_become", locals())
        return found

    def show(self, *, prefix: str = PREFIX) -> list[Grant]:
        """List what the server grants to the roles, by role and object."""
        return self._rows("show", Grant, locals())
