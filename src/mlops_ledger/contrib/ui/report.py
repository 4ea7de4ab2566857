"""The page of one model as a file that needs nothing else."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ...checks import values
from ...connection.connections import require_database
from ...database import Database
from ...files import written
from . import model
from .query import Query
from .render import render_alone


def write_report(
    db: Database,
    path: Path,
    *,
    model_name: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write the report of a model and a window, by default its last year; return its bytes.

    Raises NotFound for an unknown model, InvalidValue for a window that is none, LedgerError when
    the file cannot be written.
    """
    db = require_database(db, Database)
    given = {"name": model_name}
    for name, at in (("since", since), ("until", until)):
        if at is not None:
            given[name] = values.timestamp(name, at).isoformat()
    page = model.page(db, Query(given))
    data = render_alone(page, database=db.name).encode()
    with written(path):
        path.write_bytes(data)
    return len(data)
