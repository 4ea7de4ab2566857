# Generated from tests/_async/test_models.py by tools/unasync.py: edit that file, then run `make sync`.
"""Models as such: described and tagged, also before their first version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import Database, ModelsRepository, ModelVersionRepository
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLIGHTS = {
    "model_name": "flights",
    "description": "How late a flight will be.",
    "tags": {"team": "ops", "tier": 1},
    "created_at": NOON,
    "created_by": "ann",
}


@pytest.fixture
def names(db: Database) -> ModelsRepository:
    """The models of the database."""
    return ModelsRepository(db)


def test_a_model_is_there_before_its_first_version(
    names: ModelsRepository, models: ModelVersionRepository
) -> None:
    made = names.insert(**FLIGHTS)
    assert {name: getattr(made, name) for name in FLIGHTS} == FLIGHTS
    assert names.get(model_name="flights") == made
    # What can be said about a known model can be said before its first version.
    models.set_promotion_policy(model_name="flights", requires_approval=True)
    models.insert(model_name="flights")
    found = names.get(model_name="flights")
    assert found is not None
    assert {name: getattr(found, name) for name in FLIGHTS} == FLIGHTS
    assert found.updated_at > made.updated_at


def test_a_version_makes_its_model(
    names: ModelsRepository, models: ModelVersionRepository
) -> None:
    models.insert(model_name="m", created_at=NOON, created_by="job")
    models.insert(model_name="m", created_at=NOON + timedelta(days=1), created_by="other")
    made = names.get(model_name="m")
    assert made is not None
    assert (made.created_at, made.created_by) == (NOON, "job")
    assert (made.description, made.tags) == (None, {})


def test_description_and_tags_change(names: ModelsRepository) -> None:
    names.insert(**FLIGHTS)
    assert (names.set_description(model_name="flights", description="x")).description == "x"
    assert (names.set_description(model_name="flights", description=None)).tags == FLIGHTS[
        "tags"
    ]
    assert names.set_tags(model_name="flights", tags={"team": None, "area": "eu"}) == {
        "tier": 1,
        "area": "eu",
    }


def test_a_version_has_a_description_too(models: ModelVersionRepository) -> None:
    models.insert(model_name="m", description="first")
    changed = models.set_description(
        model_name="m", model_version="1", description="the first one"
    )
    assert changed.description == "the first one"
    with pytest.raises(NotFound, match="m has no version 2"):
        models.set_description(model_name="m", model_version="2", description="x")


def test_models_are_listed_by_name_and_tag(names: ModelsRepository) -> None:
    for number in (3, 1, 2):
        names.insert(model_name=f"m{number}", tags={"odd": number % 2 == 1})
    first = names.list_models(limit=2)
    assert [model.model_name for model in first] == ["m1", "m2"]
    rest = names.list_models(limit=2, after="m2")
    assert [model.model_name for model in rest] == ["m3"]
    odd = names.list_models(tags={"odd": True})
    assert [model.model_name for model in odd] == ["m1", "m3"]


def test_refusals_name_the_field(names: ModelsRepository) -> None:
    names.insert(model_name="m")
    with pytest.raises(Conflict, match="model_name: this model is already registered"):
        names.insert(model_name="m", description="other")
    with pytest.raises(InvalidValue, match="model_name: must have 1 to 255"):
        names.insert(model_name=" m")
    with pytest.raises(InvalidValue, match="created_at: lies in the future"):
        names.insert(model_name="n", created_at=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(InvalidValue, match="tags"):
        names.insert(model_name="n", tags="a")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no model n"):
        names.set_description(model_name="n", description="x")
    with pytest.raises(NotFound, match="no model n"):
        names.set_tags(model_name="n", tags={})
