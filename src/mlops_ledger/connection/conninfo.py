"""Connection strings: the one module that checks, resolves and writes them.

libpq alone knows what a connection string means together with service files and the environment,
so it is asked (`resolve`) instead of imitated. Errors name the part that is wrong, never its value:
connection strings hold passwords.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import ConfigError
from ..visible import is_unicode

# SQLAlchemy's spelling of the same URL is what many .env files hold.
_SCHEME: Final = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://")
# Behind the authority, a "/" or "@" that is not percent-encoded belonged to a password.
_BROKEN_PATH: Final = re.compile(r"^\w+://[^/?]*/[^?]*[/@]")
# A piece of a URL that stands where a name belongs.
_LIKE_URL: Final = re.compile(r":.*@")
_HOST: Final = re.compile(r"[\w.:%,/ \[\]-]*|@[\w./-]+")
_PORTS: Final = re.compile(r"(\d{1,5})?(,(\d{1,5})?)*", re.ASCII)
# Variables whose bytes are not UTF-8 reach Python as lone surrogates.
_DATABASE: Final = re.compile(r"[^\x00-\x1f\ud800-\udfff]{1,63}")
_HINT: Final = "; percent-encode special characters in the user name and password"
# libpq reads service files and the environment before it looks at one of these and gives up.
_UNREADABLE: Final = ("target_session_attrs", "ssl_max_protocol_version")
_WHOLE_NUMBERS: Final = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
# What stands in front of the question mark of a URL.
_AUTHORITY: Final = ("user", "password", "host", "port", "dbname")
# Defaults that libpq does not name as such.
_DEFAULTS: Final = {
    b"sslcertmode": b"allow",
    b"connect_timeout": b"0",
    b"min_protocol_version": b"3.0",
    b"max_protocol_version": b"3.0",
}


def parse(text: str, source: str = "DATABASE_URL") -> str:
    """Check a PostgreSQL URL or `key=value` string and return it as `key=value` pairs.

    Raises ConfigError naming `source` and the part that is wrong, without quoting it.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{source} must be text")
    text = _SCHEME.sub("postgresql://", text.strip(), count=1)
    if "\0" in text:
        raise ConfigError(f"{source} contains a NUL byte")
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except (ProgrammingError, UnicodeError):
        parts = None
    # Raised outside the handler, so that no traceback carries libpq's quotation of the value.
    if parts is None:
        raise ConfigError(
            f"{source} is not a PostgreSQL connection string; write "
            "postgresql://user:password@host:5432/database "
            "and percent-encode special characters in the password"
        )
    if _BROKEN_PATH.match(text):
        raise ConfigError(f"{source}: the dbname is malformed{_HINT}")
    for name, rule in (("port", _PORTS), ("host", _HOST)):
        if not rule.fullmatch(parts.get(name, "")):
            raise ConfigError(f"{source}: the {name} is malformed{_HINT}")
    if not all(0 < int(port) < 65536 for port in parts.get("port", "").split(",") if port):
        raise ConfigError(f"{source}: the port is out of range{_HINT}")
    if parts.get("dbname"):
        check_database(parts["dbname"], f"{source}: the dbname")
    return make_conninfo(**parts)


def check_database(name: str, source: str) -> str:
    """Return a database's name; raises ConfigError when no database can have it."""
    if (
        not isinstance(name, str)
        or not _DATABASE.fullmatch(name)
        or len(name.encode()) > 63
        or _LIKE_URL.search(name)
    ):
        raise ConfigError(f"{source} is not a database name of at most 63 bytes")
    return name


def check_host(host: str, source: str) -> str:
    """Return a host name, address or socket folder; raises ConfigError for anything else."""
    if not _HOST.fullmatch(host):
        raise ConfigError(f"{source} is not a host name")
    return host


