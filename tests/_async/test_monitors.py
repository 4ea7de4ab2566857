"""The rules that raise alerts: what they may say, and their defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fix_monitors import DAY, NOON, RULE

from mlops_ledger import AsyncModelVersionRepository, AsyncMonitorsRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

EVERYTHING = {
    **RULE,
    "consecutive": 3,
    "no_data": "critical",
    "hysteresis": 0.05,
    "slice": "",
    "host": None,
    "attributes": {},
    "created_by": "ann",
}
SYSTEM = {**RULE, "source": "system", "metric_name": "cpu_percent", "host": "web-1"}

REFUSED = [
    ("warning_threshold", float("nan")),
    ("warning_threshold", "0.3"),
    ("critical_threshold", float("inf")),
    ("critical_threshold", 2e150),
    ("critical_threshold", 0.3),
    ("critical_threshold", 0.2),
    ("metric_name", "no_such_metric"),
    ("metric_name", "model_name"),
    ("metric_name", "metadata"),
    ("name", ""),
    ("source", "logs"),
    ("operator", "=="),
    ("window", timedelta(0)),
    ("window", timedelta(days=3661)),
    ("consecutive", 0),
    ("consecutive", 101),
    ("no_data", "panic"),
    ("hysteresis", -0.1),
    ("hysteresis", float("nan")),
    ("model_name", None),
    ("slice", "carrier=AA"),
    ("host", "web-1"),
    ("attributes", {"gpu": 0}),
]


@pytest.fixture(autouse=True)
async def live(models: AsyncModelVersionRepository) -> None:
    """Version 1 of model m, in production since a week before noon."""
    await models.insert(model_name="m", metrics={"roc_auc": 0.8, "brier_score": 0.1})
    await models.promote(model_name="m", model_version="1", at=NOON - 7 * DAY)


async def test_a_monitor_keeps_what_it_was_added_with(monitors: AsyncMonitorsRepository) -> None:
    made = await monitors.insert(**EVERYTHING)
    found = await monitors.get(id=made)
    assert found is not None
    assert {name: getattr(found, name) for name in EVERYTHING} == EVERYTHING
    assert (found.enabled, found.removed_at, found.state) == (True, None, None)
    assert await monitors.list_monitors() == [found]


async def test_a_retried_insert_adds_one(monitors: AsyncMonitorsRepository) -> None:
    one = new_id()
    for _ in range(2):
        assert await monitors.insert(**EVERYTHING, id=one) == one
    with pytest.raises(Conflict, match="id: already names another monitor"):
        await monitors.insert(**{**EVERYTHING, "consecutive": 2}, id=one)
    with pytest.raises(Conflict, match="name: the model already has a monitor of that name"):
        await monitors.insert(**EVERYTHING)


async def test_a_bad_value_is_refused(monitors: AsyncMonitorsRepository) -> None:
    for name, value in REFUSED:
        with pytest.raises(InvalidValue, match=f"^{name}: "):
            await monitors.insert(**{**RULE, name: value})
    assert await monitors.list_monitors() == []


@pytest.mark.parametrize("operator", [">", "<"])
async def test_critical_lies_beyond_warning(
    monitors: AsyncMonitorsRepository, operator: str
) -> None:
    low, high = {"warning_threshold": 1, "critical_threshold": 2}, {"operator": operator}
    high |= {"warning_threshold": 2, "critical_threshold": 1}
    right, wrong = (low, high) if operator == ">" else (high, low)
    await monitors.insert(**{**RULE, **right, "operator": operator})
    with pytest.raises(InvalidValue, match="further in the direction of the operator"):
        await monitors.insert(**{**RULE, **wrong, "operator": operator, "name": "other"})
    with pytest.raises(InvalidValue, match="critical_threshold: or warning_threshold is needed"):
        await monitors.insert(**{**RULE, "warning_threshold": None, "critical_threshold": None})


async def test_system_monitors_need_a_host_and_others_a_model(
    monitors: AsyncMonitorsRepository,
) -> None:
    await monitors.insert(**{**SYSTEM, "model_name": None, "attributes": {"gpu": 0}})
    await monitors.insert(**SYSTEM)
    with pytest.raises(InvalidValue, match="host: is needed"):
        await monitors.insert(**{**SYSTEM, "host": None})
    with pytest.raises(NotFound, match="no model of that name"):
        await monitors.insert(**{**RULE, "model_name": "unknown"})
    with pytest.raises(Conflict, match="name: the model already has"):
        await monitors.insert(**{**SYSTEM, "model_name": None})


async def test_what_is_unknown_is_not_found(monitors: AsyncMonitorsRepository) -> None:
    unknown = new_id()
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        await monitors.remove(id=unknown)
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        await monitors.set_enabled(id=unknown, enabled=False)
    assert await monitors.get(id=unknown) is None
    for call in (monitors.run, monitors.add_defaults):
        with pytest.raises(NotFound, match="no model of that name"):
            await call(model_name="unknown")
    with pytest.raises(InvalidValue, match="at: lies in the future"):
        await monitors.run(at=datetime(2100, 1, 1, tzinfo=UTC))


async def test_only_the_monitors_of_a_model_are_run(
    models: AsyncModelVersionRepository, monitors: AsyncMonitorsRepository
) -> None:
    await models.insert(model_name="n")
    for model in ("m", "n"):
        await monitors.insert(**{**RULE, "model_name": model})
    await monitors.insert(**{**SYSTEM, "model_name": None})
    assert [one.model_name for one in await monitors.run(model_name="n")] == ["n"]
    assert len(await monitors.run()) == 3
    listed = await monitors.list_monitors(limit=2)
    assert [one.model_name for one in listed] == [None, "n"]
    following = await monitors.list_monitors(before=listed[-1].id)
    assert [one.model_name for one in following] == ["m"]
    assert len(await monitors.list_monitors(model_name="m")) == 1


async def test_the_defaults_are_held_against_the_version_in_production(
    models: AsyncModelVersionRepository, monitors: AsyncMonitorsRepository
) -> None:
    await models.insert(model_name="m", metrics={"roc_auc": 0.99, "rmse": 5})
    added = await monitors.add_defaults(model_name="m", window=2 * DAY, created_by="ann")
    rules = {
        one.name: (one.source, one.operator, one.warning_threshold, one.critical_threshold)
        for one in added
    }
    assert rules == {
        "feature_drift_ratio": ("monitoring", ">=", 0.3, 0.5),
        "num_predictions": ("monitoring", "<=", None, 0),
        "coverage_pct": ("monitoring", "<", 50, None),
        "roc_auc": ("performance", "<", pytest.approx(0.76), pytest.approx(0.72)),
        "brier_score": ("performance", ">", pytest.approx(0.11), pytest.approx(0.125)),
    }
    assert {one.window for one in added} == {2 * DAY}
    assert {one.created_by for one in added} == {"ann"}
    listed = await monitors.list_monitors(model_name="m")
    assert await monitors.add_defaults(model_name="m") == []
    assert await monitors.list_monitors(model_name="m") == listed
    states = {one.name: one.state for one in await monitors.run(model_name="m")}
    assert set(states.values()) == {"no_data"}
