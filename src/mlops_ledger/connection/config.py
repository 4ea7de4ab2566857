"""Settings from the environment and a `.env` file, as one frozen dataclass.

Errors name the setting and what is wrong with it, never its value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, Final

import dotenv
from dotenv.parser import parse_stream
from dotenv.variables import parse_variables
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import ConfigError
from . import conninfo as strings

DEFAULT_DATABASE: Final = "mlops"
SERVER_VARIABLES: Final = ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD")
# Servers of another ledger than the one that a connection string names.
_WHERE: Final = {"DATABASE_URL", "MLOPS_READ_URL", "MLOPS_APPROVER_URL", *SERVER_VARIABLES}
# libpq rounds a timeout of one second up to two.
_LEAST: Final = {"pool_min_size": 0, "pool_max_size": 1, "connect_timeout": 2}
_READ_PATIENCE: Final = 2
# Also where the URL names the primary.
_READ_ONLY: Final = "-c default_transaction_read_only=on"
_SECONDS: Final = ("pool_timeout", "statement_timeout")
_SINGLE_QUOTED: Final = re.compile(r"[^=]*=\s*'")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the database is and how to talk to it.

    `conninfo` is a libpq connection string, or None for the embedded PostgreSQL under `home`,
    which `pg_bin` runs, or the programs that are found. `read_url` names hot standbys of it that
    answer reads, `approver_url` the role that carries out reviews made in a browser. Transactions
    of `read_only` sessions cannot write. Timeouts are in seconds.
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
    read_url: str | None = field(default=None, repr=False)
    approver_url: str | None = field(default=None, repr=False)
    read_only: bool = False

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
        found = strings.resolve(self.conninfo)
        # An address without a name is the server, whatever name PGHOST adds to it.
        given = conninfo_to_dict(self.conninfo)
        host = given.get("host") or given.get("hostaddr") or found.get("host") or "localhost"
        return f"{str(host).lower()}:{found['port']}/{found['dbname']}"

    def of_reads(self) -> Settings | None:
        """Return how the standbys of `read_url` are reached, if there are any.

        They are given two seconds, because the primary can answer instead.
        """
        if self.read_url is None:
            return None
        options = str(conninfo_to_dict(self.read_url).get("options") or "")
        return replace(
            self,
            conninfo=make_conninfo(self.read_url, options=f"{options} {_READ_ONLY}".lstrip()),
            read_url=None,
            pool_timeout=min(self.pool_timeout, _READ_PATIENCE),
            connect_timeout=min(self.connect_timeout, _READ_PATIENCE),
        )

    def of_reviews(self) -> Settings | None:
        """Return how the role of `approver_url` connects, if there is one."""
        if self.approver_url is None:
            return None
        return replace(self, conninfo=self.approver_url, read_url=None, approver_url=None)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from the environment, with `.env` below it.

        `.env` is looked for from the working directory upwards; a variable of the process wins
        over the file. Raises ConfigError for a malformed value.
        """
        values = _values(environ)
        conninfo = _conninfo(values)
        given: dict[str, Any] = {
            name: _integer(values, f"MLOPS_{name.upper()}", least) for name, least in _LEAST.items()
        }
        given |= {name: _seconds(values, f"MLOPS_{name.upper()}") for name in _SECONDS}
        given |= {
            name: _folder(values, f"MLOPS_{name.upper()}") for name in ("pg_bin", "spool_dir")
        }
        database = strings.database_of(conninfo or "") or _database(values)
        return cls(
            conninfo=conninfo,
            database=database,
            read_url=_complete(values, "MLOPS_READ_URL", database),
            approver_url=_complete(values, "MLOPS_APPROVER_URL", database),
            home=_default_home(values),
            sql_echo=_boolean(values, "MLOPS_SQL_ECHO"),
            **{name: value for name, value in given.items() if value is not None},
        )

    @classmethod
    def of(cls, conninfo: str, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings for a connection string; all but where it is says the environment."""
        values = {k: v for k, v in _values(environ).items() if k not in _WHERE}
        return replace(cls.from_environment(values), conninfo=conninfo)

    def __post_init__(self) -> None:
        for name in ("read_url", "approver_url"):
            # As the variable: empty is not set, and not what libpq takes for a server by itself.
            given = getattr(self, name)
            if isinstance(given, str) and not given.strip():
                object.__setattr__(self, name, None)
        for name, source in (
            ("conninfo", "the connection string"),
            ("read_url", "read_url"),
            ("approver_url", "approver_url"),
        ):
            if (given := getattr(self, name)) is not None:
                # Checked here because the driver would quote it in its own complaint.
                object.__setattr__(self, name, strings.parse(given, source))
        strings.check_database(self.database, "database")
        for name, least in _LEAST.items():
            number = getattr(self, name)
            if type(number) is not int or number < least:
                raise ConfigError(f"{name} must be a whole number of at least {least}")
        for name in _SECONDS:
            seconds = getattr(self, name)
            if type(seconds) not in (int, float) or not 0 < seconds < inf:
                raise ConfigError(f"{name} must be a number of seconds above 0")
        for name in ("home", "pg_bin", "spool_dir"):
            folder = getattr(self, name)
            if not isinstance(folder, Path if name == "home" else Path | None):
                raise ConfigError(f"{name} must be a Path")
        if self.pool_min_size > self.pool_max_size:
            raise ConfigError("MLOPS_POOL_MIN_SIZE is larger than MLOPS_POOL_MAX_SIZE")


def _values(environ: Mapping[str, str] | None) -> dict[str, str]:
    if environ is None:
        environ = {**_dotenv(), **os.environ}
    # An empty variable is how compose files and CI say "not set".
    return {name: value for name, value in environ.items() if value.strip()}


def _conninfo(values: Mapping[str, str]) -> str | None:
    if "DATABASE_URL" in values:
        return _complete(values, "DATABASE_URL", _database(values))
    if not any(name in values for name in SERVER_VARIABLES):
        return None
    port = _integer(values, "POSTGRES_PORT", 1) or 5432
    if port > 65535:
        raise ConfigError("POSTGRES_PORT must be between 1 and 65535")
    return strings.from_variables(values, port, _database(values))


def _complete(values: Mapping[str, str], name: str, database: str) -> str | None:
    """Check the connection string of a variable, if it is set."""
    if name not in values:
        return None
    given = strings.parse(values[name], name)
    # A URL that stops at the host means the ledger's database, not one named after the user.
    return make_conninfo(given, dbname=strings.database_of(given) or database)


def _database(values: Mapping[str, str]) -> str:
    name = values.get("MLOPS_DB_NAME", DEFAULT_DATABASE).strip()
    return strings.check_database(name, "MLOPS_DB_NAME")


def _dotenv() -> dict[str, str]:
    try:
        path = dotenv.find_dotenv(usecwd=True)
    except OSError:
        path = ""  # The working directory is gone.
    if not path:
        return {}
    if not os.path.isfile(path):  # To open a named pipe would wait for somebody to write to it.
        raise ConfigError(".env is not a regular file")
    try:
        with open(path, encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except (OSError, UnicodeError) as error:
        raise ConfigError(f".env cannot be read: {type(error).__name__}") from None
    found: dict[str, str] = {}
    for binding in bindings:
        if binding.key is None or not (value := binding.value):
            continue
        # As in a shell, nothing is expanded between single quotes; dotenv_values would do that.
        if not _SINGLE_QUOTED.match(binding.original.string):
            known = {**os.environ, **found}
            value = "".join(atom.resolve(known) for atom in parse_variables(value))
        found[binding.key] = value
    return found


def _default_home(values: Mapping[str, str]) -> Path:
    if home := values.get("MLOPS_LEDGER_HOME"):
        return Path(home).expanduser().absolute()
    data = values.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "mlops-ledger"


def _folder(values: Mapping[str, str], name: str) -> Path | None:
    return Path(values[name]).expanduser().absolute() if name in values else None


def _integer(values: Mapping[str, str], name: str, least: int) -> int | None:
    if (text := values.get(name)) is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) or int(text) < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}")
    return int(text)


def _seconds(values: Mapping[str, str], name: str) -> float | None:
    if (text := values.get(name)) is None:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip(), re.ASCII) or float(text) <= 0:
        raise ConfigError(f"{name} must be a number of seconds above 0, such as 30 or 0.5")
    return float(text)


def _boolean(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "false").strip().lower()
    if text not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ConfigError(f"{name} must be true or false")
    return text in {"1", "true", "yes", "on"}
