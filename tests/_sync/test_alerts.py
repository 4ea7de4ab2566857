# Generated from tests/_async/test_alerts.py by tools/unasync.py: edit that file, then run `make sync`.
"""Alerts: raised, repeated, acknowledged, resolved, snoozed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mlops_ledger import AlertsRepository, ModelVersionRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRIFT = {"alert_type": "drift", "title": "drift in 3 of 9 features", "model_name": "m"}
EVERYTHING = {
    **DRIFT,
    "severity": "critical",
    "message": "hour, carrier and origin",
    "related_data": {"feature_drift_ratio": 0.33, "run": None},
    "dedup_key": "drift of m",
}

REFUSED = [
    ("severity", "fatal"),
    ("severity", None),
    ("alert_type", ""),
    ("alert_type", " drift"),
    ("title", ""),
    ("title", "x" * 1001),
    ("dedup_key", ""),
    ("dedup_key", "x" * 512),
    ("dedup_key", f"monitor:{new_id()}"),
    ("related_data", []),
    ("related_data", {"value": float("nan")}),
    ("at", datetime(2026, 1, 1)),
    ("at", datetime(2100, 1, 1, tzinfo=UTC)),
    ("occurrence_id", "not an id"),
]


@pytest.fixture(autouse=True)
def known(models: ModelVersionRepository) -> None:
    """Version 1 of models m and n."""
    models.insert(model_name="m")
    models.insert(model_name="n")


def test_an_alert_keeps_what_it_was_raised_with(alerts: AlertsRepository) -> None:
    raised = alerts.raise_alert(**EVERYTHING, at=NOON)
    assert {name: getattr(raised, name) for name in EVERYTHING} == EVERYTHING
    assert (raised.status, raised.occurrences) == ("active", 1)
    assert raised.first_seen == raised.last_seen == NOON
    assert alerts.get(id=raised.id) == raised
    assert alerts.get(id=new_id()) is None


def test_a_repeat_counts_instead_of_adding_a_row(alerts: AlertsRepository) -> None:
    first = alerts.raise_alert(**DRIFT, at=NOON)
    again = {**DRIFT, "title": "drift in 5 of 9 features", "related_data": {"n": 5}}
    alerts.raise_alert(**again, severity="critical", at=NOON + 2 * HOUR)
    late = alerts.raise_alert(**DRIFT, severity="info", at=NOON + HOUR)
    assert (late.id, late.occurrences) == (first.id, 3)
    assert (late.first_seen, late.last_seen) == (NOON, NOON + 2 * HOUR)
    # The worst severity, and the words of the newest occurrence although another came in later.
    assert (late.severity, late.title, late.related_data) == ("critical", again["title"], {"n": 5})
    # Of two of one time those of the one that came in later.
    last = alerts.raise_alert(**DRIFT, at=NOON + 2 * HOUR)
    assert (last.severity, last.title) == ("critical", DRIFT["title"])
    occurrences = alerts.list_occurrences(alert_id=first.id)
    assert [one.occurred_at - NOON for one in occurrences[1:]] == [2 * HOUR, HOUR, 0 * HOUR]
    assert [one.severity for one in occurrences[1:]] == ["critical", "info", "warning"]
    page = alerts.list_occurrences(alert_id=first.id, before=occurrences[0].id, limit=1)
    assert page == occurrences[1:2]


def test_type_and_model_are_the_key_when_none_is_given(alerts: AlertsRepository) -> None:
    keys = [
        (alerts.raise_alert(**given)).dedup_key
        for given in (
            DRIFT,
            {**DRIFT, "model_name": "n"},
            {**DRIFT, "alert_type": "volume"},
            {"alert_type": "drift", "title": "everywhere"},
            {**DRIFT, "dedup_key": "hour"},
        )
    ]
    assert keys == ["drift:m", "drift:n", "volume:m", "drift", "hour"]


def test_a_key_is_not_shared_by_types_or_models(alerts: AlertsRepository) -> None:
    raised = alerts.raise_alert(**EVERYTHING)
    for other in ({"model_name": "n"}, {"model_name": None}, {"alert_type": "volume"}):
        with pytest.raises(Conflict, match=f"the open alert {raised.id} of that key is of type"):
            alerts.raise_alert(**{**EVERYTHING, **other})
    alerts.resolve(id=raised.id)
    assert (alerts.raise_alert(**{**EVERYTHING, "model_name": "n"})).id != raised.id


def test_a_retried_call_counts_once(alerts: AlertsRepository) -> None:
    ids = [new_id() for _ in range(3)]
    made = [alerts.raise_alert(**EVERYTHING, occurrence_id=one) for one in ids]
    assert made[0].id == ids[0]
    # Not only the last one is remembered, and not only while the alert is open.
    for one in ids:
        assert (alerts.raise_alert(**EVERYTHING, occurrence_id=one)).occurrences == 3
    alerts.resolve(id=ids[0])
    again = alerts.raise_alert(**EVERYTHING, occurrence_id=ids[1])
    assert (again.id, again.status, again.occurrences) == (ids[0], "resolved", 3)
    assert alerts.list_active() == []


def test_an_occurrence_id_does_not_name_two(alerts: AlertsRepository) -> None:
    one = new_id()
    first = {**EVERYTHING, "at": NOON}
    alerts.raise_alert(**first, occurrence_id=one)
    other = {
        **dict.fromkeys(EVERYTHING, "other"),
        "severity": "info",
        "related_data": {},
        "model_name": "n",
        "at": NOON + HOUR,
    }
    for name, value in other.items():
        with pytest.raises(Conflict, match="already names another occurrence"):
            alerts.raise_alert(**{**first, name: value}, occurrence_id=one)


def test_the_lifecycle_says_who_when_and_what_was_noted(
    alerts: AlertsRepository,
) -> None:
    raised = alerts.raise_alert(**DRIFT, at=NOON)
    taken = alerts.acknowledge(
        id=raised.id, acknowledged_by="ann", notes="a new carrier", at=NOON + HOUR
    )
    assert (taken.status, taken.acknowledged_by, taken.acknowledged_at, taken.notes) == (
        "acknowledged",
        "ann",
        NOON + HOUR,
        "a new carrier",
    )
    repeated = alerts.raise_alert(**DRIFT, at=NOON + 2 * HOUR)
    assert (repeated.status, repeated.occurrences) == ("acknowledged", 2)
    over = alerts.resolve(
        id=raised.id, resolved_by="bob", notes="retrained", at=NOON + 3 * HOUR
    )
    assert over is not None
    assert (over.status, over.resolved_by, over.resolved_at) == ("resolved", "bob", NOON + 3 * HOUR)
    assert (over.acknowledged_by, over.notes) == ("ann", "a new carrier\nretrained")
    following = alerts.raise_alert(**DRIFT)
    assert (following.status, following.occurrences) == ("active", 1)
    assert following.id != raised.id


def test_the_same_call_of_the_same_person_changes_nothing(
    alerts: AlertsRepository,
) -> None:
    one = (alerts.raise_alert(**DRIFT)).id
    taken = alerts.acknowledge(id=one, acknowledged_by="ann", notes="mine")
    assert alerts.acknowledge(id=one, acknowledged_by="ann", notes="mine") == taken
    assert alerts.acknowledge(id=one, acknowledged_by="ann") == taken
    over = alerts.resolve(id=one, resolved_by="ann", notes="done")
    assert alerts.resolve(id=one, resolved_by="ann", notes="done") == over
    assert alerts.resolve(id=one, resolved_by="ann") == over
    assert alerts.acknowledge(id=one, acknowledged_by="ann", notes="mine") == over


def test_other_notes_are_not_the_same_call(alerts: AlertsRepository) -> None:
    for key, notes in (("one", "mine"), ("two", None)):
        one = (alerts.raise_alert(**DRIFT, dedup_key=key)).id
        alerts.acknowledge(id=one, acknowledged_by="ann", notes=notes)
        for other in ("other", "mi", "ne"):
            with pytest.raises(Conflict, match="already acknowledged by ann"):
                alerts.acknowledge(id=one, acknowledged_by="ann", notes=other)
        alerts.resolve(id=one, resolved_by="ann", notes=notes)
        for other in ("other", "mi", "ne"):
            with pytest.raises(Conflict, match="already resolved by ann"):
                alerts.resolve(id=one, resolved_by="ann", notes=other)


def test_whoever_comes_too_late_is_told_who_was_first(alerts: AlertsRepository) -> None:
    one = (alerts.raise_alert(**DRIFT)).id
    taken = alerts.acknowledge(id=one, acknowledged_by="ann")
    told = f"alert {one} was already {{}} by {{}} at {taken.acknowledged_at:%Y-%m-%d}"
    with pytest.raises(Conflict, match=told.format("acknowledged", "ann")):
        alerts.acknowledge(id=one, acknowledged_by="bob")
    alerts.resolve(id=one, resolved_by="bob")
    with pytest.raises(Conflict, match=told.format("resolved", "bob")):
        alerts.acknowledge(id=one, acknowledged_by="cy")
    with pytest.raises(Conflict, match=told.format("resolved", "bob")):
        alerts.resolve(id=one, resolved_by="cy")
    with pytest.raises(Conflict, match=told.format("resolved", "bob")):
        alerts.snooze(id=one, until=datetime.now(UTC) + HOUR)


def test_an_alert_may_be_resolved_at_once_and_by_its_key(
    alerts: AlertsRepository,
) -> None:
    raised = alerts.raise_alert(**DRIFT)
    over = alerts.resolve(dedup_key="drift:m", resolved_by="job")
    assert over is not None
    assert (over.id, over.status, over.acknowledged_at) == (raised.id, "resolved", None)
    assert alerts.resolve(dedup_key="drift:m", resolved_by="job") is None
    assert alerts.resolve(dedup_key="never raised") is None


def test_a_snoozed_alert_is_left_out_but_counts(alerts: AlertsRepository) -> None:
    until = datetime.now(UTC) + HOUR
    raised = alerts.raise_alert(**DRIFT)
    snoozed = alerts.snooze(id=raised.id, until=until, snoozed_by="ann")
    assert (snoozed.snoozed_until, snoozed.snoozed_by) == (until, "ann")
    assert alerts.list_active() == []
    repeated = alerts.raise_alert(**DRIFT)
    assert repeated.occurrences == 2
    assert alerts.list_active(include_snoozed=True) == [repeated]
    assert (alerts.snooze(id=raised.id, until=None)).snoozed_until is None
    assert len(alerts.list_active()) == 1
    with pytest.raises(InvalidValue, match="until: lies in the past"):
        alerts.snooze(id=raised.id, until=NOON)


def test_active_alerts_come_worst_first(alerts: AlertsRepository) -> None:
    made: dict[str, UUID] = {}
    for name, severity, model in (
        ("a", "info", "m"),
        ("b", "critical", "m"),
        ("c", "warning", "n"),
        ("d", "critical", None),
        ("e", "warning", "m"),
    ):
        raised = alerts.raise_alert(
            alert_type=name, title=name, severity=severity, model_name=model
        )
        made[name] = raised.id
    alerts.acknowledge(id=made["e"])
    alerts.resolve(id=made["a"])

    def listed(**given: object) -> str:
        return "".join(one.title for one in alerts.list_active(**given))

    assert listed() == "dbc"
    assert listed(include_acknowledged=True) == "dbec"
    assert listed(severity="Critical", limit=1) == "d"
    assert listed(model_name="m") == "b"
    with pytest.raises(InvalidValue, match="severity: must be one of"):
        listed(severity="fatal")


def test_the_history_is_filtered_and_paged(alerts: AlertsRepository) -> None:
    for hour in range(6):
        raised = alerts.raise_alert(
            alert_type="drift" if hour % 2 else "volume",
            title=str(hour),
            severity="critical" if hour == 3 else "info",
            model_name="m" if hour < 4 else "n",
            dedup_key=f"key {hour}",
            at=NOON + hour * HOUR,
        )
        if hour < 3:
            alerts.resolve(id=raised.id)

    def listed(**given: object) -> str:
        return "".join(one.title for one in alerts.list_alerts(**given))

    assert listed() == "543210"
    assert listed(status="resolved") == "210"
    assert listed(model_name="n") == "54"
    assert listed(alert_type="drift") == "531"
    assert listed(severity="critical") == "3"
    assert listed(dedup_key="key 4") == "4"
    assert listed(since=NOON + HOUR, until=NOON + 3 * HOUR) == "21"
    page = alerts.list_alerts(limit=2)
    assert listed(limit=2, before=page[-1].id) == "32"


def test_stats_say_how_long_it_took(alerts: AlertsRepository) -> None:
    for number, (acknowledged, resolved) in enumerate(((1, 2), (2, 4), (9, None), (None, 12))):
        one = alerts.raise_alert(**DRIFT, at=NOON, dedup_key=str(number))
        alerts.raise_alert(**DRIFT, at=NOON + HOUR / 2, dedup_key=str(number))
        if acknowledged:
            alerts.acknowledge(id=one.id, at=NOON + acknowledged * HOUR)
        if resolved:
            alerts.resolve(id=one.id, at=NOON + resolved * HOUR)
    alerts.raise_alert(**{**EVERYTHING, "model_name": "n"}, at=NOON - HOUR)
    worse, found = alerts.stats(days=1, until=NOON + HOUR)
    assert (worse.severity, worse.alerts, worse.mean_time_to_resolve) == ("critical", 1, None)
    assert (found.severity, found.alerts, found.occurrences) == ("warning", 4, 8)
    assert (found.acknowledged, found.resolved) == (3, 3)
    assert found.mean_time_to_acknowledge == 4 * HOUR
    assert found.median_time_to_acknowledge == 2 * HOUR
    assert found.mean_time_to_resolve == 6 * HOUR
    assert found.median_time_to_resolve == 4 * HOUR
    assert len(alerts.stats(model_name="m", days=1, until=NOON + HOUR)) == 1
    assert alerts.stats(days=1, until=NOON - HOUR) == []


def test_a_bad_value_is_refused_on_the_first_and_on_a_repeat(
    alerts: AlertsRepository,
) -> None:
    good = {**EVERYTHING, "dedup_key": None}
    for _ in range(2):
        for name, value in REFUSED:
            with pytest.raises(InvalidValue, match=f"^{name}"):
                alerts.raise_alert(**{**good, name: value})
        # Then an alert is open on which the refused calls would have counted.
        alerts.raise_alert(**good)
    [open_alert] = alerts.list_active()
    assert open_alert.occurrences == 2


def test_times_in_the_wrong_order_are_refused(alerts: AlertsRepository) -> None:
    one = (alerts.raise_alert(**DRIFT, at=NOON)).id
    for step in (alerts.acknowledge, alerts.resolve):
        with pytest.raises(InvalidValue, match="at: lies before what has already happened"):
            step(id=one, at=NOON - HOUR)
    alerts.acknowledge(id=one, at=NOON + 2 * HOUR)
    with pytest.raises(InvalidValue, match="at: lies before what has already happened"):
        alerts.resolve(id=one, at=NOON + HOUR)


def test_what_is_unknown_is_not_found(alerts: AlertsRepository) -> None:
    with pytest.raises(NotFound, match="no model of that name"):
        alerts.raise_alert(**{**DRIFT, "model_name": "unknown"})
    unknown = new_id()
    for step, more in (
        (alerts.acknowledge, {}),
        (alerts.resolve, {}),
        (alerts.snooze, {"until": None}),
    ):
        with pytest.raises(NotFound, match=f"there is no alert {unknown}"):
            step(id=unknown, **more)


def test_resolve_takes_an_id_or_a_key(alerts: AlertsRepository) -> None:
    for given in ({}, {"id": new_id(), "dedup_key": "drift:m"}):
        with pytest.raises(InvalidValue, match="give either an id or a dedup_key"):
            alerts.resolve(**given)
