"""The service on this machine: `python -m examples.sentiment_service`."""

from __future__ import annotations

import sys

import click
import uvicorn

from mlops_ledger import Database
from mlops_ledger.errors import LedgerError

from .register import register


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8000, show_default=True, help="0 picks a free one.")
def main(host: str, port: int) -> None:
    """Register the versions of the model and serve the one that is live."""
    try:
        with Database() as db:
            click.echo(f"Version {register(db)} is live in {db.name}.")
    except LedgerError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    click.echo(f"Try http://{host}:{port}/docs")
    uvicorn.run("examples.sentiment_service.app:app", host=host, port=port)


main(prog_name="python -m examples.sentiment_service")
