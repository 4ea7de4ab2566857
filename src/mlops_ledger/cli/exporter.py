"""`mlops-ledger exporter`: metrics for Prometheus."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import click

import mlops_ledger as ledger

from .base import Command
from .options import FilePath
from .output import say


@click.command(cls=Command)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9877,
    show_default=True,
    help="0 picks a free one.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=5.0,
    show_default=True,
    help="Seconds that a query may take.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="Rows of a query that become series.",
)
@click.option(
    "--copy-files",
    "folder",
    type=FilePath(),
    metavar="FOLDER",
    help="Write alert rules and dashboards into this new folder, and exit.",
)
def exporter(address: str, port: int, timeout: float, limit: int, folder: Path | None) -> None:
    """Serve metrics to Prometheus until stopped.

    They are about the ledger and this host's spool; those of the spool are served even while the
    database is down. A reader role is enough; the number of audit entries needs an auditor.
    """
    import logging

    try:
        from ..contrib.prometheus import Exporter, copy_files
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise click.ClickException(
            "this needs the extra: pip install 'mlops-ledger[prometheus]'"
        ) from None

    if folder is not None:
        for path in copy_files(folder):
            say(str(path))
        return
    logging.getLogger("mlops_ledger.exporter").addHandler(logging.StreamHandler())
    served = Exporter(ledger.Settings.from_environment(), timeout=timeout, limit=limit)
    try:
        port = served.serve(address, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot listen at {address}:{port}: {reason}") from None
    say(f"http://{address}:{port}/metrics")
    # Whoever waits for the address reads a pipe or a file.
    sys.stdout.flush()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
