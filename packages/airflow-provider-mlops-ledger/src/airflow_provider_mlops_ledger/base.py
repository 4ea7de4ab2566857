"""What the operators have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from mlops_ledger import Database, InvalidValue, LedgerError, Unavailable

from .compat import AirflowFailException, BaseOperator
from .hook import DEFAULT_CONN_ID, MlopsLedgerHook
from .ids import plain


@contextmanager
def failing_at_once() -> Iterator[None]:
    """Fail the task without another try, unless the database could not be reached.

    Whatever else the ledger refuses, it would refuse again.
    """
    try:
        yield
    except Unavailable:
        raise
    except LedgerError as error:
        raise AirflowFailException(str(error)) from None


class LedgerOperator(BaseOperator):
    """Does one thing to the ledger, with ids that all tries of the task have in common."""

    def __init__(self, *, mlops_ledger_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mlops_ledger_conn_id = mlops_ledger_conn_id

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Do it, and return what other tasks may read."""
        with failing_at_once(), MlopsLedgerHook(self.mlops_ledger_conn_id).get_conn() as db:
            return self.write(db, context)

    @abstractmethod
    def write(self, db: Database, context: Mapping[str, Any]) -> Any:
        """Write it; called with an open database."""

    @property
    def author(self) -> str:
        """Who the ledger says it was."""
        return f"airflow:{self.dag_id}"


def as_id(field: str, value: UUID | str | None) -> UUID | None:
    """Read an id that came through a template or an XCom. Raises InvalidValue."""
    # A template that finds nothing renders as the word.
    if value in (None, "", "None"):
        return None
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (AttributeError, TypeError, ValueError):
        raise InvalidValue(field, f"must be a UUID, not {value!r}") from None


def as_time(field: str, value: datetime | str | None) -> datetime | None:
    """Read a timestamp that came through a template or an XCom. Raises InvalidValue."""
    if value in (None, "", "None"):
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidValue(field, f"must be a time in ISO 8601, not {value!r}") from None
    if found.tzinfo is None:
        raise InvalidValue(field, "must have a time zone")
    return plain(found)
