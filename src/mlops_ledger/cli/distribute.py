"""`mlops-ledger distribute`: the same ledger on many machines."""

from __future__ import annotations

from dataclasses import asdict

import click

import mlops_ledger as ledger

from .base import Command
from .options import is_given, json_option, period_type
from .output import echo_json, echo_table, finish, say
from .progress import progress
from .text import size


@click.command(cls=Command)
@click.option("--status", is_flag=True, help="Only show where the tables are.")
@click.option("--undo", is_flag=True, help="Bring everything back to the coordinator.")
@click.option(
    "--partition-by",
    type=period_type,
    default="week",
    show_default=True,
    help="Length of new partitions, where it was a day.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 86400),
    default=60,
    show_default=True,
    help="How many seconds writers may keep it waiting.",
)
@json_option
def distribute(status: bool, undo: bool, partition_by: str, wait: float, as_json: bool) -> None:
    """Spread the big tables over the workers of Citus.

    These are predictions, labels and system metrics. Everything small stays on the coordinator, and
    nothing changes for users of the ledger. It is one transaction; writers wait meanwhile,
    loggers spool. The rows are counted before and after, then verify runs: exits with 1 if that
    finds something. Repeating it changes nothing. --status exits with 1 if a worker is away, or
    something else keeps Citus from the ledger.
    """
    if status and undo:
        raise click.UsageError("--status and --undo exclude each other")
    if (status or undo) and is_given("partition_by"):
        raise click.UsageError("--partition-by is for distributing, not for --status or --undo")
    if status and is_given("wait"):
        raise click.UsageError("--status does not wait: leave out --wait")
    settings = ledger.Settings.from_environment()
    if status:
        _echo_status(settings, as_json)
        return
    from ..admin import distribute as admin
    from ..admin.verify import verify

    with progress("distribute") as report:
        if undo:
            done = admin.undistribute(settings, wait=wait, progress=report)
        else:
            done = admin.distribute(settings, partition_by=partition_by, wait=wait, progress=report)
    with progress("verify") as report:
        wrong = [check for check in verify(settings, progress=report) if check.is_wrong]
    if as_json:
        echo_json({**asdict(done), "wrong": wrong})
    else:
        for name, rows in done.moved.items():
            say(f"moved     {name}: {rows:,} rows")
        for name in done.lengthened:
            say(f"partition new ones of {name} last a {partition_by}")
        if not done.moved:
            say(f"nothing to do: the ledger is {'not' if undo else 'already'} distributed")
        for check in wrong:
            say(f"wrong     {check.check.replace('_', ' ')}: {check.detail}", err=True)
        if not wrong:
            say("verified  nothing is wrong")
    finish(1 if wrong else 0)


def _echo_status(settings: ledger.Settings, as_json: bool) -> None:
    from ..admin.distribute import Distribution

    with ledger.Database(settings) as db:
        distribution = Distribution(db)
        cluster, tables = distribution.cluster(), distribution.tables()
    problems = list(cluster.problems())
    if as_json:
        echo_json({"cluster": cluster, "tables": tables, "problems": problems})
        finish(1 if problems else 0)
    say(f"citus     {cluster.citus or 'none'}")
    away = cluster.unreachable or []
    workers = [f"{each} (unreachable)" if each in away else each for each in cluster.workers or []]
    say(f"workers   {', '.join(workers) or 'none'}")
    for problem in problems:
        say(f"problem   {problem}")
    echo_table(
        ("table", "where", "size", "partitions", "new ones last a"),
        [
            (
                table.table_name,
                "workers" if table.is_distributed else "coordinator",
                "" if table.bytes is None else size(table.bytes),
                table.partitions,
                table.period,
            )
            for table in tables
        ],
    )
    finish(1 if problems else 0)
