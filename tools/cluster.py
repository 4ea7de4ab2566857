"""Databases of a Citus cluster for a short while, on the coordinator and on every worker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import repeat

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import Settings
from mlops_ledger.admin.distribute import distribute
from mlops_ledger.migrations import Migrator

_WORKERS = """
SELECT nodename, nodeport FROM pg_dist_node
WHERE noderole = 'primary' AND isactive AND shouldhaveshards ORDER BY nodeid
"""


@contextmanager
def cluster_database(
    coordinator: str,
    template: str | None = None,
    *,
    extension: bool = True,
    keep: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Create a database on every node for the length of a `with` block, or longer.

    `coordinator` is a database that knows the workers, `template` one that this made. Without the
    extension the databases know nothing of each other.
    """
    with psycopg.connect(coordinator) as connection:
        workers = connection.execute(_WORKERS).fetchall()
        parts = conninfo_to_dict(coordinator)
        host, port = parts.get("host", "localhost"), int(parts.get("port") or 5432)
    nodes = [coordinator, *(make_conninfo(coordinator, host=h, port=p) for h, p in workers)]
    name = f"scratch_{uuid.uuid4().hex}"
    conninfo = make_conninfo(coordinator, dbname=name)
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(len(nodes)))
        stack.callback(lambda: keep() or [*threads.map(_drop, nodes, repeat(name))])
        list(threads.map(_create, nodes, repeat(name), repeat(template)))
        if extension and template is None:
            for node in nodes:
                _run(make_conninfo(node, dbname=name), "CREATE EXTENSION citus")
            _run(conninfo, "SELECT citus_set_coordinator_host(%s, %s)", host, port)
            for worker in workers:
                _run(conninfo, "SELECT citus_add_node(%s, %s)", *worker)
        yield conninfo


@contextmanager
def distributed_database(coordinator: str) -> Iterator[str]:
    """Create a database with a distributed ledger for the length of a `with` block."""
    with cluster_database(coordinator) as conninfo:
        Migrator(conninfo).up()
        # Two shards for each of two workers, since every partition makes a table of each; and
        # partitions of a day, as on one server: what tests say of them holds on both.
        few = make_conninfo(conninfo, options="-c citus.shard_count=4")
        distribute(Settings(conninfo=few), partition_by="day")
        yield conninfo


def _create(node: str, name: str, template: str | None) -> None:
    target = sql.Identifier(name)
    with psycopg.connect(node, autocommit=True) as connection:
        connection.execute("SET citus.enable_create_database_propagation = off")
        if template is None:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(target))
            return
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            target, sql.Identifier(template)
        )
        # Citus' daemon sits in every database, and nobody may be in a template.
        _end_sessions(connection, template)
        _patiently(connection, copy, template)


def _drop(node: str, name: str) -> None:
    with psycopg.connect(node, autocommit=True) as connection:
        connection.execute("SET citus.enable_create_database_propagation = off")
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        _patiently(connection, drop, name)


def _patiently(connection: psycopg.Connection, statement: sql.Composed, name: str) -> None:
    """Run what needs a database for itself, however often somebody comes back into it."""
    for attempt in range(50):
        try:
            connection.execute(statement)
            return
        except psycopg.errors.ObjectInUse:
            if attempt == 49:
                raise
            _end_sessions(connection, name)


def _end_sessions(connection: psycopg.Connection, name: str) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = %s", [name]
    )


def _run(conninfo: str, query: str, *values: object) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(query.encode(), values or None)
