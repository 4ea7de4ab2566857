# Generated from tests/_async/test_monitors.py by tools/unasync.py: edit that file, then run `make sync`.
"""The rules that raise alerts: what they may say, and their defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fix_monitors import DAY, NOON, RULE

from mlops_ledger import ModelVersionRepository, MonitorsRepository, new_id
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
def live(models: ModelVersionRepository) -> None:
    """Version 1 of model m, in production since a week before noon."""
    models.insert(model_name="m", metrics={"roc_auc": 0.8, "brier_score": 0.1})
    models.promote(model_name="m", model_version="1", at=NOON - 7 * DAY)


def test_a_monitor_keeps_what_it_was_added_with(monitors: MonitorsRepository) -> None:
    made = monitors.insert(**EVERYTHING)
    found = monitors.get(id=made)
    assert found is not None
    assert {name: getattr(found, name) for name in EVERYTHING} == EVERYTHING
    assert (found.enabled, found.removed_at, found.state) == (True, None, None)
    assert monitors.list_monitors() == [found]


def test_a_retried_insert_adds_one(monitors: MonitorsRepository) -> None:
    one = new_id()
    for _ in range(2):
        assert monitors.insert(**EVERYTHING, id=one) == one
    with pytest.raises(Conflict, match="id: already names another monitor"):
        monitors.insert(**{**EVERYTHING, "consecutive": 2}, id=one)
    with pytest.raises(Conflict, match="name: the model already has a monitor of that name"):
        monitors.insert(**EVERYTHING)


def test_a_bad_value_is_refused(monitors: MonitorsRepository) -> None:
    for name, value in REFUSED:
        with pytest.raises(InvalidValue, match=f"^{name}: "):
            monitors.insert(**{**RULE, name: value})
    assert monitors.list_monitors() == []


@pytest.mark.parametrize("operator", [">", "<"])
def test_critical_lies_beyond_warning(
    monitors: MonitorsRepository, operator: str
) -> None:
    low, high = {"warning_threshold": 1, "critical_threshold": 2}, {"operator": operator}
    high |= {"warning_threshold": 2, "critical_threshold": 1}
    right, wrong = (low, high) if operator == ">" else (high, low)
    monitors.insert(**{**RULE, **right, "operator": operator})
    with pytest.raises(InvalidValue, match="further in the direction of the operator"):
        monitors.insert(**{**RULE, **wrong, "operator": operator, "name": "other"})
    with pytest.raises(InvalidValue, match="critical_threshold: or warning_threshold is needed"):
        monitors.insert(**{**RULE, "warning_threshold": None, "critical_threshold": None})


def test_system_monitors_need_a_host_and_others_a_model(
    monitors: MonitorsRepository,
) -> None:
    monitors.insert(**{**SYSTEM, "model_name": None, "attributes": {"gpu": 0}})
    monitors.insert(**SYSTEM)
    with pytest.raises(InvalidValue, match="host: is needed"):
        monitors.insert(**{**SYSTEM, "host": None})
    with pytest.raises(NotFound, match="no model of that name"):
        monitors.insert(**{**RULE, "model_name": "unknown"})
    with pytest.raises(Conflict, match="name: the model already has"):
        monitors.insert(**{**SYSTEM, "model_name": None})


def test_what_is_unknown_is_not_found(monitors: MonitorsRepository) -> None:
    unknown = new_id()
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        monitors.remove(id=unknown)
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        monitors.set_enabled(id=unknown, enabled=False)
    assert monitors.get(id=unknown) is None
    for call in (monitors.run, monitors.add_defaults):
        with pytest.raises(NotFound, match="no model of that name"):
            call(model_name="unknown")
    with pytest.raises(InvalidValue, match="at: lies in the future"):
        monitors.run(at=datetime(2100, 1, 1, tzinfo=UTC))


def test_only_the_monitors_of_a_model_are_run(
    models: ModelVersionRepository, monitors: MonitorsRepository
) -> None:
    models.insert(model_name="n")
    for model in ("m", "n"):
        monitors.insert(**{**RULE, "model_name": model})
    monitors.insert(**{**SYSTEM, "model_name": None})
    assert [one.model_name for one in monitors.run(model_name="n")] == ["n"]
    assert len(monitors.run()) == 3
    listed = monitors.list_monitors(limit=2)
    assert [one.model_name for one in listed] == [None, "n"]
    following = monitors.list_monitors(before=listed[-1].id)
    assert [one.model_name for one in following] == ["m"]
    assert len(monitors.list_monitors(model_name="m")) == 1


def test_the_defaults_are_held_against_the_version_in_production(
    models: ModelVersionRepository, monitors: MonitorsRepository
) -> None:
    models.insert(model_name="m", metrics={"roc_auc": 0.99, "rmse": 5})
    added = monitors.add_defaults(model_name="m", window=2 * DAY, created_by="ann")
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
    listed = monitors.list_monitors(model_name="m")
    assert monitors.add_defaults(model_name="m") == []
    assert monitors.list_monitors(model_name="m") == listed
    states = {one.name: one.state for one in monitors.run(model_name="m")}
    assert set(states.values()) == {"no_data"}
