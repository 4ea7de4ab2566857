"""`mlops-ledger db`: the embedded PostgreSQL, and psql on the configured database."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from ..errors import ConfigError, EmbeddedServerError
from .base import Group
from .init import reset
from .options import json_option
from .output import echo_done, echo_json, finish, say

if TYPE_CHECKING:
    from ..embedded import ServerStatus

NOT_RUNNING = 3


@click.group(cls=Group)
def db() -> None:
    """Run the embedded PostgreSQL, or open psql."""


@db.command()
@json_option
def start(as_json: bool) -> None:
    """Start the embedded PostgreSQL; the first time, create it."""
    from ..connection.conninfo import url
    from ..embedded import EmbeddedServer

    settings = _embedded_settings()
    server = EmbeddedServer(settings.home, settings.pg_bin)
    found = server.start()
    if as_json:
        echo_json(found)
        return
    _echo_status(found)
    say(f"url      {url(server.conninfo(settings.database), password=False)}")


@db.command()
@json_option
def stop(as_json: bool) -> None:
    """Stop the embedded PostgreSQL."""
    from ..embedded import EmbeddedServer

    stopped = EmbeddedServer(_embedded_settings().home).stop()
    echo_done({"stopped": stopped}, "stopped" if stopped else "was not running", as_json)


@db.command()
@json_option
def status(as_json: bool) -> None:
    """Say whether the embedded PostgreSQL answers: exit code 0 if it does, 3 if not."""
    from ..embedded import EmbeddedServer

    found = EmbeddedServer(_embedded_settings().home).status()
    if as_json:
        echo_json(found)
    else:
        _echo_status(found)
    finish(0 if found.running else NOT_RUNNING)


@db.command("url")
@json_option
def print_url(as_json: bool) -> None:
    """Print the URL of the configured database, with its password."""
    from ..connection.conninfo import url
    from ..embedded import resolve_conninfo

    found = url(resolve_conninfo(ledger.Settings.from_environment()), password=True)
    echo_done({"url": found}, found, as_json)


@db.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the configured database, with psql's own ARGUMENTS: psql -c "SELECT 1"."""
    from ..connection.connections import direct
    from ..connection.session import child_environment
    from ..embedded import resolve_conninfo

    settings = ledger.Settings.from_environment()
    program = _psql(settings)
    # In the environment: every user of the machine can read the arguments of a process.
    environment = child_environment(direct(settings, resolve_conninfo(settings)))
    os.execve(program, ["psql", *arguments], environment)


def _embedded_settings() -> ledger.Settings:
    settings = ledger.Settings.from_environment()
    if not settings.embedded:
        raise ConfigError(
            "the configured database is not the embedded one; "
            "unset DATABASE_URL and POSTGRES_HOST, _PORT, _USER and _PASSWORD to use that"
        )
    return settings


def _echo_status(status: ServerStatus) -> None:
    if status.running:
        say(f"running  PostgreSQL {status.version}, process {status.pid}")
        say(f"address  127.0.0.1:{status.port}")
    else:
        say("not running; start it with: mlops-ledger db start")
    say(f"data     {status.data}")
    say(f"log      {status.log}")


def _psql(settings: ledger.Settings) -> str:
    # The psql of the [embedded] extra cannot encrypt, which servers elsewhere may demand.
    if not settings.embedded and (system := shutil.which("psql")):
        return system
    from ..embedded import find_binaries

    program = find_binaries(chosen=settings.pg_bin) / "psql"
    if not os.access(program, os.X_OK):
        raise EmbeddedServerError(f"there is no psql in {program.parent}; install it")
    return str(program)


db.add_command(reset)
