"""Workers of pytest-xdist are forked from one process, which has imported what takes longest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

import pytest

from tools import fork_server, forked

# Not polars, nor MLflow, which imports it: it starts a thread, which a fork would lack.
_IMPORTED = (
    "hypothesis",
    "numpy",
    "pandas",
    "psycopg_pool",
    "pyarrow.parquet",
    "pytest_asyncio",
    "scipy.stats",
    "sklearn.ensemble",
)
# What only tests that run on one server import.
_IMPORTED_ONCE = (
    "alembic.migration",
    "fastapi.testclient",
    "mcp.server",
    "opentelemetry.sdk.trace",
    "pglast",
    "playwright.sync_api",
    "sqlalchemy",
)


def run_python(arguments: Sequence[str]) -> None:
    """Do what `python -u -c SOURCE` does, as execnet starts a worker."""
    # The worker's tests fork from a process of their own, which has imported less.
    fork_server.address = ""
    exec(arguments[-1], {"__name__": "__main__"})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Have execnet fork each worker instead of starting Python, until the end of the session."""
    again = config.option.markexpr == "not once"
    wanted = _IMPORTED + (() if again else _IMPORTED_ONCE)
    installed = [name for name in wanted if find_spec(name.partition(".")[0])]
    stack = ExitStack()
    config.add_cleanup(stack.close)
    folder = stack.enter_context(forked.program("worker", run_python, installed))
    for spec in specs:
        spec.python = str(folder / "worker")
