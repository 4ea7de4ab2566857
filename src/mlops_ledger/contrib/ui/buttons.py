"""What buttons do: reviews of actions, and alerts taken on or ended; the database decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...database import Database
from ...repositories import AgentActionsRepository, AlertsRepository
from .access import COOKIE, Access, check_origin
from .query import Query
from .text import link

_FORM: Final = "application/x-www-form-urlencoded"
_LARGEST: Final = 16_384
_FIELDS: Final = 10
# Seconds that the body of a form may take.
_PATIENCE: Final = 10.0


def _approve(db: Database, name: str, query: Query) -> str:
    AgentActionsRepository(db).approve(
        id=query.id(), reviewed_by=name, comment=query.text("comment")
    )
    return link("/action", id=query.id())


def _reject(db: Database, name: str, query: Query) -> str:
    AgentActionsRepository(db).reject(
        id=query.id(), reviewed_by=name, comment=query.text("comment")
    )
    return link("/action", id=query.id())


def _acknowledge(db: Database, name: str, query: Query) -> str:
    AlertsRepository(db).acknowledge(
        id=query.id(), acknowledged_by=name, notes=query.text("comment")
    )
    return link("/alert", id=query.id())


def _resolve(db: Database, name: str, query: Query) -> str:
    AlertsRepository(db).resolve(id=query.id(), resolved_by=name, notes=query.text("comment"))
    return link("/alert", id=query.id())


BUTTONS: Final[Mapping[str, Callable[[Database, str, Query], str]]] = {
    "/action/approve": _approve,
    "/action/reject": _reject,
    "/alert/acknowledge": _acknowledge,
    "/alert/resolve": _resolve,
}


def routes(access: Access) -> list[Route]:
    """Return the routes that change something, each for POST alone."""
    found = [Route(path, _pressed(access, do), methods=["POST"]) for path, do in BUTTONS.items()]
    if access.user_header is None:
        found += [
            Route("/sign-in", _sign_in(access), methods=["POST"]),
            Route("/sign-out", _sign_out(access), methods=["POST"]),
        ]
    return found


def _pressed(access: Access, do: Callable[[Database, str, Query], str]) -> Any:
    async def answer(request: Request) -> Response:
        form = await _read(request)
        name = access.require(request, form)
        return _to(await run_in_threadpool(do, access.approver, name, Query(form)))

    return answer


def _sign_in(access: Access) -> Any:
    async def answer(request: Request) -> Response:
        form = await _read(request)
        access.check_form(access.session(request), "", form)
        response = _to("/approvals")
        access.remember(request, response, access.sign_in(form))
        return response

    return answer


def _sign_out(access: Access) -> Any:
    async def answer(request: Request) -> Response:
        access.require(request, await _read(request))
        response = _to("/")
        response.delete_cookie(COOKIE)
        return response

    return answer


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)


async def _read(request: Request) -> dict[str, str]:
    """Return the fields of a form of this site. Raises HTTPException for anything else."""
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, "Only a form can be sent here")
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await _body(request)
        # Each field once: which of two counts must not be anybody's guess.
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"
        )
    except TimeoutError:
        raise HTTPException(408, "The form took too long") from None
    except ValueError:
        raise HTTPException(400, "This is not a form") from None
    if len(dict(pairs)) < len(pairs):
        raise HTTPException(400, "A field came more than once")
    return dict(pairs)


async def _body(request: Request) -> bytes:
    body = bytearray()
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > _LARGEST:
        raise HTTPException(413, "The form is too large")
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise HTTPException(413, "The form is too large")
    return bytes(body)
