"""The command `mlops-ledger`: thin, every answer comes from the repositories and the views."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, NoReturn

import click

from ..config import Settings
from ..connections import VERSION
from ..errors import LedgerError
from .actions import actions
from .alerts import alerts
from .audit import audit
from .backup import backup, restore
from .baselines import baselines
from .db import db
from .decisions import decisions
from .drift import drift
from .init import health, init, reset
from .labels import labels
from .metrics import metrics
from .migrate import migrate
from .models import models
from .monitoring import monitoring
from .monitors import monitors
from .predictions import predictions
from .retention import cleanup, ensure_partitions
from .roles import roles
from .spool import spool
from .stats import stats
from .verify import verify

REFUSED = 2
SECTIONS: Final = {
    "Set up": (init, migrate, health, db),
    "Models": (models, decisions, actions),
    "Predictions": (predictions, labels, spool),
    "Monitoring": (monitoring, baselines, drift, metrics, monitors, alerts),
    "Audit and rights": (audit, roles),
    "Maintenance": (verify, stats, cleanup, ensure_partitions, backup, restore),
}


class _Main(click.Group):
    """The root command: turns the ledger's exceptions into one line and an exit code."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for."""
        widest = max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{each.name:<{widest}}", each.get_short_help_str(80)) for each in commands]
                )

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _log_statements()
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else ctx.command_path
            _refuse(ctx, f"{error.format_message()} (see {where} --help)")
        except LedgerError as error:
            _refuse(ctx, str(error))
        except BrokenPipeError:
            # The reader, such as `head`, has seen enough.
            sys.stderr.close()
            ctx.exit(1)


@click.group(
    cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(VERSION, prog_name="mlops-ledger")
def main() -> None:
    """The system of record for models in production, in plain PostgreSQL.

    The database is the one of DATABASE_URL or POSTGRES_HOST, _PORT, _USER, _PASSWORD and
    MLOPS_DB_NAME, from the environment or a .env file; without them, an embedded PostgreSQL.

    Exit codes: 0 done, 1 the answer is no (unhealthy, behind), 2 refused or not possible.
    """


def _refuse(context: click.Context, message: str) -> NoReturn:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    context.exit(REFUSED)


def _log_statements() -> None:
    """Log statements to the screen when MLOPS_SQL_ECHO asks."""
    if Settings.from_environment().sql_echo:
        logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
        logging.getLogger("mlops_ledger.sql").setLevel(logging.DEBUG)


for section in SECTIONS.values():
    for command in section:
        main.add_command(command)
db.add_command(reset)
