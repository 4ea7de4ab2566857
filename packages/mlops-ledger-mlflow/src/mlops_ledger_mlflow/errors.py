"""Refusals of the ledger as MLflow's exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from mlflow.exceptions import MlflowException

from mlops_ledger.errors import (
    Conflict,
    InvalidValue,
    LedgerError,
    NotFound,
    PermissionDenied,
    PromotionRefused,
    Unavailable,
)

# The most special first.
_CODES: Final = (
    (InvalidValue, "INVALID_PARAMETER_VALUE"),
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (PromotionRefused, "PERMISSION_DENIED"),
    (Conflict, "RESOURCE_ALREADY_EXISTS"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (Unavailable, "TEMPORARILY_UNAVAILABLE"),
)


@contextmanager
def explained() -> Iterator[None]:
    """Raise what the ledger refuses as an MlflowException with the code that fits."""
    try:
        yield
    except LedgerError as error:
        codes = [code for kind, code in _CODES if isinstance(error, kind)]
        raise raised(str(error), codes[0] if codes else "INTERNAL_ERROR") from error


def raised(message: str, code: str) -> MlflowException:
    """Make an exception with one of MLflow's codes by its name."""
    from mlflow.protos import databricks_pb2

    return MlflowException(message, getattr(databricks_pb2, code))


def missing(message: str) -> MlflowException:
    """Make the exception for what is not there."""
    return raised(message, "RESOURCE_DOES_NOT_EXIST")


def refuse(what: str) -> NoReturn:
    """Raise the exception for what the ledger does not do on purpose."""
    raise raised(f"{what}: the ledger keeps what was registered", "FEATURE_DISABLED")
