"""What a session of ours means, whatever server, role, database and environment have set.

Everything that changes how PostgreSQL reads what we send, or what it answers, is stated here once.
Startup options state it at no cost. Over what the role, the database and PGOPTIONS say lie three
layers: LIMITS, the `options` of the connection string, which may change them, and PINNED, which
nothing changes. A transaction pooler refuses startup options: there each transaction begins with
`as_statement`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import ConfigError, LedgerError, SchemaError
from ..errors.translate import translate
from ..statements import load
from .conninfo import environment

PINNED: Final[Mapping[str, str]] = {
    # How text is read.
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "timezone_abbreviations": "Default",
    "xmloption": "content",
    # How values are read and written.
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "quote_all_identifiers": "off",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # What a statement sees and does.
    "gin_fuzzy_search_limit": "0",
    "exit_on_error": "off",
    "row_security": "on",
    "plpgsql.extra_errors": "none",
    "plpgsql.check_asserts": "on",
    # The server notices a killed client amid a long statement, and frees its locks.
    "client_connection_check_interval": "2s",
    # What is made.
    "check_function_bodies": "on",
    "default_table_access_method": "heap",
    "default_tablespace": "",
    "default_toast_compression": "pglz",
    "temp_tablespaces": "",
}
LIMITS: Final[Mapping[str, str]] = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # To compile a statement of the ledger takes longer than to run it.
    "jit": "off",
}
# Not every server knows them, and only superusers may set the first: they are looked at, and set
# where they are not what they should be.
LATE: Final[Mapping[str, str]] = {
    "session_replication_role": "origin",
    "transaction_timeout": "0",
    "restrict_nonsystem_relation_kind": "",
}
# What a server says of itself when it greets. PGTZ and PGDATESTYLE come after the startup options
# and win.
_REPORTED: Final = (
    "client_encoding",
    "standard_conforming_strings",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
)
_TIMEOUT: Final = re.compile(r"\bstatement_timeout=((?:\\.|[^\\\s])*)")
_DURATION: Final = re.compile(r"\s*([\d.]+)\s*(us|ms|s|min|h|d|)\s*")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86_400}
# Seconds that a server may take to end a statement and say so.
_GRACE: Final = 5.0
_SETTING: Final = re.compile(r"(?:-c|--)([\w.-]+)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """What a first look at a session has found out.

    `backend` is the process that answers, `schema` that of the ledger, if there is one, `visible`
    says that its tables are found without it, `place` is the schema where something new goes,
    `path` is the search_path that puts the ledger first, `late` names those of LATE that are set
    otherwise.
    """

    backend: int
    server_version: str
    encoding: str
    schema: str | None
    visible: bool
    place: str | None
    path: str
    late: list[str]

    def late_settings(self) -> dict[str, str]:
        """Return those of LATE that are to be set."""
        return {name: LATE[name] for name in self.late}

    def settings(self) -> dict[str, str]:
        """Return what is left to set in a session that was pinned when it began."""
        return {"search_path": self.path, **self.late_settings()}


def look(conninfo: str) -> tuple[bytes, dict[str, object]]:
    """Return the statement that looks at a session, and its parameters."""
    # Where the string names the schema, a ledger elsewhere is another one.
    elsewhere = not names_schema(conninfo)
    values = {"names": list(LATE), "values": list(LATE.values()), "elsewhere": elsewhere}
    return load("health")["backend"].text, values


def setting(settings: Mapping[str, str], *, local: bool = False) -> tuple[bytes, dict[str, object]]:
    """Return the statement that sets some settings of a session, and its parameters.

    `local` sets them for the transaction.
    """
    values = {"names": list(settings), "values": list(settings.values()), "local": local}
    return load("health")["settings"].text, values


def refused(error: psycopg.Error, settings: Mapping[str, str]) -> LedgerError:
    """Say why settings of a session could not be set."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        names = ", ".join(name for name in settings if name in LATE)
        return ConfigError(
            f"the server sets {names} for this role or database to what a ledger cannot use, "
            "and the role may not set it itself: an administrator resets it with "
            f"ALTER ROLE … RESET or ALTER DATABASE … RESET {names}"
        )
    return translate(error)


