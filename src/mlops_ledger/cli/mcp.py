"""`mlops-ledger mcp`: the ledger for agents."""

from __future__ import annotations

import click

import mlops_ledger as ledger

from .base import Command


@click.command(cls=Command)
@click.option(
    "--role",
    metavar="ROLE",
    help="Work as this role (default: mlops_agent, unless the connected user may do no more).",
)
@click.option(
    "--requested-by",
    default="agent",
    show_default=True,
    metavar="WHO",
    help="Who its requests are from.",
)
def mcp(role: str | None, requested_by: str) -> None:
    """Serve the ledger to an agent over stdin and stdout.

    It speaks the Model Context Protocol. Its tools read, and request actions; none approves,
    promotes or changes anything. It does not start in a role that could.
    """
    try:
        from ..contrib.mcp import AgentAccess, make_server
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise click.ClickException(
            "this needs the extra: pip install 'mlops-ledger[mcp]'"
        ) from None

    with ledger.Database() as db:
        server = make_server(AgentAccess.limited(db, role), requested_by=requested_by)
        server.run("stdio")
