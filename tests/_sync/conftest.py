# Generated from tests/_async/conftest.py by tools/unasync.py: edit that file, then run `make sync`.
"""The database and its repositories, in the world of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A database of its own for each test."""
    with Database(dsn) as database:
        yield database


@pytest.fixture
def models(db: Database) -> ModelVersionRepository:
    """The registry of that database."""
    return ModelVersionRepository(db)


@pytest.fixture
def monitoring(db: Database) -> MonitoringMetricsRepository:
    """Its monitoring runs."""
    return MonitoringMetricsRepository(db)


@pytest.fixture
def decisions(db: Database) -> RetrainingDecisionsRepository:
    """Its gate decisions."""
    return RetrainingDecisionsRepository(db)


@pytest.fixture
def predictions(db: Database) -> PredictionsRepository:
    """Its predictions."""
    return PredictionsRepository(db)


@pytest.fixture
def truth(db: Database) -> GroundTruthRepository:
    """Its labels."""
    return GroundTruthRepository(db)


@pytest.fixture
def alerts(db: Database) -> AlertsRepository:
    """Its alerts."""
    return AlertsRepository(db)


@pytest.fixture
def monitors(db: Database) -> MonitorsRepository:
    """Its monitors."""
    return MonitorsRepository(db)


def actions(db: Database) -> AgentActionsRepository:
    """Its actions."""
    return AgentActionsRepository(db)
