"""`mlops-ledger db`: the embedded PostgreSQL, and psql on the configured database."""

from __future__ import annotations

import os
import shutil
import sys

import click

from ..config import Settings, url
from ..connections import libpq_environment
from ..embedded import EmbeddedServer, ServerStatus, find_binaries, resolve_conninfo
from ..errors import ConfigError, EmbeddedServerError
from .output import echo_json

NOT_RUNNING = 3


@click.group()
def db() -> None:
    """Run the embedded PostgreSQL, or open psql."""


@db.command()
def start() -> None:
    """Start the embedded PostgreSQL; the first time, make it."""
    settings = _embedded_settings()
    server = EmbeddedServer(settings.home, settings.pg_bin)
    _echo_status(server.start())
    click.echo(f"url      {url(server.conninfo(settings.database), password=False)}")


@db.command()
def stop() -> None:
    """Stop the embedded PostgreSQL."""
    stopped = EmbeddedServer(_embedded_settings().home).stop()
    click.echo("stopped" if stopped else "was not running")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Say whether the embedded PostgreSQL answers: exit code 0 if it does, 3 if not."""
    found = EmbeddedServer(_embedded_settings().home).status()
    if as_json:
        echo_json(found)
    else:
        _echo_status(found)
    sys.exit(0 if found.running else NOT_RUNNING)


@db.command("url")
def print_url() -> None:
    """Print the URL of the configured database, with its password."""
    click.echo(url(resolve_conninfo(Settings.from_environment()), password=True))


@db.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the configured database, with psql's own ARGUMENTS: psql -c "SELECT 1"."""
    settings = Settings.from_environment()
    program = _psql(settings)
    # In the environment: every user of the machine can read the arguments of a process.
    given = libpq_environment(resolve_conninfo(settings))
    os.execve(program, ["psql", *arguments], {**os.environb, **given})


def _embedded_settings() -> Settings:
    settings = Settings.from_environment()
    if not settings.embedded:
        raise ConfigError(
            "the configured database is not the embedded one; "
            "unset DATABASE_URL and POSTGRES_HOST, _PORT, _USER and _PASSWORD to use that"
        )
    return settings


def _echo_status(status: ServerStatus) -> None:
    if status.running:
        click.echo(f"running  PostgreSQL {status.version}, process {status.pid}")
        click.echo(f"address  127.0.0.1:{status.port}")
    else:
        click.echo("not running; start it with: mlops-ledger db start")
    click.echo(f"data     {status.data}")
    click.echo(f"log      {status.log}")


def _psql(settings: Settings) -> str:
    # The psql of the [embedded] extra cannot encrypt, which servers elsewhere may demand.
    if not settings.embedded and (system := shutil.which("psql")):
        return system
    program = find_binaries(chosen=settings.pg_bin) / "psql"
    if not os.access(program, os.X_OK):
        raise EmbeddedServerError(f"there is no psql in {program.parent}; install it")
    return str(program)
