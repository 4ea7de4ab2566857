"""The registry and the history of production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mlops_ledger import AsyncDatabase, AsyncModelVersionRepository
from mlops_ledger.errors import NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_insert_without_a_version_takes_the_next_number(db: AsyncDatabase) -> None:
    models = AsyncModelVersionRepository(db)
    for expected in ("1", "2", "3"):
        made = await models.insert(model_name="m")
        version = await models.get(id=made)
        assert version is not None
        assert version.model_version == expected
    await models.insert(model_name="m", model_version="2026-01-rc")
    await models.insert(model_name="m", model_version="41")
    made = await models.insert(model_name="m")
    assert (await models.get(model_name="m", model_version="42")).id == made  # type: ignore[union-attr]


async def test_rollback_twice_goes_two_versions_back(db: AsyncDatabase) -> None:
    models = AsyncModelVersionRepository(db)
    for hour in range(3):
        await models.insert(model_name="m")
        await models.promote(
            model_name="m", model_version=str(hour + 1), at=NOON + timedelta(hours=hour)
        )
    assert (await models.rollback(model_name="m")).model_version == "2"
    assert (await models.rollback(model_name="m")).model_version == "1"
    with pytest.raises(NotFound, match="no earlier version"):
        await models.rollback(model_name="m")
