"""A real PostgreSQL for the tests, and databases made from a migrated template.

`MLOPS_TEST_DSN` names a server to use; otherwise one is started with the embedded binaries, or
those of MLOPS_PG_BIN. With `MLOPS_TEST_CITUS_DSN`, a database of the coordinator of a cluster, and
MLOPS_TEST_DISTRIBUTED=1 the ledgers of the tests are distributed ones.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fix_servers import make_quick, open_folder, pack

from mlops_ledger import Database, Settings
from mlops_ledger.connection.bounded import BoundedConnection
from mlops_ledger.embedded import EmbeddedServer
from tools.cluster import cluster_database, distributed_database
from tools.scratch import migrated_database, scratch_database

# A developer's own settings must not reach the tests, nor the tests his database.
for _name in [name for name in os.environ if name.startswith(("MLOPS_POOL", "POSTGRES_", "PG"))]:
    del os.environ[_name]
for _name in ("DATABASE_URL", "MLOPS_READ_URL"):
    os.environ.pop(_name, None)
# Threads of OpenMP and BLAS spin while they wait for each other: where other processes have the
# cores, a training takes up to twenty times its CPU.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# A shell starts background jobs with SIGINT ignored, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Whether every test gets a distributed ledger; else only those of tests/citus do.
COORDINATOR = os.environ.get("MLOPS_TEST_CITUS_DSN", "")
DISTRIBUTED = bool(COORDINATOR and os.environ.get("MLOPS_TEST_DISTRIBUTED"))
new_database = cluster_database if DISTRIBUTED else scratch_database

# The home of the session's own server, and whether a database of it is kept.
HOME = pytest.StashKey[Path]()
KEPT = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a developer look at what a failed test left behind."""
    parser.addoption(
        "--keep-db", action="store_true", help="keep the databases of failed tests, and the server"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what does not hold of a distributed ledger, with the reason that its mark gives."""
    for item in items:
        if DISTRIBUTED and (mark := item.get_closest_marker("not_distributed")):
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Iterator[None]:
    """Say in the report of a failed test how to reach the database that is kept."""
    report = yield
    names = ("dsn", "empty_database")
    dsn = next((item.funcargs[name] for name in names if name in item.funcargs), None)
    if report.failed and dsn and item.config.getoption("keep_db"):
        item.stash[KEPT] = item.config.stash[KEPT] = True
        lines = [f"psql '{dsn}'"]
        if home := item.config.stash.get(HOME, None):
            lines.append(f"MLOPS_LEDGER_HOME={home} mlops-ledger db stop; rm -r {home}")
        report.sections.append(("database kept", "\n".join(lines)))
    return report


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[EmbeddedServer | None]:
    """The server started for this session; None with MLOPS_TEST_DSN."""
    if DISTRIBUTED or "MLOPS_TEST_DSN" in os.environ:
        yield None
        return
    with open_folder(keep=lambda: pytestconfig.stash.get(KEPT, False)) as home:
        pytestconfig.stash[HOME] = home
        running = EmbeddedServer(home)
        running.start()
        make_quick(running)
        yield running


@pytest.fixture(scope="session")
def server_dsn(server: EmbeddedServer | None) -> str:
    """A connection string to the server's maintenance database."""
    if server:
        return server.conninfo("postgres")
    return COORDINATOR if DISTRIBUTED else os.environ["MLOPS_TEST_DSN"]


@pytest.fixture(scope="session")
def template(server: EmbeddedServer | None, server_dsn: str) -> Iterator[str]:
    """The name of a migrated database that tests are copied from."""
    make = distributed_database if DISTRIBUTED else migrated_database
    with make(server_dsn) as dsn:
        if server:
            pack(dsn)
        yield psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[], bool]:
    """Tells whether this test's databases stay: it failed, and --keep-db was given."""
    return lambda: request.node.stash.get(KEPT, False)


@pytest.fixture
def empty_database(server_dsn: str, keep: Callable[[], bool]) -> Iterator[str]:
    """A connection string to a new, empty database."""
    with new_database(server_dsn, keep=keep) as dsn:
        yield dsn


@pytest.fixture
def dsn(server_dsn: str, template: str, keep: Callable[[], bool]) -> Iterator[str]:
    """A connection string to a new, migrated database."""
    with new_database(server_dsn, template, keep=keep) as dsn:
        yield dsn


@pytest.fixture
def settings(dsn: str) -> Settings:
    """Settings of that database."""
    return Settings(conninfo=dsn)


@pytest.fixture
def conn(dsn: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to that database, as psql would have; a Transaction takes it too."""
    with BoundedConnection.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """That database, open."""
    with Database(dsn) as database:
        yield database
