"""A worker commits after the coordinator: what it has yet to commit is counted later."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
)
from mlops_ledger.admin.verify import verify
from mlops_ledger.connection.config import Settings
from mlops_ledger.errors import Unavailable

ONE = {"model_name": "m", "model_version": "1"}
WORKER = (
    "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards ORDER BY nodeid LIMIT 1"
)
# As Citus names what it prepares; none of its own has these numbers.
PREPARED = "citus_0_999999_999999_999999"


@pytest.fixture
def db(distributed: str) -> Iterator[Database]:
    with Database(distributed) as db:
        ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).insert(**ONE, prediction=1.0)
        yield db


@pytest.fixture
def in_doubt(db: Database, distributed: str) -> Iterator[psycopg.Connection]:
    """A session of a worker that has prepared something and not committed it."""
    with psycopg.connect(distributed) as connection:
        [(host, port)] = connection.execute(WORKER).fetchall()
    worker = make_conninfo(distributed, host=host, port=port)
    with psycopg.connect(worker, autocommit=True) as connection:
        connection.execute(f"BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION '{PREPARED}'")
        yield connection
        left = "SELECT gid FROM pg_prepared_xacts WHERE gid = %s"
        if connection.execute(left, [PREPARED]).fetchone():
            connection.execute(f"ROLLBACK PREPARED '{PREPARED}'")


def test_what_is_not_committed_everywhere_is_counted_later(
    db: Database, in_doubt: psycopg.Connection
) -> None:
    with db.connection() as connection:
        # A reader goes on with what was counted; whoever must have all is told.
        [(folded,)] = connection.execute("SELECT fold_summaries(id) FROM model_versions").fetchall()
    assert folded == 0
    summaries = SummariesRepository(db)
    with pytest.raises(Unavailable):
        summaries.fold()
    in_doubt.execute(f"COMMIT PREPARED '{PREPARED}'")
    assert summaries.fold() == 1


def test_every_row_is_counted_while_others_write(db: Database, distributed: str) -> None:
    def write(_: int) -> None:
        rows = [{"prediction": 1.0} for _ in range(4)]
        PredictionsRepository(db).insert_many(**ONE, rows=rows)

    with ThreadPoolExecutor(3) as threads:
        writing = [threads.submit(write, number) for number in range(150)]
        while not all(each.done() for each in writing):
            SummariesRepository(db).fold()
    SummariesRepository(db).fold()
    found = {check.check: check.found for check in verify(Settings(conninfo=distributed))}
    assert found["wrong_summaries"] == 0
