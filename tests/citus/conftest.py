"""Databases of the cluster that MLOPS_TEST_CITUS_DSN names; without it these tests are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from mlops_ledger.migrations import Migrator
from tools.cluster import cluster_database, distributed_database

from .workers import Worker, wait_for_worker


@pytest.fixture
def coordinator() -> str:
    """A connection string to a database that knows the workers."""
    dsn = os.environ.get("MLOPS_TEST_CITUS_DSN")
    if not dsn:
        pytest.skip("MLOPS_TEST_CITUS_DSN names no coordinator of a Citus cluster")
    return dsn


@pytest.fixture
def cluster(coordinator: str) -> Iterator[str]:
    """A connection string to an empty database of the cluster."""
    with cluster_database(coordinator) as dsn:
        yield dsn


@pytest.fixture
def on_cluster(cluster: str) -> str:
    """A connection string to a ledger of the cluster that is not distributed."""
    Migrator(cluster).up()
    return cluster


@pytest.fixture
def distributed(coordinator: str) -> Iterator[str]:
    """A connection string to a distributed ledger."""
    with distributed_database(coordinator) as dsn:
        yield dsn


@pytest.fixture
def worker(coordinator: str) -> Iterator[Worker]:
    """A worker that may be killed."""
    query = "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards ORDER BY nodeid"
    with psycopg.connect(coordinator) as connection:
        host, port = connection.execute(query).fetchall()[-1]
    if host not in ("localhost", "127.0.0.1"):
        pytest.skip(f"the worker {host} is not of this machine")
    try:
        found = Worker(port)
    except LookupError:
        pytest.skip(f"the worker on port {port} cannot be killed from here")
    yield found
    wait_for_worker(coordinator)