def resolve(conninfo: str) -> dict[str, str]:
    """Return the parameters that libpq would connect with, without defaults that nobody stated.

    What the string does not say comes from its service, else from PGSERVICE's, else from PGHOST
    and the like; PGOPTIONS alone is left out, for `session.pin`. Raises ConfigError for a service
    that does not exist or a value that libpq or a ledger refuses.
    """
    first, second = _UNREADABLE
    found = _ask(conninfo, first)
    if "options" not in conninfo_to_dict(conninfo) and found.get("options") == os.environ.get(
        "PGOPTIONS"
    ):
        found.pop("options", None)
    found |= {name: value for name, value in _ask(conninfo, second).items() if name == first}
    ports = [port or "5432" for port in found.get("port", "").split(",")]
    hosts = (found.get("host") or found.get("hostaddr") or "").split(",")
    # One port is that of every host.
    found["port"] = ",".join(ports if len(ports) > 1 else ports * len(hosts))
    _require_known_values(found)
    return found


def _require_known_values(found: Mapping[str, str]) -> None:
    for name in _WHOLE_NUMBERS:
        if not re.fullmatch(r"-?\d{1,9}", found.get(name) or "0", re.ASCII):
            raise ConfigError(f"the connection string: {name} must be a whole number")
    if (found.get("replication") or "false") not in ("false", "off", "no", "0"):
        raise ConfigError("the connection string: replication is not for a ledger's sessions")
    # Sent nowhere, so that libpq complains of the socket only when all else is right.
    nowhere = {"host": "/nowhere", "hostaddr": None, "port": "1"}
    connection = pq.PGconn.connect_start(make_conninfo("", **{**found, **nowhere}).encode())
    complaint = connection.error_message.decode(errors="replace")
    connection.finish()
    if complaint.startswith("invalid "):
        raise ConfigError(f"the connection string: {_refusal(complaint)}")


def _ask(conninfo: str, unreadable: str) -> dict[str, str]:
    """Have libpq resolve everything but one parameter, which keeps it from connecting."""
    stuck = make_conninfo(conninfo, **{unreadable: "none of them"})
    connection = pq.PGconn.connect_start(stuck.encode())
    complaint = connection.error_message.decode(errors="replace")
    # What the string states stays although it is the default, or no variable would lose to it.
    stated = conninfo_to_dict(conninfo)
    found = {
        option.keyword.decode(): _text(option)
        for option in connection.info
        if option.keyword.decode() in stated or (option.val and option.val != _default(option))
    }
    connection.finish()
    if unreadable not in complaint:
        raise ConfigError(f"the connection string: {_refusal(complaint)}")
    # The one of the home directory, which every program of libpq looks into by itself.
    if found.get("passfile", "").endswith("/.pgpass"):
        del found["passfile"]
    return {name: value for name, value in found.items() if name not in ("service", unreadable)}


def database_of(conninfo: str) -> str | None:
    """Return the database that a connection string or its service names, if any."""
    given = conninfo_to_dict(conninfo)
    if given.get("dbname") or not given.get("service"):
        return str(given["dbname"]) if given.get("dbname") else None
    # Named after the user, where the service names none.
    found = resolve(conninfo)
    return found["dbname"] if found["dbname"] != found["user"] else None


def describe(conninfo: str) -> str:
    """Name the database, user and server of a connection string for a message."""
    found = resolve(conninfo)
    where = f"{found.get('host') or found.get('hostaddr') or 'the default host'}:{found['port']}"
    return f"database {found['dbname']} at {found['user']}@{where}"


def url(conninfo: str, *, password: bool) -> str:
    """Write a connection string as a URL that stands alone: no service, no PGHOST is needed.

    With its passwords, or with `***` in the place of one.
    """
    found = resolve(conninfo)
    user = quote(found["user"], safe="")
    if secret := found.get("password"):
        user += ":" + (quote(secret, safe="") if password else "***")
    # Debian's psql adds a host where there is none.
    hosts = (found.get("host") or found.get("hostaddr", "")).split(",")
    ports = found["port"].split(",")
    # Without a host, libpq would take the port of an authority for the host.
    pairs = zip(hosts, ports, strict=False)
    where = ",".join(f"{_url_host(host)}:{port}" if host else "" for host, port in pairs)
    others = {
        name: value
        for name, value in found.items()
        if value and name not in _AUTHORITY and (password or name not in _secrets())
    }
    if not found.get("host"):
        others.pop("hostaddr", None)
    if not all(hosts):
        others |= {"port": found["port"]} | ({"host": found["host"]} if found.get("host") else {})
        where = ""
    query = f"?{urlencode(others, quote_via=quote)}" if others else ""
    return f"postgresql://{user}@{where}/{quote(found['dbname'], safe='')}{query}"


