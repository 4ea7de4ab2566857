"""`mlops-ledger predictions import`, `predictions export` and `labels import`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

import mlops_ledger as ledger

from ..errors import LedgerError
from ..files import written
from . import complete
from .base import Command
from .options import (
    FilePath,
    at_option,
    json_option,
    model_option,
    since_option,
    until_option,
    version_option,
)
from .output import echo_done, finish
from .progress import progress

if TYPE_CHECKING:
    from ..admin.transfer.predictions import Imported, Refusal

_SOME_REFUSED = 1
_file = click.argument("file", type=FilePath(exists=True, dir_okay=False))
_on_error = click.option(
    "--on-error",
    type=click.Choice(("stop", "skip")),
    default="stop",
    show_default=True,
    help="What to do at a row that is refused.",
)
_refused = click.option(
    "--refused",
    "refused_file",
    type=FilePath(dir_okay=False),
    help="Where skipped rows go, with line and reason (default: FILE.refused.ndjson).",
)

_model = click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="The model, unless there is a column model_name.",
    shell_complete=complete.models,
)
_version = click.option(
    "--version",
    "model_version",
    metavar="VERSION",
    help="The version, unless there is a column model_version.",
    shell_complete=complete.versions,
)


@click.command("import", cls=Command)
@_file
@_model
@_version
@at_option
@click.option("--ignore", multiple=True, metavar="COLUMN", help="A column to leave out.")
@_on_error
@_refused
@json_option
def import_predictions(
    file: Path, on_error: str, refused_file: Path | None, as_json: bool, **given: Any
) -> None:
    """Store the predictions of a CSV, NDJSON or Parquet FILE.

    Columns are the fields of a prediction and the features of the version. Importing a file again
    adds nothing. Exits with 1 when rows were skipped.
    """
    from ..admin.transfer import predictions

    _import(
        lambda db, **hooks: predictions.import_predictions(db, file, **given, **hooks),
        file,
        refused_file,
        on_error,
        as_json,
    )


@click.command("import", cls=Command)
@_file
@_model
@_version
@at_option
@_on_error
@_refused
@json_option
def import_labels(
    file: Path, on_error: str, refused_file: Path | None, as_json: bool, **given: Any
) -> None:
    """Store the labels of a CSV, NDJSON or Parquet FILE.

    Columns are prediction_id or request_id, actual_label or actual_value, labeled_at, source, and
    model_name where a request asked several models.
    Importing a file again adds nothing. Exits with 1 when rows were skipped.
    """
    from ..admin.transfer import predictions

    _import(
        lambda db, **hooks: predictions.import_labels(db, file, **given, **hooks),
        file,
        refused_file,
        on_error,
        as_json,
    )


@click.command("export", cls=Command)
@click.argument("file", type=FilePath(dir_okay=False))
@model_option
@version_option
@since_option
@until_option
@json_option
def export_predictions(file: Path, as_json: bool, **window: Any) -> None:
    """Write predictions to a new FILE: .csv, .ndjson or .parquet, which can be imported."""
    from ..admin.transfer import predictions

    with progress("export") as report, ledger.Database() as db:
        number = predictions.export_predictions(db, file, **window, report=report)
    echo_done({"file": file, "exported": number}, f"{file}: {number:,} predictions", as_json)


def _import(
    run: Callable[..., Imported],
    file: Path,
    refused_file: Path | None,
    on_error: str,
    as_json: bool,
) -> None:
    if refused_file is not None and on_error == "stop":
        raise click.UsageError("--refused needs --on-error skip")
    target = refused_file or file.with_name(f"{file.name}.refused.ndjson")
    with (
        progress("import") as report,
        ledger.Database() as db,
        _refusals(file, target, on_error) as on_refusal,
    ):
        done = run(db, on_refusal=on_refusal, report=report)
    parts = [f"{done.stored:,} stored", f"{done.duplicates:,} were there already"]
    if done.waiting:
        parts.append(f"{done.waiting:,} wait for their prediction")
    if done.refused:
        parts.append(f"{done.refused:,} refused (see {target})")
    path = {"refused_file": target if done.refused else None}
    counts = {name: getattr(done, name) for name in ("stored", "duplicates", "waiting", "refused")}
    echo_done({**counts, **path}, ", ".join(parts), as_json)
    finish(_SOME_REFUSED if done.refused else 0)


@contextmanager
def _refusals(file: Path, target: Path, on_error: str) -> Iterator[Callable[[Refusal], None]]:
    """Yield what is told of refused rows: it stops, or writes them to a file made at need."""
    opened: Any = None

    def refuse(refusal: Refusal) -> None:
        nonlocal opened
        if on_error == "stop":
            raise LedgerError(
                f"{file.name}:{refusal.line}: {refusal.reason}; what came before is stored, "
                "--on-error skip goes on"
            )
        line = {"line": refusal.line, "reason": refusal.reason, "row": refusal.row}
        with written(target):
            if opened is None:
                opened = target.open("wb")
            opened.write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))

    try:
        yield refuse
    finally:
        if opened is not None:
            with written(target):
                opened.close()
