"""Where a webhook may lead: to https and public addresses, unless somebody allowed more."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from ...errors import InvalidValue

_PORTS: Final = {"https": 443, "http": 80}
# Networks whose addresses stand for one of IPv4, in their last bits (RFC 6052).
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
# All that IANA has given out for hosts; site-local addresses, for one, are not in it.
_UNICAST: Final = IPv6Network("2000::/3")
# Of special purposes, which not every release of Python knows.
_SPECIAL: Final = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)


class Undeliverable(Exception):
    """There is no answer to be had; the message holds no address and no secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: what may be shown."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.authority}{port}"

    @property
    def authority(self) -> str:
        """The host as it is written in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_url(url: str, *, allow_private: bool) -> Target:
    """Take a URL apart. Raises InvalidValue, which does not quote it."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise InvalidValue("url", "is not a URL") from None
    written = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in _PORTS or not host or not written:
        raise InvalidValue("url", "must be https://HOST/PATH, in ASCII")
    if parts.scheme == "http" and not allow_private:
        raise InvalidValue("url", "must be https; http takes allow_private")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidValue("url", "must have no user name, password or fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path)


def resolve(target: Target, *, allow_private: bool) -> str:
    """Return the address to connect to: looked up once, so that nobody can change it after.

    Raises Undeliverable when there is none, or none that is public.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undeliverable("the host name cannot be resolved") from None
    addresses = [str(address[0]) for *_, address in found]
    allowed = [one for one in addresses if allow_private or is_public(one)]
    if not allowed:
        raise Undeliverable("the host has a private address, which this webhook does not allow")
    return allowed[0]


def is_public(address: str) -> bool:
    """Return whether an address belongs to one host of the internet."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _TRANSLATED:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            found = inner
        elif found not in _UNICAST:
            return False
    if any(found in network for network in _SPECIAL):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved
