"""What roles that may not read inputs see of summaries, where that has a minimum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_roles import Users

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.errors import BelowMinimum, InvalidValue, LedgerError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 2, 1, tzinfo=UTC)
NAMED = {"model_name": "people", "model_version": "1"}
# Two days have 29 predictions in their first hour and one in their fourth; a third day has three.
OFFSETS = [*(n * HOUR / 30 for n in range(29)), 3 * HOUR]
MINIMUM = 20
RESTRICTED = ("reader", "approver", "agent")
ENTITLED = ("writer", "auditor", "owner")
WHOLE = {"since": START, "until": START + 2 * DAY}
HIDDEN = {
    "a day of few": {"since": START, "until": START + 3 * DAY},
    "the hours of a day": {"since": START, "until": START + 4 * HOUR},
    "an hour after a day": {"since": START, "until": START + DAY + HOUR},
    "an hour before a day": {"since": START + 3 * HOUR, "until": START + 2 * DAY},
    "a reference": {
        "since": START + DAY,
        "until": START + 2 * DAY,
        "reference": (START + 2 * DAY, START + 3 * DAY),
    },
}


@pytest.fixture(scope="module", autouse=True)
def people(users: Users) -> None:
    """A model whose predictions know a city, which it is sliced by."""
    with Database(users.dsn) as db:
        ModelVersionRepository(db).insert(**NAMED, feature_names=["age"], task="binary")
        ModelsRepository(db).set_slice_key(model_name="people", slice_key="city")
        BaselinesRepository(db).register(
            **NAMED, data={"age": list(range(100)), "city": ["Bern", "Lima"] * 50}
        )
        times = [START + day * DAY + each for day in (0, 1) for each in OFFSETS]
        times += [START + 2 * DAY + n * HOUR for n in range(3)]
        rows = [
            {
                "id": new_id(at),
                "predicted_at": at,
                "features": [float(n % 90)],
                "inputs": {"city": "Oslo" if n == 29 else ("Bern", "Lima")[n % 2]},
                "probability": n / 100,
                "latency_ms": 1.0 + n,
            }
            for n, at in enumerate(times)
        ]
        PredictionsRepository(db).insert_many(rows=rows, **NAMED)
        GroundTruthRepository(db).insert_many(
            rows=[
                {"prediction_id": each["id"], "actual_value": n % 2} for n, each in enumerate(rows)
            ]
        )
        SummariesRepository(db).fold()


@pytest.fixture
def minimum(users: Users) -> Iterator[int]:
    """The setting, above 1 for a test."""
    with Database(users.dsn_of("owner")) as db:
        summaries = SummariesRepository(db)
        assert summaries.minimum_count() == 1
        yield summaries.set_minimum_count(minimum_count=MINIMUM)
        summaries.set_minimum_count(minimum_count=1)


def as_role(users: Users, kind: str, ask: Callable[[Database], Any]) -> Any:
    """What a role is answered."""
    with Database(users.dsn_of(kind)) as db:
        return ask(db)


def counted(users: Users, kind: str, condition: str) -> int:
    """How many rows of summary_histograms a role sees of the model."""
    query = (
        "SELECT count(*) FROM summary_histograms JOIN model_versions v ON v.id = model_version_id"  # noqa: S608
        f" WHERE v.model_name = 'people' AND ({condition})"
    )
    [(count,)] = users.connection(kind).execute(query.encode()).fetchall()
    return int(count)


def measured(window: dict[str, Any]) -> Callable[[Database], Any]:
    """How far a window is from its reference."""
    return lambda db: DriftReportsRepository(db).measure(**NAMED, **window)


@pytest.mark.parametrize("kind", RESTRICTED)
def test_everything_is_seen_by_default(users: Users, kind: str) -> None:
    for window in HIDDEN.values():
        found = as_role(users, kind, measured(window))
        assert found
        assert found == as_role(users, "owner", measured(window))
    assert counted(users, kind, "true") == counted(users, "owner", "true")
    sliced = as_role(users, kind, by_slice)
    assert {each.slice for each in sliced} == {"Bern", "Lima", "Oslo"}


@pytest.mark.parametrize("kind", [*RESTRICTED, *ENTITLED])
def test_days_of_enough_are_seen_by_everybody(users: Users, minimum: int, kind: str) -> None:
    found = as_role(users, kind, measured(WHOLE))
    sizes = {each.feature: each.current_size for each in found}
    assert (sizes["age"], sizes["city"]) == (60, 60)


@pytest.mark.parametrize("window", HIDDEN.values(), ids=HIDDEN)
def test_what_would_need_others_is_refused(
    users: Users, minimum: int, window: dict[str, Any]
) -> None:
    for kind in RESTRICTED:
        with pytest.raises(BelowMinimum, match=r"by days of UTC with at least 20 predictions"):
            as_role(users, kind, measured(window))
    answers = [as_role(users, kind, measured(window)) for kind in ENTITLED]
    assert answers[0]
    assert answers[0] == answers[1] == answers[2]


def test_days_in_the_bins_of_an_older_baseline_hide_nothing(users: Users, minimum: int) -> None:
    named = {"model_name": "older", "model_version": "1"}
    past = START - 100 * DAY
    with Database(users.dsn) as db:
        ModelVersionRepository(db).insert(**named)
        baselines, predictions = BaselinesRepository(db), PredictionsRepository(db)

        def write(day: int, count: int) -> None:
            rows = [
                {"predicted_at": past + day * DAY + n * HOUR / 2, "inputs": {"city": "Bern"}}
                for n in range(count)
            ]
            predictions.insert_many(rows=rows, **named)
            SummariesRepository(db).fold()

        baselines.register(**named, data={"city": ["Bern", "Lima"] * 50})
        write(0, 3)
        Retention(db).cleanup(before=past + 30 * DAY)
        baselines.register(**named, data={"city": ["Bern", "Oslo"] * 50})
        write(40, 30)
    window = {"since": past, "until": past + 41 * DAY}
    found, whole = (
        as_role(users, kind, lambda db: DriftReportsRepository(db).measure(**named, **window))
        for kind in ("reader", "owner")
    )
    assert [each.current_size for each in found] == [30]
    assert found == whole


def by_slice(db: Database, **window: Any) -> Any:
    """How right the model was by city."""
    return GroundTruthRepository(db).performance_by_slice(model_name="people", **(window or WHOLE))


def one_slice(db: Database, source: str) -> Any:
    """How right the model was about one city."""
    return GroundTruthRepository(db).performance(
        model_name="people", **WHOLE, slice="Bern", source=source
    )


@pytest.mark.parametrize("kind", RESTRICTED)
def test_slices_are_refused(users: Users, minimum: int, kind: str) -> None:
    for ask in (
        by_slice,
        lambda db: one_slice(db, "auto"),
        lambda db: one_slice(db, "summaries"),
    ):
        with pytest.raises(BelowMinimum, match=r"sees no slices while .* above 1\. Ask for all"):
            as_role(users, kind, ask)
    # Whoever asks in SQL gets no smaller number either.
    connection = users.connection(kind)
    for slice, value in ((1, None), (51, None), (-1, None), (0, "Bern")):
        with pytest.raises(psycopg.Error) as refusal:
            connection.execute(
                "SELECT ledger_summed_outcomes('people', '1', %s, %s, %s::smallint, %s)",
                [WHOLE["since"], WHOLE["until"], slice, value],
            )
        assert refusal.value.sqlstate == "MLPD0"
    seen = "SELECT (SELECT count(*) FROM summary_slices), count(*) FROM summary_outcomes"
    assert connection.execute(f"{seen} WHERE slice <> 0".encode()).fetchone() == (0, 0)
    assert len(as_role(users, "writer", by_slice)) == 3


@pytest.mark.parametrize("kind", RESTRICTED)
def test_totals_are_those_of_the_owner(users: Users, minimum: int, kind: str) -> None:
    window = {"since": START, "until": START + 4 * DAY, "bucket": HOUR}

    def ask(db: Database) -> Any:
        summaries, labels = SummariesRepository(db), GroundTruthRepository(db)
        return (
            summaries.monitoring_series(**NAMED, **window),
            summaries.latency_series(model_name="people", **window),
            labels.performance_series(model_name="people", **window),
            labels.performance(
                model_name="people", since=START, until=START + 3 * DAY, source="summaries"
            ),
        )

    found = as_role(users, kind, ask)
    assert found == as_role(users, "owner", ask)
    assert sum(each.num_predictions for each in found[0]) == 63
    assert found[3].labeled_samples == 63


@pytest.mark.parametrize("kind", RESTRICTED)
def test_hours_cannot_be_subtracted_from_days(users: Users, minimum: int, kind: str) -> None:
    features = "series BETWEEN 1 AND 31999"
    assert counted(users, "writer", f"{features} AND grain = 'hour'") > 0
    assert counted(users, kind, f"{features} AND grain = 'hour'") == 0
    per_day = counted(
        users, "writer", f"{features} AND grain = 'day' AND starts_at = '2026-02-01Z'"
    )
    assert counted(users, kind, features) == 2 * per_day > 0
    assert counted(users, kind, "series = -2") == 0
    for series in (-1, 0):
        one = f"series = {series}"
        assert counted(users, kind, one) == counted(users, "owner", one) > 0


def test_a_day_of_just_enough_is_seen(users: Users) -> None:
    with Database(users.dsn_of("owner")) as db:
        summaries = SummariesRepository(db)
        try:
            for count, is_seen in ((30, True), (31, False)):
                summaries.set_minimum_count(minimum_count=count)
                seen = counted(users, "reader", "series = 1") > 0
                assert seen is is_seen
                if is_seen:
                    assert as_role(users, "reader", measured(WHOLE))
                else:
                    with pytest.raises(BelowMinimum):
                        as_role(users, "reader", measured(WHOLE))
        finally:
            summaries.set_minimum_count(minimum_count=1)


def test_without_the_setting_nothing_is_seen(users: Users) -> None:
    with Database(users.dsn_of("owner")) as db:
        summaries = SummariesRepository(db)
        with db.connection() as connection:
            connection.execute("DELETE FROM summary_privacy")
        try:
            assert summaries.minimum_count() is None
            assert counted(users, "reader", "series BETWEEN 1 AND 31999 OR series = -2") == 0
        finally:
            assert summaries.set_minimum_count(minimum_count=1) == 1


def test_only_the_owner_sets_it_and_it_is_audited(users: Users, minimum: int) -> None:
    for kind in (*RESTRICTED, "writer", "auditor"):
        assert as_role(users, kind, lambda db: SummariesRepository(db).minimum_count()) == MINIMUM
        with pytest.raises(LedgerError, match=r"permission denied for table summary_privacy"):
            as_role(
                users, kind, lambda db: SummariesRepository(db).set_minimum_count(minimum_count=1)
            )
    [(before, after)] = users.connection("auditor").execute(
        "SELECT before ->> 'minimum_count', after ->> 'minimum_count' FROM audit_log"
        " WHERE object_table = 'summary_privacy' ORDER BY seq DESC LIMIT 1"
    ).fetchall()  # fmt: skip
    assert (before, after) == ("1", str(MINIMUM))


@pytest.mark.parametrize("count", [0, -1, 1_000_001, None, "many", True, 2.5])
def test_a_minimum_that_is_no_number_of_predictions_is_refused(users: Users, count: Any) -> None:
    with (
        Database(users.dsn_of("owner")) as db,
        pytest.raises(InvalidValue, match=r"^minimum_count: "),
    ):
        SummariesRepository(db).set_minimum_count(minimum_count=count)
