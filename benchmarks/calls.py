"""python -m benchmarks.calls: what the ledger's layer costs above raw psycopg.

Both sides run the same statement with the same parameters against the same server, call by call
in turn, so that whatever else the machine does falls on both. Only ratios of medians count.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import Database, Settings, new_id
from mlops_ledger.cli.output import echo_table
from mlops_ledger.statements import load

from .cases import CASES, Case, register
from .proxy import CountingProxy
from .results import Result, echo_results
from .scratch import database

# psycopg prepares a statement at its sixth call.
WARM_UP = 100


def main(calls: int = 2000) -> list[Result]:
    """Print a table of all calls and return the cost ratio of the most expensive."""
    with database() as conninfo:
        measured = {case.name: measure(case, conninfo, calls) for case in CASES}
        trips = {case.name: round_trips(case, conninfo) for case in CASES}
    echo_table(
        ("call", "ledger µs", "raw µs", "ratio", "round trips"),
        [
            (name, round(mine * 1e6), round(raw * 1e6), f"{mine / raw:.2f}", trips[name])
            for name, (mine, raw) in measured.items()
        ],
    )
    ratio = max(mine / raw for mine, raw in measured.values())
    return [Result("calls: the most expensive / raw psycopg", ratio, "<= 2")]


def measure(case: Case, conninfo: str, calls: int) -> tuple[float, float]:
    """Return the medians of the ledger and of raw psycopg, in seconds."""
    mine, theirs = (f"{case.name}, {side}" for side in ("ledger", "raw"))
    times: tuple[list[float], list[float]] = ([], [])
    with Database(conninfo) as db, psycopg.connect(conninfo, autocommit=True) as connection:
        for model in (mine, theirs):
            register(db, model)
        sides = (_ledger(case, db, mine), _raw(case, connection, theirs))
        for number in range(WARM_UP + calls):
            # In turn first and second, so that neither profits from warmer caches.
            for side in (0, 1) if number % 2 else (1, 0):
                times[side].append(sides[side]())
    return median(times[0][WARM_UP:]), median(times[1][WARM_UP:])


def _ledger(case: Case, db: Database, model: str) -> Callable[[], float]:
    method, values = case.method(db), case.values(model)

    def call() -> float:
        given = next(values)
        began = perf_counter()
        method(given)
        return perf_counter() - began

    return call


def _raw(case: Case, connection: psycopg.Connection[Any], model: str) -> Callable[[], float]:
    statement, values = load(case.file)[case.statement], case.values(model)
    defaults = {**dict.fromkeys(statement.parameters), "slot": "production"}

    def call() -> float:
        parameters = statement.bind({**defaults, "id": new_id(), **next(values)})
        began = perf_counter()
        connection.execute(statement.text, parameters).fetchall()
        return perf_counter() - began

    return call


def round_trips(case: Case, conninfo: str) -> int:
    """Return how often a call waits for the server, once it is warm."""
    model = f"{case.name}, counted"
    with CountingProxy(int(str(conninfo_to_dict(conninfo)["port"]))) as proxy:
        settings = Settings(conninfo=make_conninfo(conninfo, port=proxy.port), pool_max_size=1)
        with Database(settings) as db:
            register(db, model)
            method, values = case.method(db), case.values(model)
            for _ in range(WARM_UP):
                method(next(values))
            before = proxy.round_trips
            method(next(values))
            return proxy.round_trips - before


if __name__ == "__main__":
    echo_results(main())