def environment(conninfo: str) -> dict[bytes, bytes]:
    """Return the environment in which another program of libpq opens what a string names.

    Every user of the machine can read the arguments of a process, so passwords stay out of them.
    The variables of libpq that are in this process's environment are resolved, not passed on.
    """
    known = pq.Conninfo.get_defaults()
    variables = {option.keyword.decode(): option.envvar for option in known if option.envvar}
    inherited = {*variables.values(), b"PGSERVICEFILE", b"PGDATESTYLE", b"PGTZ", b"PGGEQO"}
    kept = {name: value for name, value in os.environb.items() if name not in inherited}
    found = resolve(conninfo)
    if "sslpassword" in found:
        raise ConfigError(
            "sslpassword cannot be given to psql, pg_dump and pg_restore: use a key without one"
        )
    return kept | {
        variables[name]: value.encode()
        for name, value in found.items()
        if value and name in variables
    }


def isolate(conninfo: str) -> str:
    """State what libpq would otherwise take from its environment variables, at harmless values.

    They are meant for other servers than that of the string.
    """
    if "PGSERVICE" in os.environ:
        try:
            resolve("")
        except ConfigError:
            # With it no connection of this process can be opened, whatever its string says.
            del os.environ["PGSERVICE"]
    # A service of the environment can say anything.
    disturbed = [
        option
        for option in pq.Conninfo.get_defaults()
        if option.envvar and ("PGSERVICE" in os.environ or option.envvar in os.environb)
    ]
    neutral = {o.keyword.decode(): _default(o).decode() for o in disturbed}
    # An empty one would allow no method at all.
    if "require_auth" in neutral:
        neutral["require_auth"] = "scram-sha-256"
    return make_conninfo("", **{**neutral, **conninfo_to_dict(conninfo), "service": None})


def from_variables(values: Mapping[str, str], port: int, database: str) -> str:
    """Put together what POSTGRES_HOST, _USER and _PASSWORD say."""
    for name in ("POSTGRES_USER", "POSTGRES_PASSWORD"):
        if not is_unicode(values.get(name, "")):
            raise ConfigError(f"{name} is not UTF-8")
    return make_conninfo(
        host=check_host(values.get("POSTGRES_HOST", "localhost").strip(), "POSTGRES_HOST"),
        port=port,
        user=values.get("POSTGRES_USER", "postgres"),
        password=values.get("POSTGRES_PASSWORD"),
        dbname=database,
    )


def _text(option: pq.misc.ConninfoOption) -> str:
    text = (option.val or b"").decode(errors="surrogateescape")
    if not is_unicode(text):
        variable = f" ({option.envvar.decode()})" if option.envvar else ""
        raise ConfigError(
            f"the connection string: {option.keyword.decode()}{variable} is not UTF-8"
        )
    return text


def _default(option: pq.misc.ConninfoOption) -> bytes:
    return option.compiled or _DEFAULTS.get(option.keyword, b"")


def _url_host(host: str) -> str:
    # The percent sign of an IPv6 zone is encoded as any other.
    return f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")


def _secrets() -> set[str]:
    return {o.keyword.decode() for o in pq.Conninfo.get_defaults() if o.dispchar == b"*"}


def _refusal(complaint: str) -> str:
    """Say what libpq refuses, without the value that it quotes."""
    if "service" in complaint:
        return (
            "its service is in no service file, or that cannot be read (PGSERVICE, PGSERVICEFILE)"
        )
    if match := re.match(
        r"invalid (?:(SCRAM \w+ key|SSL protocol version range)|\"?(\w+)\"? (?:value|number))",
        complaint,
    ):
        return f"the value of {match[1] or match[2]} is none that libpq knows"
    if complaint.startswith("could not match"):
        return "it has not as many ports or addresses as hosts"
    return "libpq refuses a value in it"
