"""What a client is told of an exception: never what was sent, nor where the database is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ...errors import (
    Conflict,
    EmbeddedServerError,
    InvalidValue,
    LedgerError,
    NotFound,
    PermissionDenied,
    SchemaError,
    TimedOut,
    Unavailable,
)
from .openapi import describe_answers
from .problems import FieldProblem, Problem
from .state import log

RETRY_AFTER: Final = "5"
_AWAY: Final = "The database cannot be reached; retry later."

# By class, its status and what a client may read: the messages of exceptions name models, servers
# and users.
_ANSWERS: Final[Mapping[type[LedgerError], tuple[int, str]]] = {
    InvalidValue: (422, "A value was refused; nothing was written."),
    NotFound: (404, "The ledger does not hold what was named."),
    Conflict: (409, "The ledger holds something that contradicts this; nothing was written."),
    PermissionDenied: (403, "The service's database user lacks a right."),
    TimedOut: (503, "The database took too long; nothing was written."),
    Unavailable: (503, _AWAY),
    EmbeddedServerError: (503, _AWAY),
    SchemaError: (503, "The database is not migrated for this release; retry later."),
    LedgerError: (500, "The ledger could not answer."),
}
# What pydantic says of a limit that the service declares; the rest may quote the value.
_LIMITS: Final = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "expected")
# The argument that is wrong, without the names inside a document, which the client chose.
_ARGUMENT: Final = re.compile(r"(?:\w+\[\d+\]\.)?\w+")


def add_exception_handlers(app: FastAPI) -> None:
    """Answer the ledger's exceptions, and requests that do not validate, with a `Problem`.

    InvalidValue and a request that does not validate are 422, NotFound 404, Conflict 409,
    PermissionDenied 403, Unavailable, EmbeddedServerError and SchemaError 503 with Retry-After, any
    other 500.
    """
    app.add_exception_handler(LedgerError, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    describe_answers(app)


def problems(*kinds: type[LedgerError]) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of exceptions: `responses=problems(Conflict)` of a route."""
    found: dict[int | str, dict[str, Any]] = {}
    for status, detail in (_ANSWERS[kind] for kind in kinds):
        found[status] = {"model": Problem, "description": detail}
    return found


async def _answer(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LedgerError)
    kind = next(each for each in type(error).__mro__ if each in _ANSWERS)
    status, detail = _ANSWERS[kind]
    problem = Problem(error=kind.__name__, detail=detail)
    if isinstance(error, InvalidValue):
        argument = _ARGUMENT.match(error.field)
        problem.fields.append(
            FieldProblem(field=argument[0] if argument else "value", problem=error.problem)
        )
    if status >= 500:
        log.warning("answered %d: %s", status, error)
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else None
    return JSONResponse(problem.model_dump(), status, headers)


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    known = set(_declared(request.app.openapi()))
    fields = [
        FieldProblem(field=_place(each["loc"], known), problem=_reason(each))
        for each in error.errors()
    ]
    detail = "The request does not fit what the route takes."
    problem = Problem(error="InvalidRequest", detail=detail, fields=fields)
    return JSONResponse(problem.model_dump(), 422)


def _declared(schema: Any) -> Iterator[str]:
    """Find the names of parameters and properties in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        if "in" in schema and isinstance(schema.get("name"), str):
            yield schema["name"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _declared(each)


def _place(location: Sequence[int | str], known: Collection[str]) -> str:
    """Name the place of a value; a key that the client made up becomes a question mark."""
    first, *rest = location
    parts = [str(each) if isinstance(each, int) or each in known else "?" for each in rest]
    return ".".join([str(first), *parts])


def _reason(error: Mapping[str, Any]) -> str:
    limits = [f"{name}={limit}" for name, limit in error.get("ctx", {}).items() if name in _LIMITS]
    return " ".join([error["type"].replace("_", " "), *limits])
