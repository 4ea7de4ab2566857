"""Who presses a button: known by a proxy or by a token, never by what a form says."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as MalformedBase64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import time
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ...database import Database
from ...errors import ConfigError

Network: TypeAlias = IPv4Network | IPv6Network

COOKIE: Final = "mlops_ledger"
_LASTS: Final = 12 * 3600
_LEAST_TOKEN: Final = 24
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds, signed: a random text, and whose token was given, if any was."""

    nonce: str
    name: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks at a page: their name and what their forms prove themselves with.

    `begins` is a session that their browser is to be told of.
    """

    name: str | None = None
    form_token: str | None = None
    may_sign_in: bool = False
    begins: Session | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Whom to believe who they are, and the connection that carries out what they say.

    Either `user_header` is what proxies at `proxies` name the user in, or `tokens` says whose each
    token is, by its digest.
    """

    approver: Database
    user_header: str | None = None
    proxies: tuple[Network, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def visitor(self, request: Request) -> Visitor:
        """Return who asks. Raises HTTPException 403 for a forged header."""
        session = self.session(request)
        name = self._name(request, session)
        may_sign_in = self.user_header is None
        if name is None:
            return Visitor(may_sign_in=may_sign_in)
        # Whom a proxy names has none at first.
        known = session or _new_session()
        token = self._form_token(known, name)
        return Visitor(name, token, may_sign_in, known if session is None else None)

    def stranger(self) -> Visitor:
        """Return a visitor who is about to give a token."""
        session = _new_session()
        return Visitor(None, self._form_token(session, ""), True, session)

    def require(self, request: Request, form: Mapping[str, str]) -> str:
        """Return who has sent a form of ours. Raises HTTPException 403 for any other request."""
        session = self.session(request)
        name = self._name(request, session)
        if name is None:
            raise HTTPException(403, "Sign in first")
        self.check_form(session, name, form)
        return name

    def check_form(self, session: Session | None, name: str, form: Mapping[str, str]) -> None:
        """Raise HTTPException 403 for a form that this server did not make for that session."""
        expected = "" if session is None else self._form_token(session, name)
        given = form.get("form_token", "")
        if session is None or not hmac.compare_digest(given.encode(), expected.encode()):
            raise HTTPException(403, "This form is too old: load the page again")

    def sign_in(self, form: Mapping[str, str]) -> Session:
        """Return the session of whoever has a token. Raises HTTPException 403 for a wrong one."""
        name = self.tokens.get(digest(form.get("token", "")))
        if name is None:
            raise HTTPException(403, "There is no such token")
        return _new_session(name)

    def session(self, request: Request) -> Session | None:
        """Return the session of a cookie that this process has signed and that is not too old."""
        body, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("cookie", body).encode()):
            return None
        nonce, expires, name = body.split(".")
        if float(expires) < time():
            return None
        return Session(nonce, _decoded(name))

    def remember(self, request: Request, response: Response, session: Session) -> None:
        """Send the cookie of a session."""
        name = urlsafe_b64encode(session.name.encode()).decode().rstrip("=")
        body = f"{session.nonce}.{int(time()) + _LASTS}.{name}"
        # Behind a proxy the scheme is the proxy's; whoever lies about it hurts only themselves.
        scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
        response.set_cookie(
            COOKIE,
            f"{body}.{self._sign('cookie', body)}",
            max_age=_LASTS,
            httponly=True,
            samesite="strict",
            secure=scheme == "https",
        )

    def _form_token(self, session: Session, name: str) -> str:
        return self._sign("form", f"{session.nonce}.{name}")

    def _name(self, request: Request, session: Session | None) -> str | None:
        if self.user_header is None:
            return session.name or None if session else None
        given = request.headers.getlist(self.user_header)
        if not given:
            return None
        if not self._is_proxy(request):
            raise HTTPException(403, f"{self.user_header} did not come from the proxy")
        if len(given) > 1:
            raise HTTPException(403, f"{self.user_header} came more than once")
        return _person(given[0])

    def _is_proxy(self, request: Request) -> bool:
        if request.client is None:
            return False
        try:
            address = ip_address(request.client.host)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}:{text}".encode(), sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raise HTTPException 403 for a request that a page of another site has made.

    Browsers name where a form comes from; those that do not must say that it is the same site.
    """
    given = request.headers.getlist("origin")
    if not given:
        if request.headers.get("sec-fetch-site") != "same-origin":
            raise HTTPException(403, "The request does not say where it comes from")
    elif len(given) > 1 or _site(given[0]) != request.headers["host"].lower():
        raise HTTPException(403, "The request comes from another site")


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def digest(token: str) -> str:
    """Return what a token is known by."""
    return sha256(token.encode()).hexdigest()


def read_tokens(text: str) -> dict[str, str]:
    """Read lines of a name, a space and a token; return whose each token is, by its digest.

    Raises ConfigError naming the line that is none, and never the token.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, token = line.strip().rpartition(" ")
        if not name.strip():
            raise ConfigError(f"line {number} is not a name, a space and a token")
        if len(token) < _LEAST_TOKEN:
            raise ConfigError(f"line {number}: the token is shorter than {_LEAST_TOKEN} characters")
        if digest(token) in found:
            raise ConfigError(f"line {number} repeats a token: each is one person's")
        found[digest(token)] = name.strip()
    if not found:
        raise ConfigError("there is no token in it")
    return found


def networks(given: Collection[str]) -> tuple[Network, ...]:
    """Return the networks of addresses. Raises ConfigError for a malformed one."""
    try:
        return tuple(ip_network(each) for each in given)
    except ValueError as error:
        raise ConfigError(f"{error}: give an address or a network") from None


def _new_session(name: str = "") -> Session:
    return Session(secrets.token_urlsafe(16), name)


def _decoded(name: str) -> str:
    try:
        return urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except (MalformedBase64, UnicodeDecodeError):
        return ""


def _person(value: str) -> str:
    # Starlette reads headers as Latin-1, and proxies write UTF-8.
    try:
        name = value.encode("latin-1").decode().strip()
    except UnicodeDecodeError:
        raise HTTPException(403, "The name of the user is not UTF-8") from None
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise HTTPException(403, "The name of the user is none")
    return name
