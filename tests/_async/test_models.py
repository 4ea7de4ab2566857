"""Models as such: described and tagged, also before their first version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import AsyncDatabase, AsyncModelsRepository, AsyncModelVersionRepository
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
def names(db: AsyncDatabase) -> AsyncModelsRepository:
    """The models of the database."""
    return AsyncModelsRepository(db)


async def test_a_model_is_there_before_its_first_version(
    names: AsyncModelsRepository, models: AsyncModelVersionRepository
) -> None:
    made = await names.insert(**FLIGHTS)
    assert {name: getattr(made, name) for name in FLIGHTS} == FLIGHTS
    assert await names.get(model_name="flights") == made
    # What can be said about a known model can be said before its first version.
    await models.set_promotion_policy(model_name="flights", requires_approval=True)
    await models.insert(model_name="flights")
    found = await names.get(model_name="flights")
    assert found is not None
    assert {name: getattr(found, name) for name in FLIGHTS} == FLIGHTS
    assert found.updated_at > made.updated_at


async def test_a_version_makes_its_model(
    names: AsyncModelsRepository, models: AsyncModelVersionRepository
) -> None:
    await models.insert(model_name="m", created_at=NOON, created_by="job")
    await models.insert(model_name="m", created_at=NOON + timedelta(days=1), created_by="other")
    made = await names.get(model_name="m")
    assert made is not None
    assert (made.created_at, made.created_by) == (NOON, "job")
    assert (made.description, made.tags) == (None, {})


async def test_description_and_tags_change(names: AsyncModelsRepository) -> None:
    await names.insert(**FLIGHTS)
    assert (await names.set_description(model_name="flights", description="x")).description == "x"
    assert (await names.set_description(model_name="flights", description=None)).tags == FLIGHTS[
        "tags"
    ]
    assert await names.set_tags(model_name="flights", tags={"team": None, "area": "eu"}) == {
        "tier": 1,
        "area": "eu",
    }


async def test_a_version_has_a_description_too(models: AsyncModelVersionRepository) -> None:
    await models.insert(model_name="m", description="first")
    changed = await models.set_description(
        model_name="m", model_version="1", description="the first one"
    )
    assert changed.description == "the first one"
    with pytest.raises(NotFound, match="m has no version 2"):
        await models.set_description(model_name="m", model_version="2", description="x")


async def test_models_are_listed_by_name_and_tag(names: AsyncModelsRepository) -> None:
    for number in (3, 1, 2):
        await names.insert(model_name=f"m{number}", tags={"odd": number % 2 == 1})
    first = await names.list_models(limit=2)
    assert [model.model_name for model in first] == ["m1", "m2"]
    rest = await names.list_models(limit=2, after="m2")
    assert [model.model_name for model in rest] == ["m3"]
    odd = await names.list_models(tags={"odd": True})
    assert [model.model_name for model in odd] == ["m1", "m3"]


async def test_refusals_name_the_field(names: AsyncModelsRepository) -> None:
    await names.insert(model_name="m")
    with pytest.raises(Conflict, match="model_name: this model is already registered"):
        await names.insert(model_name="m", description="other")
    with pytest.raises(InvalidValue, match="model_name: must have 1 to 255"):
        await names.insert(model_name=" m")
    with pytest.raises(InvalidValue, match="created_at: lies in the future"):
        await names.insert(model_name="n", created_at=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(InvalidValue, match="tags"):
        await names.insert(model_name="n", tags="a")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no model n"):
        await names.set_description(model_name="n", description="x")
    with pytest.raises(NotFound, match="no model n"):
        await names.set_tags(model_name="n", tags={})
