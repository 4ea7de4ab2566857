"""Collects the metrics of the ledger and of this host's spool, and serves them over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg.rows import dict_row

from ..._sync.repository import Repository
from ...connection.config import Settings
from ...database import Database
from .metrics import PREFIX, QUERIES, Highest, families
from .source import Answer, Source
from .spool import read_spool

# What a scrape waits for at most: a database that is away is said to be within a second.
_PATIENCE: Final = 0.8
# Answers that are older than this many seconds are no longer given.
_OLDEST: Final = 600.0
_CONNECTIONS: Final = 3


class _Statements(Repository):
    """The statements of the exporter, as rows by column."""

    _file = "exporter"

    def rows(self, name: str, limit: int) -> list[dict[str, Any]]:
        return self._fetch(name, dict_row, {"limit": limit})


class Exporter(Collector):
    """The metrics of a ledger.

    A scrape runs every query again, but waits 0.8 seconds at most: what is late
    or fails leaves its last answer, whose age is a metric, for at most ten minutes. `timeout` is
    the time in seconds that a query may take, `limit` the number of rows of one that become
    series.
    """

    def __init__(self, settings: Settings, *, timeout: float = 5.0, limit: int = 1000) -> None:
        given = replace(settings, statement_timeout=timeout, pool_min_size=0)
        # The probe has a connection of its own: slow queries do not say that the ledger is down.
        self._databases = [
            Database(replace(given, pool_max_size=number)) for number in (1, _CONNECTIONS)
        ]
        probe, self._statements = map(_Statements, self._databases)
        self._limit = limit
        self._highest = Highest()
        self._probe = Source("probe", lambda: (families((), probe.rows("probe", limit)), 0))
        self._sources = [Source(name, partial(self._read, name)) for name in QUERIES]
        self._sources.append(Source("spool", lambda: (read_spool(settings.spool), 0)))

    def serve(self, address: str, port: int) -> int:
        """Serve the metrics on threads of the background; return the port, chosen if 0 was given.

        Raises OSError when it cannot listen there.
        """
        registry = CollectorRegistry()
        registry.register(self)
        server, _ = start_http_server(port, address, registry)
        return int(server.server_port)

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance, so that registering does not read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read everything and yield the metrics."""
        until = monotonic() + _PATIENCE
        self._probe.begin()
        for source in self._sources:
            source.begin()
        up = self._probe.wait(until) and self._probe.succeeded
        yield _gauge("up", "Whether the ledger's database answers.", up)
        done = {source.name: source.wait(until) and source.succeeded for source in self._sources}
        answers = {source.name: answer for source in self._sources if (answer := _fresh(source))}
        for answer in answers.values():
            yield from answer.metrics
        yield _by_query("query_success", "Whether a query answered this time.", done)
        for name, text, column in (
            ("query_age_seconds", "Age of the answer of a query.", "age"),
            ("query_duration_seconds", "How long it took.", "seconds"),
            ("query_series_left_out", "Rows beyond the limit, which it leaves out.", "left_out"),
        ):
            yield _by_query(
                name, text, {query: getattr(each, column) for query, each in answers.items()}
            )

    def _read(self, name: str) -> tuple[Iterable[Metric], int]:
        if name == "audit_entries" and not self._may_read_audit_log():
            return (), 0
        rows = self._statements.rows(name, self._limit)
        total = rows[0].get("total", len(rows)) if rows else 0
        return self._highest.keep(families(QUERIES[name], rows)), total - len(rows)

    def _may_read_audit_log(self) -> bool:
        [row] = self._statements.rows("may_read_audit_log", self._limit)
        return bool(row["allowed"])


def _fresh(source: Source) -> Answer | None:
    answer = source.answer
    return answer if answer is not None and answer.age < _OLDEST else None


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _by_query(name: str, text: str, values: dict[str, Any]) -> Metric:
    found = GaugeMetricFamily(PREFIX + name, text, labels=("query",))
    for query, value in values.items():
        found.add_metric((query,), value)
    return found
