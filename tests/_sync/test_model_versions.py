# Generated from tests/_async/test_model_versions.py by tools/unasync.py: edit that file, then run `make sync`.
"""The registry and the history of production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mlops_ledger import Database, ModelVersionRepository
from mlops_ledger.errors import NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_insert_without_a_version_takes_the_next_number(db: Database) -> None:
    models = ModelVersionRepository(db)
    for expected in ("1", "2", "3"):
        made = models.insert(model_name="m")
        version = models.get(id=made)
        assert version is not None
        assert version.model_version == expected
    models.insert(model_name="m", model_version="2026-01-rc")
    models.insert(model_name="m", model_version="41")
    made = models.insert(model_name="m")
    assert (models.get(model_name="m", model_version="42")).id == made  # type: ignore[union-attr]


def test_rollback_twice_goes_two_versions_back(db: Database) -> None:
    models = ModelVersionRepository(db)
    for hour in range(3):
        models.insert(model_name="m")
        models.promote(
            model_name="m", model_version=str(hour + 1), at=NOON + timedelta(hours=hour)
        )
    assert (models.rollback(model_name="m")).model_version == "2"
    assert (models.rollback(model_name="m")).model_version == "1"
    with pytest.raises(NotFound, match="no earlier version"):
        models.rollback(model_name="m")
