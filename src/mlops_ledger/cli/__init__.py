"""The command `mlops-ledger`: thin, every answer comes from the repositories and the views."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import click

from ..errors import LedgerError, brief
from .base import COMPLETE, LazyGroup
from .output import say
from .streams import Unwritable, prepared, silence, utf8

NO, REFUSED, INTERRUPTED = 1, 2, 130
# Since click 8.2; before, a group without a command prints its help and is done.
_NO_COMMAND: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
# The commands by what they are for, each with the module that has it.
SECTIONS: Final = {
    "Set up": {
        "init": "init",
        "migrate": "migrate",
        "health": "init",
        "status": "status",
        "db": "db",
        "completion": "completion",
        "docs": "docs",
    },
    "Models": {"models": "models", "decisions": "decisions", "actions": "actions"},
    "Predictions": {"predictions": "predictions", "labels": "labels", "spool": "spool"},
    "Monitoring": {
        "monitor": "monitor",
        "monitoring": "monitoring",
        "baselines": "baselines",
        "drift": "drift",
        "metrics": "metrics",
        "monitors": "monitors",
        "alerts": "alerts",
        "exporter": "exporter",
        "serve": "pages",
        "report": "pages",
    },
    "Beside other systems": {"import": "moving", "sync": "mlflow", "export": "moving"},
    "Events and agents": {"events": "events", "webhooks": "webhooks", "mcp": "mcp"},
    "Audit and rights": {"audit": "audit", "roles": "roles"},
    "Maintenance": {
        "verify": "verify",
        "stats": "stats",
        "distribute": "distribute",
        "fold": "fold",
        "cleanup": "retention",
        "ensure-partitions": "retention",
        "backup": "backup",
        "restore": "backup",
    },
}


class _Main(LazyGroup):
    """The root command: turns whatever goes wrong into one line and an exit code."""

    def main(self, *args: Any, **given: Any) -> Any:
        """Run a command line and exit."""
        code = 0
        try:
            with prepared():
                self._run(*args, **given)
        except click.exceptions.Exit as done:
            code = done.exit_code
        except _NO_COMMAND as error:
            error.show()
            code = REFUSED
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "mlops-ledger"
            code = _refuse(f"{error.format_message()} (see {where} --help)")
        except click.ClickException as error:
            code = _refuse(error.format_message())
        except (LedgerError, Unwritable) as error:
            code = _refuse(str(error))
        except BrokenPipeError:
            # The reader, such as `head`, has seen enough.
            silence()
            code = NO
        except (KeyboardInterrupt, click.Abort):
            code = INTERRUPTED
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            code = _refuse(f"{place}{error.strerror or error}")
        sys.exit(code)

    def _run(
        self,
        args: Sequence[str] | None = None,
        prog_name: str = "mlops-ledger",
        standalone_mode: bool = True,
        **extra: Any,
    ) -> None:
        """Run without click's own handling of failures, which says more than a line."""
        if instruction := os.environ.get(COMPLETE):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, extra, prog_name, COMPLETE, instruction))
        arguments = [utf8(each) for each in (sys.argv[1:] if args is None else args)]
        with self.make_context(prog_name, arguments, **extra) as context:
            self.invoke(context)


@click.group(
    cls=_Main,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="mlops-ledger", prog_name="mlops-ledger")
def main() -> None:
    """The system of record for models in production, in plain PostgreSQL.

    The database is the one of DATABASE_URL or POSTGRES_HOST, _PORT, _USER, _PASSWORD and
    MLOPS_DB_NAME, from the environment or a .env file; without them, an embedded PostgreSQL.

    Exit codes: 0 done, 1 the answer is no (unhealthy, behind), 2 refused or not possible.
    """


def _refuse(message: str) -> int:
    # It was refused, whether that can be told or not.
    with suppress(OSError):
        say(f"error: {brief(' '.join(message.split()))}", err=True)
    return REFUSED
