"""The database and its repositories, in the world of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncAlertsRepository,
    AsyncDatabase,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[AsyncDatabase]:
    """A database of its own for each test."""
    async with AsyncDatabase(dsn) as database:
        yield database


@pytest.fixture
def models(db: AsyncDatabase) -> AsyncModelVersionRepository:
    """The registry of that database."""
    return AsyncModelVersionRepository(db)


@pytest.fixture
def monitoring(db: AsyncDatabase) -> AsyncMonitoringMetricsRepository:
    """Its monitoring runs."""
    return AsyncMonitoringMetricsRepository(db)


@pytest.fixture
def decisions(db: AsyncDatabase) -> AsyncRetrainingDecisionsRepository:
    """Its gate decisions."""
    return AsyncRetrainingDecisionsRepository(db)


@pytest.fixture
def predictions(db: AsyncDatabase) -> AsyncPredictionsRepository:
    """Its predictions."""
    return AsyncPredictionsRepository(db)


@pytest.fixture
def truth(db: AsyncDatabase) -> AsyncGroundTruthRepository:
    """Its labels."""
    return AsyncGroundTruthRepository(db)


@pytest.fixture
def alerts(db: AsyncDatabase) -> AsyncAlertsRepository:
    """Its alerts."""
    return AsyncAlertsRepository(db)


@pytest.fixture
def monitors(db: AsyncDatabase) -> AsyncMonitorsRepository:
    """Its monitors."""
    return AsyncMonitorsRepository(db)


def actions(db: AsyncDatabase) -> AsyncAgentActionsRepository:
    """Its actions."""
    return AsyncAgentActionsRepository(db)
