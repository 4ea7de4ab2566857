"""Settings from the environment and a `.env` file, as one frozen dataclass.

Errors name the setting and what is wrong with it, never its value: connection strings hold
passwords, and libpq quotes pieces of a malformed one in its own messages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import dotenv
from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .errors import ConfigError

DEFAULT_DATABASE: Final = "mlops"
SERVER_VARIABLES: Final = ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD")

# SQLAlchemy's spelling of the same URL is what many .env files hold.
_URL_SCHEME = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://")
_HOST = re.compile(r"[\w.:%,/ \[\]-]*")
_DATABASE = re.compile(r"[^\x00-\x1f@/]{1,63}")
# What belongs before the question mark, or is secret, or names a file of this machine.
_NOT_IN_QUERY: Final = {"user", "password", "host", "port", "dbname", "hostaddr", "sslpassword"}
# libpq rounds a timeout of one second up to two.
_LEAST: Final = {"pool_min_size": 0, "pool_max_size": 1, "connect_timeout": 2}
_PORTS = re.compile(r"\d{1,5}(,\d{1,5})*")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the database is and how to talk to it.

    `conninfo` is a libpq connection string, or None for the embedded PostgreSQL under `home`,
    which `pg_bin` runs, or the programs that are found. Timeouts are in seconds.
    """

    conninfo: str | None = field(default=None, repr=False)
    database: str = DEFAULT_DATABASE
    home: Path = field(default_factory=lambda: _default_home({}))
    pg_bin: Path | None = None
    pool_min_size: int = 1
    pool_max_size: int = 10
    pool_timeout: float = 10.0
    connect_timeout: int = 5
    statement_timeout: float = 30.0
    sql_echo: bool = False
    spool_dir: Path | None = None

    @property
    def spool(self) -> Path:
        """The folder in which prediction loggers keep what is not in the database yet."""
        return self.home / "spool" if self.spool_dir is None else self.spool_dir

    @property
    def embedded(self) -> bool:
        """Whether the embedded PostgreSQL is meant."""
        return self.conninfo is None

    @property
    def target(self) -> str:
        """Which database is meant, as host:port/database; known without asking the server.

        The embedded one is named by its folder, as its port may be another after each start.
        """
        if self.conninfo is None:
            return f"embedded:{self.home.resolve()}/{self.database}"
        # What is not given comes from PGHOST and the like.
        known = {each.keyword.decode(): each.val for each in pq.Conninfo.get_defaults()}
        parts = {name: value.decode() for name, value in known.items() if value}
        given = {name: str(value) for name, value in conninfo_to_dict(self.conninfo).items()}
        parts |= {name: value for name, value in given.items() if value}
        host = given.get("host") or given.get("hostaddr") or given.get("service")
        host = host or parts.get("host", "localhost")
        return f"{host.lower()}:{parts['port']}/{parts.get('dbname') or parts['user']}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from the environment, with `.env` below it.

        `.env` is looked for from the working directory upwards; a variable of the process wins
        over the file. Raises ConfigError for a malformed value.
        """
        if environ is None:
            environ = {**_dotenv(), **os.environ}
        # An empty variable is how compose files and CI say "not set".
        values = {name: value for name, value in environ.items() if value.strip()}
        conninfo = _conninfo(values)
        return cls(
            conninfo=conninfo,
            database=_database(values, conninfo),
            home=_default_home(values),
            pg_bin=Path(values["MLOPS_PG_BIN"]) if "MLOPS_PG_BIN" in values else None,
            pool_min_size=_integer(values, "MLOPS_POOL_MIN_SIZE", 1, least=0),
            pool_max_size=_integer(values, "MLOPS_POOL_MAX_SIZE", 10),
            pool_timeout=_seconds(values, "MLOPS_POOL_TIMEOUT", 10.0),
            connect_timeout=_integer(values, "MLOPS_CONNECT_TIMEOUT", 5, least=2),
            statement_timeout=_seconds(values, "MLOPS_STATEMENT_TIMEOUT", 30.0),
            sql_echo=_boolean(values, "MLOPS_SQL_ECHO", False),
            spool_dir=_folder(values, "MLOPS_SPOOL_DIR"),
        )

    def __post_init__(self) -> None:
        if self.conninfo is not None:
            # Checked here because the driver would quote it in its own complaint.
            object.__setattr__(
                self, "conninfo", parse_conninfo(self.conninfo, "the connection string")
            )
        for name, least in _LEAST.items():
            number = getattr(self, name)
            if type(number) is not int or number < least:
                raise ConfigError(f"{name} must be a whole number of at least {least}")
        for name in ("pool_timeout", "statement_timeout"):
            seconds = getattr(self, name)
            if type(seconds) not in (int, float) or not 0 < seconds < inf:
                raise ConfigError(f"{name} must be a number of seconds above 0")
        for name in ("home", "pg_bin", "spool_dir"):
            folder = getattr(self, name)
            if not isinstance(folder, Path | None):
                raise ConfigError(f"{name} must be a Path")
        if self.pool_min_size > self.pool_max_size:
            raise ConfigError("MLOPS_POOL_MIN_SIZE is larger than MLOPS_POOL_MAX_SIZE")


def parse_conninfo(text: str, source: str = "DATABASE_URL") -> str:
    """Check a PostgreSQL URL or `key=value` string and return it as libpq reads it.

    Raises ConfigError naming `source` and the part that is wrong, without quoting it.
    """
    text = _URL_SCHEME.sub("postgresql://", text.strip(), count=1)
    try:
        parts = conninfo_to_dict(text)
    except (ProgrammingError, UnicodeError):
        parts = None
    # Raised outside the handler, so that no traceback carries libpq's quotation of the value.
    if parts is None:
        raise ConfigError(
            f"{source} is not a PostgreSQL connection string; write "
            "postgresql://user:password@host:5432/database "
            "and percent-encode special characters in the password"
        )
    hint = "; percent-encode special characters in the user name and password"
    if "\0" in text:
        raise ConfigError(f"{source} contains a NUL byte")
    for name, rule in (("port", _PORTS), ("host", _HOST), ("dbname", _DATABASE)):
        if (value := parts.get(name)) is not None and not rule.fullmatch(str(value)):
            raise ConfigError(f"{source}: the {name} is malformed{hint}")
    if parts.get("port") and not all(0 < int(p) < 65536 for p in str(parts["port"]).split(",")):
        raise ConfigError(f"{source}: the port is out of range{hint}")
    return make_conninfo(text)


def url(conninfo: str, *, password: bool) -> str:
    """Write a connection string as a URL, with its password or with `***` in its place."""
    parts = conninfo_to_dict(conninfo)
    user = quote(str(parts.get("user", "")), safe="")
    secret = parts.get("password")
    if secret:
        user += ":" + (quote(str(secret), safe="") if password else "***")
    host = quote(str(parts.get("host", "")), safe="[]:,")
    port = f":{parts['port']}" if parts.get("port") else ""
    database = quote(str(parts.get("dbname", "")), safe="")
    others = {k: v for k, v in parts.items() if k not in _NOT_IN_QUERY and v != "disable"}
    query = f"?{urlencode(others, quote_via=quote)}" if others else ""
    return f"postgresql://{user}{'@' if user else ''}{host}{port}/{database}{query}"


def _conninfo(values: Mapping[str, str]) -> str | None:
    if "DATABASE_URL" in values:
        conninfo = parse_conninfo(values["DATABASE_URL"])
        # A URL that stops at the host means the ledger's database, not one named after the user.
        return make_conninfo(conninfo, dbname=_database(values, conninfo))
    if not any(name in values for name in SERVER_VARIABLES):
        return None
    port = _integer(values, "POSTGRES_PORT", 5432)
    if port > 65535:
        raise ConfigError("POSTGRES_PORT must be between 1 and 65535")
    host = values.get("POSTGRES_HOST", "localhost").strip()
    if not _HOST.fullmatch(host):
        raise ConfigError("POSTGRES_HOST is not a host name")
    return make_conninfo(
        host=host,
        port=port,
        user=values.get("POSTGRES_USER", "postgres"),
        password=values.get("POSTGRES_PASSWORD"),
        dbname=_database(values, None),
    )


def _database(values: Mapping[str, str], conninfo: str | None) -> str:
    if conninfo is not None and (name := conninfo_to_dict(conninfo).get("dbname")):
        return str(name)
    name = values.get("MLOPS_DB_NAME", DEFAULT_DATABASE).strip()
    if not _DATABASE.fullmatch(name):
        raise ConfigError("MLOPS_DB_NAME is not a database name of at most 63 characters")
    return name


def _dotenv() -> dict[str, str]:
    path = dotenv.find_dotenv(usecwd=True)
    try:
        return {k: v for k, v in dotenv.dotenv_values(path).items() if v} if path else {}
    except (OSError, UnicodeError) as error:
        raise ConfigError(f".env cannot be read: {type(error).__name__}") from None


def _default_home(values: Mapping[str, str]) -> Path:
    if home := values.get("MLOPS_LEDGER_HOME"):
        return Path(home).expanduser().absolute()
    data = values.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "mlops-ledger"


def _folder(values: Mapping[str, str], name: str) -> Path | None:
    return Path(values[name]).expanduser().absolute() if name in values else None


def _integer(values: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    text = values.get(name, str(default)).strip()
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}")
    return int(text)


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name, str(default)).strip()
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII) or float(text) <= 0:
        raise ConfigError(f"{name} must be a number of seconds above 0, such as 30 or 0.5")
    return float(text)


def _boolean(values: Mapping[str, str], name: str, default: bool) -> bool:
    text = values.get(name, str(default)).strip().lower()
    if text not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ConfigError(f"{name} must be true or false")
    return text in {"1", "true", "yes", "on"}


def describe(conninfo: str) -> str:
    """Name the database, user and server of a connection string for a message."""
    parts = conninfo_to_dict(conninfo)
    user = f"{parts['user']}@" if parts.get("user") else ""
    where = f"{parts.get('host') or 'the default host'}:{parts.get('port') or 5432}"
    return f"database {parts.get('dbname') or '(default)'} at {user}{where}"
