"""How much the ledger holds, and how fast it grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from psycopg import sql

from .._sync.repository import Repository

# Smaller tables are counted, which takes milliseconds; larger tables use planner estimates.
_COUNTED: Final = 32 * 2**20
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7 * _DAY


@dataclass(frozen=True, slots=True)
class TableStats:
    """A table of the ledger with its partitions.

    `rows` is exact unless `is_estimate`; `bytes` includes indexes. Growth is the mean of the last
    seven days; `oldest` and `newest` are the times of what the rows tell of.
    """

    table_name: str
    rows: int
    is_estimate: bool
    bytes: int
    rows_per_day: float | None
    bytes_per_day: float | None
    oldest: datetime | None
    newest: datetime | None
    partitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A table, or a partition of it with its bounds."""

    table_name: str
    name: str
    is_partitioned: bool
    bytes: int
    estimate: int
    since: datetime | None
    until: datetime | None
    time_column: str | None


class Statistics(Repository):
    """Sizes, rows and growth of the tables."""

    _file = "stats"

    def tables(self) -> list[TableStats]:
        """Describe each table, by name."""
        parts = self._rows("tables", _Part, {})
        return [
            self._table(name, list(group))
            for name, group in groupby(parts, lambda part: part.table_name)
        ]

    def _table(self, name: str, parts: list[_Part]) -> TableStats:
        leaves = [part for part in parts if not part.is_partitioned or part.since is not None]
        counts = {part.name: self._count(part) for part in leaves}
        rows, total = sum(counts.values()), sum(part.bytes for part in parts)
        growth = self._growth(leaves, counts)
        return TableStats(
            table_name=name,
            rows=rows,
            is_estimate=any(part.bytes >= _COUNTED for part in leaves),
            bytes=total,
            rows_per_day=growth,
            bytes_per_day=None if growth is None else growth * total / max(rows, 1),
            oldest=self._first("min", leaves),
            newest=self._first("max", reversed(leaves)),
            partitions=len(leaves) if parts[0].is_partitioned else 0,
        )

    def _count(self, part: _Part) -> int:
        if part.bytes >= _COUNTED:
            return part.estimate
        return int(self._ask("SELECT count(*) FROM {table}", part))

    def _growth(self, leaves: list[_Part], counts: dict[str, int]) -> float | None:
        now = datetime.now(UTC)
        if not leaves or leaves[0].time_column is None:
            return None
        if leaves[0].since is None:
            recent = "SELECT count(*) FROM {table} WHERE {time} > now() - interval '7 days'"
            return int(self._ask(recent, leaves[0])) / 7
        days = [
            (part.since, min(part.until, now), counts[part.name])
            for part in leaves
            if part.since and part.until and part.until > now - _WEEK and part.since <= now
        ]
        if not days:
            return 0
        return sum(count for *_, count in days) / max((now - days[0][0]) / _DAY, 1)

    def _first(self, extreme: str, parts: Iterable[_Part]) -> datetime | None:
        """Look into one partition after the other until one is not empty."""
        for part in parts:
            if part.time_column is None:
                return None
            if found := self._ask("SELECT {extreme}({time}) FROM {table}", part, extreme):
                return found  # type: ignore[no-any-return]
        return None

    def _ask(self, query: Any, part: _Part, extreme: str = "min") -> Any:
        statement = sql.SQL(query).format(
            table=sql.Identifier(part.name),
            time=sql.Identifier(part.time_column or ""),
            extreme=sql.SQL("max") if extreme == "max" else sql.SQL("min"),
        )
        with self._db.connection() as connection:
            [(value,)] = connection.execute(statement).fetchall()
        return value