def require_utf8(found: Found, database: str) -> None:
    """Raise SchemaError for a database that cannot hold every text."""
    if found.encoding != "UTF8":
        raise SchemaError(
            f"the database {database} has the encoding {found.encoding}, and a ledger needs UTF8: "
            "make another with CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"
        )


def refuses_options(error: psycopg.Error) -> bool:
    """Whether a connection failed as PgBouncer, and nobody else, refuses startup options."""
    return "unsupported startup parameter" in str(error)


def pin(conninfo: str, limits: Mapping[str, str] | None = None, path: str | None = None) -> str:
    """Complete a resolved connection string with the session's settings as startup options.

    `limits` are other values for some of LIMITS; without them, not even the string's own options
    change these. `path` is the search_path.
    """
    given = _options(conninfo)
    layers = (
        os.environ.get("PGOPTIONS", ""),
        *(([_as_options({**LIMITS, **limits}), given]) if limits else [given, _as_options(LIMITS)]),
        _as_options({**PINNED, **({} if path is None else {"search_path": path})}),
    )
    return make_conninfo(
        conninfo,
        client_encoding=PINNED["client_encoding"],
        options=" ".join(layer for layer in layers if layer),
    )


def child_environment(conninfo: str) -> dict[bytes, bytes]:
    """Return the environment for psql, pg_dump and the like, whose sessions are pinned too."""
    return environment(pin(conninfo))


def without_options(conninfo: str) -> str:
    """Complete a connection string for a transaction pooler, which refuses startup options."""
    return make_conninfo(conninfo, client_encoding=PINNED["client_encoding"], options="")


def as_statement(conninfo: str, limits: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """Return a query that sets for one transaction what `pin` sets for a session, and `settings`.

    Raises ConfigError for options other than `-c name=value`.
    """
    values = {
        **_parse(os.environ.get("PGOPTIONS", ""), "PGOPTIONS"),
        **LIMITS,
        **limits,
        **_parse(_options(conninfo), "the options of the connection string"),
        **PINNED,
        **settings,
    }
    calls = [sql.SQL("set_config({}, {}, true)").format(*pair) for pair in values.items()]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)).as_string()


def patience(conninfo: str, limits: Mapping[str, str]) -> float | None:
    """Return for how many seconds a client waits for an answer: longer than a statement may run.

    The server ends a statement after its timeout and says so; None where it has none.
    """
    layers = f"statement_timeout={limits['statement_timeout']} {_options(conninfo)}"
    match = _DURATION.fullmatch(_TIMEOUT.findall(layers)[-1].replace("\\", ""))
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    return seconds + _GRACE if seconds else None


def names_schema(conninfo: str) -> bool:
    """Whether the connection string itself says which schema is meant."""
    return "search_path" in _options(conninfo)


def corrections(connection: Connection[Any] | AsyncConnection[Any]) -> dict[str, str]:
    """Return what a new session reports otherwise than it was pinned."""
    found = {name: connection.info.parameter_status(name) for name in _REPORTED}
    return {name: PINNED[name] for name, value in found.items() if value != PINNED[name]}


def _options(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo).get("options") or "")


def _as_options(settings: Mapping[str, str]) -> str:
    # White space ends an option unless a backslash protects it.
    safe = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in safe.items())


def _parse(options: str, source: str) -> dict[str, str]:
    """Read startup options as the server does: cut at white space, a backslash protects."""
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\\\s])+", options)]
    found = {}
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word += words.pop(0)
        if (match := _SETTING.fullmatch(word)) is None:
            raise ConfigError(
                f"{source}: behind a pooler such as PgBouncer only -c name=value can be kept"
            )
        found[match[1].replace("-", "_")] = match[2]
    return found
