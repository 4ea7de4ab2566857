"""Serves the pages: they refer to nothing outside, and answer errors as pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import resources
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...connection.connections import require_database
from ...database import Database
from ...errors import (
    BelowMinimum,
    Conflict,
    EmbeddedServerError,
    InvalidValue,
    LedgerError,
    NotFound,
    NotMigrated,
    PermissionDenied,
    SchemaError,
    TimedOut,
    Unavailable,
)
from . import buttons
from .access import Access, Visitor
from .pages import ROUTES
from .query import Page, Query
from .render import render

logger = logging.getLogger("mlops_ledger.ui")

# Of nothing but this server, and nobody may put a page into a frame.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Elsewhere nothing is told; with less, forms could not say where they come from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOCAL: Final[tuple[str, ...]] = ("127.0.0.1", "localhost", "[::1]")
_FILES: Final = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
# A worker of Citus may be away alone; which it is says the log.
_AWAY: Final = (
    503,
    "The database, or a part of it, is away",
    "The page works again when it is back. The log of the server says what is away.",
)
_PROBLEMS: Final[dict[type[LedgerError], tuple[int, str, str]]] = {
    NotFound: (404, "Not found", ""),
    InvalidValue: (400, "This cannot be answered", ""),
    Conflict: (409, "This cannot be done", ""),
    BelowMinimum: (403, "Not shown", "mlops-ledger roles minimum says what the owner has set."),
    PermissionDenied: (
        403,
        "Not allowed",
        "The database user of these pages lacks a right: mlops-ledger roles show says which role "
        "has it. The audit log is for an auditor.",
    ),
    NotMigrated: (503, "There is no ledger in the database yet", "mlops-ledger init"),
    SchemaError: (503, "The ledger is of another release", "mlops-ledger migrate up"),
    TimedOut: (503, "The database took too long", "Ask for a shorter window, or later."),
    Unavailable: _AWAY,
    EmbeddedServerError: _AWAY,
    LedgerError: (500, "The ledger could not answer", ""),
}


def create_app(
    db: Database, *, hosts: tuple[str, ...] = LOCAL, access: Access | None = None
) -> ASGIApp:
    """Return the pages as an ASGI application; without `access` they only read.

    Requests must name one of `hosts`, so that a page elsewhere cannot read through a name that
    it has pointed here.
    """
    db = require_database(db, Database)
    routes = [Route(path, _endpoint(db, make, access)) for path, make in ROUTES.items()]
    routes.append(Route("/static/{name}", _static))
    if access is not None:
        if access.user_header is None:
            routes.append(Route("/sign-in", _sign_in(db, access), methods=["GET"]))
        routes += buttons.routes(access)

    def problem(request: Request, error: Exception) -> Response:
        return _problem(db, error, _known_visitor(request, access))

    return Starlette(
        routes=routes,
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        ],
        exception_handlers={LedgerError: problem, HTTPException: problem, Exception: problem},
    )


def _endpoint(
    db: Database, make: Callable[[Database, Query], Page], access: Access | None
) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        visitor = _visitor(request, access)
        page = make(db, Query(dict(request.query_params)))
        html = render(page, path=request.url.path, database=db.name, visitor=visitor)
        response = HTMLResponse(html)
        if access is not None and visitor.begins is not None:
            access.remember(request, response, visitor.begins)
        return response

    return answer


def _visitor(request: Request, access: Access | None) -> Visitor:
    return Visitor() if access is None else access.visitor(request)


def _known_visitor(request: Request, access: Access | None) -> Visitor:
    try:
        return _visitor(request, access)
    except HTTPException:
        # A forged header, which is what the page is about.
        return Visitor()


def _sign_in(db: Database, access: Access) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        visitor = access.stranger()
        page = Page("sign_in.html", "Sign in", {}, ())
        response = HTMLResponse(render(page, path="", database=db.name, visitor=visitor))
        assert visitor.begins is not None
        access.remember(request, response, visitor.begins)
        return response

    return answer


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        raise HTTPException(404)
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    return Response(content, media_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})


def _problem(db: Database, error: Exception, visitor: Visitor) -> Response:
    status, title, remedy = 500, "Something went wrong", "The log of the server says what."
    said = ""
    if isinstance(error, HTTPException):
        status, title, remedy = error.status_code, error.detail, ""
    elif isinstance(error, LedgerError):
        kind = next(each for each in type(error).__mro__ if each in _PROBLEMS)
        status, title, remedy = _PROBLEMS[kind]
        # What is wrong with the address is for whoever wrote it; the rest names servers and users.
        is_theirs = status in (400, 404, 409) or kind is BelowMinimum
        said = str(error) if is_theirs else ""
    if status >= 500:
        logger.error("answered %d", status, exc_info=error)
    page = Page("problem.html", title, {"problem": said, "remedy": remedy}, ())
    return HTMLResponse(render(page, path="", database=db.name, visitor=visitor), status)


class _Headers:
    """Adds the headers to every answer, those to refused requests included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in _HEADERS.items()
                        if name.lower().encode() not in have
                    ),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)
