"""A registered model, a spool folder, and what the database holds of its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from fix_db import DISTRIBUTED
from fix_faults import own_server

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.embedded import EmbeddedServer

NAMES = ["hour", "distance", "delay"]
# Rows of several shards have no physical order.
ORDER: LiteralString = "predicted_at, id" if DISTRIBUTED else "tableoid, ctid"


@pytest.fixture
def home(tmp_path: Path, dsn: str) -> Settings:
    """Settings of a database in which version 1 of m takes three features; its own spool."""
    settings = Settings(conninfo=dsn, home=tmp_path)
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="m", feature_names=NAMES)
        ModelVersionRepository(db).insert(model_name="free")
    return settings


@pytest.fixture
def stored(conn: psycopg.Connection[Any]) -> Callable[[], list[str]]:
    """The request ids in the database, in the order in which they were stored.

    On a distributed ledger it is the order in which they were predicted.
    """

    def read() -> list[str]:
        query: LiteralString = "SELECT request_id FROM predictions ORDER BY "
        return [row[0] for row in conn.execute(query + ORDER).fetchall()]

    return read


@pytest.fixture(scope="module")
def victim() -> Iterator[EmbeddedServer]:
    """A server that may be killed."""
    with own_server() as server:
        yield server
