"""The page of data quality: what is wrong with the data of the versions in production."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ...database import Database
from .query import PAGE, Page, Query
from .source import Source
from .text import link

_LENGTH: Final = timedelta(days=7)
# Each reads the summaries of a week.
_VERSIONS: Final = PAGE // 2


def page(db: Database, query: Query) -> Page:
    """List the versions in production with errors, missing values and labels of their last week."""
    model_name = query.text("model")
    rows = Source(db).quality(
        model_name=model_name, length=_LENGTH, limit=_VERSIONS, after=query.uuid("after")
    )
    more = len(rows) == _VERSIONS
    shown = {
        "rows": rows,
        "query": query.given,
        "next": link("/quality", model=model_name, after=rows[-1].id) if more else None,
    }
    return Page("quality.html", "Data quality", shown, ("ui.quality",))
