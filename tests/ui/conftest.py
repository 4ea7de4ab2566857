"""A ledger with its roles, the connections of the pages, and what waits for somebody."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from fix_roles import KINDS
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    ModelVersionRepository,
    Settings,
)
from mlops_ledger.admin.roles import Roles
from tools.scratch import scratch_database


@pytest.fixture(scope="module")
def prefix(server_dsn: str) -> Iterator[str]:
    """What the names of the roles begin with, which are gone afterwards."""
    found = f"t{uuid4().hex[:12]}_"
    yield found
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        for kind in KINDS:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(found + kind)))


@pytest.fixture(scope="module")
def owner(server_dsn: str, template: str, prefix: str) -> Iterator[Database]:
    """A ledger with its roles."""
    with scratch_database(server_dsn, template) as dsn, Database(Settings(conninfo=dsn)) as db:
        Roles(db).create(prefix=prefix)
        for kind in ("reader", "approver"):
            role = sql.Identifier(prefix + kind)
            with db.connection() as connection:
                connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'secret'").format(role))
        ModelVersionRepository(db).insert(model_name="m")
        yield db


@pytest.fixture(scope="module")
def connected(owner: Database, prefix: str) -> Iterator[tuple[Database, Database]]:
    """The connections of a reader, whose sessions cannot write, and of an approver."""

    def conninfo(kind: str) -> str:
        return make_conninfo(owner.settings.conninfo, user=prefix + kind, password="secret")

    with (
        Database(Settings(conninfo=conninfo("reader"), read_only=True)) as reader,
        Database(Settings(conninfo=conninfo("approver"))) as approver,
    ):
        yield reader, approver


@pytest.fixture
def action(owner: Database) -> UUID:
    """An action that waits for a review."""
    return AgentActionsRepository(owner).insert(
        action_type="promote", risk_level="high", requested_by="agent", model_name="m"
    )


@pytest.fixture
def alert(owner: Database) -> UUID:
    """An alert that nobody has taken on."""
    raised = AlertsRepository(owner).raise_alert(
        alert_type="test", title="t", severity="critical", dedup_key=uuid4().hex
    )
    return raised.id
