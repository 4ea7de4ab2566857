"""Performance of each slice is that of its rows, whatever happens to predictions and labels."""

from __future__ import annotations

import random
from typing import Any

import psycopg
import pytest
from fix_outcomes import APPROXIMATE, DAY, HOUR, KINDS, SAME, START, TODAY, Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mlops_ledger import (
    Database,
    ModelsRepository,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.admin.verify import Verification
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.rows import Performance

VALUES = ("DE", "fr", "", "naïve ☃", "DE ", "null")


class Sliced(Record):
    """A model whose predictions have a country, mostly."""

    def __init__(
        self, db: Database, kind: str, chance: random.Random, key: str = "country"
    ) -> None:
        super().__init__(db, kind, chance)
        ModelsRepository(db).set_slice_key(model_name=self.name, slice_key=key)
        predicted = self.predicted

        def with_country(c: random.Random) -> dict[str, Any]:
            inputs = c.choice(
                ({"country": c.choice(VALUES)}, {"country": None}, {"other": 1}, None)
            )
            return {**predicted(c), "inputs": inputs}

        self.predicted = with_country

    def by_slice(self, **asked: Any) -> list[Performance]:
        self.summaries.fold(**self.one)
        window: dict[str, Any] = {"since": START, "until": TODAY}
        return self.truth.performance_by_slice(model_name=self.name, **{**window, **asked})

    def check_slices(self, **asked: Any) -> int:
        """Compare each slice with its rows; return how many numbers there were."""
        compared = 0
        found = self.by_slice(**asked)
        window: dict[str, Any] = {"since": START, "until": TODAY, **asked}
        whole = self.truth.performance(model_name=self.name, **window, source="rows")
        for name in ("num_predictions", "labeled_samples"):
            assert sum(getattr(row, name) for row in found) == getattr(whole, name)
        for row in found:
            assert row.slice_key == "country"
            if row.slice_kind != "value":
                continue
            raw = self.truth.performance(
                model_name=self.name, **window, slice=row.slice, source="rows"
            )
            assert (raw.slice_key, raw.slice_kind, raw.slice) == ("country", "value", row.slice)
            assert raw.source == "rows"
            summed = self.truth.performance(
                model_name=self.name, **window, slice=row.slice, source="summaries"
            )
            # Read one by one, the parts of a sum may come in another order.
            assert (summed.source, summed.reasons) == (row.source, row.reasons)
            _agree(summed, row)
            compared += _agree(row, raw)
        return compared


def _agree(mine: Performance, raw: Performance) -> int:
    compared = 0
    for name in ("num_predictions", "labeled_samples", "classes", "confusion_matrix"):
        assert getattr(mine, name) == getattr(raw, name), name
    for name in SAME:
        one, other = getattr(mine, name), getattr(raw, name)
        if raw.task == "multiclass" and name in ("log_loss", "brier_score"):
            continue
        assert (one is None) == (other is None), name
        if one is not None:
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12), name
            compared += 1
    for name in APPROXIMATE:
        one, other = getattr(mine, name), getattr(raw, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert abs(one - other) <= getattr(mine, f"{name}_error") + 1e-12
            compared += 1
    return compared


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2, database=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.sampled_from(("write", "label", "label", "fold", "erase")), min_size=3, max_size=7
    ),
    seed=st.integers(0, 2**32),
)
def test_slices_are_what_the_rows_say(db: Database, kind: str, steps: list[str], seed: int) -> None:
    record = Sliced(db, kind, random.Random(seed))
    record.write()
    for step in steps:
        getattr(record, step)()
    record.write(150)
    record.label()
    record.label()
    record.check_slices()
    record.check_slices(since=START + 6 * HOUR, until=START + 31 * HOUR)
    # What is counted of all is as without slices.
    assert record.check(DAY) > 0
    assert {c.check for c in Verification(db).checks() if c.found} <= {"partitions_missing"}


def test_slices_are_what_scikit_learn_says(db: Database) -> None:
    record = Sliced(db, "rare", random.Random(21))
    record.actual = lambda c: {"actual_label": c.choice(("no", "yes"))}
    record.write(600)
    rows = [{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    record.truth.insert_many(rows=rows)
    truth = {row["prediction_id"]: int(row["actual_label"] == "yes") for row in rows}
    predictions = PredictionsRepository(db).list_predictions(
        model_name=record.name, since=START, until=TODAY, limit=1000
    )
    for found in record.by_slice():
        if found.slice_kind != "value":
            continue
        mine = [p for p in predictions if (p.inputs or {}).get("country") == found.slice]
        y = [truth[p.id] for p in mine]
        score = [p.probability for p in mine]
        named = [int(s >= 0.5) for s in score]
        assert found.num_predictions == found.labeled_samples == len(mine) > 20
        assert found.accuracy == pytest.approx(metrics.accuracy_score(y, named), rel=1e-12)
        assert found.recall == pytest.approx(metrics.recall_score(y, named), rel=1e-12)
        assert found.brier_score == pytest.approx(metrics.brier_score_loss(y, score), rel=1e-12)
        assert found.log_loss == pytest.approx(metrics.log_loss(y, score), rel=1e-9)
        exact = record.truth.performance(
            model_name=record.name, since=START, until=TODAY, slice=found.slice, source="rows"
        )
        assert exact.roc_auc == pytest.approx(metrics.roc_auc_score(y, score), rel=1e-12)


def test_a_slice_of_hours_that_are_not_full_is_that_of_its_rows(db: Database) -> None:
    record = Sliced(db, "named", random.Random(32))
    record.write(300)
    record.truth.insert_many(
        rows=[{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    )
    record.by_slice()
    window = {"since": START + 5.3 * HOUR, "until": START + 30.7 * HOUR}
    one: dict[str, Any] = {"model_name": record.name, **window}
    compared = 0
    for value in VALUES:
        raw, summed = (
            record.truth.performance(**one, slice=value, source=source)
            for source in ("rows", "summaries")
        )
        assert raw.labeled_samples > 0
        compared += _agree(summed, raw)
    assert compared > 0


@pytest.mark.parametrize("by_row", [False, True])
def test_slices_stay_when_rows_are_deleted(db: Database, by_row: bool) -> None:
    record = Sliced(db, "named", random.Random(22))
    record.write(200)
    record.label()
    record.label()
    before = record.by_slice()
    cutoff = START + 40 * HOUR
    Retention(db).cleanup(before=cutoff, model_name=record.name if by_row else None)
    assert record.by_slice() == before
    # To declare the same key again is no reason to forget what cannot be counted again.
    ModelsRepository(db).set_slice_key(model_name=record.name, slice_key="country")
    record.summaries.rebuild(**record.one)
    assert _plain(record.by_slice()) == _plain(before)
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    found = record.truth.performance(**one, slice="DE")
    assert found.source == "summaries"
    assert found in before
    with pytest.raises(InvalidValue, match=r"^slice_key: must be that of the model: rows"):
        record.truth.performance(**one, slice="DE", slice_key="other")
    # Another key can count only what is there still.
    ModelsRepository(db).set_slice_key(model_name=record.name, slice_key="other")
    with pytest.raises(InvalidValue, match="not all of the window is counted by it"):
        record.by_slice()
    [there, missing] = record.by_slice(since=START + 72 * HOUR)
    assert {there.slice, missing.slice} == {"1", None}


def test_predictions_that_are_gone_have_no_slices_by_another_key(db: Database) -> None:
    """Without any label their number alone says that they are missing."""
    record = Sliced(db, "named", random.Random(31))
    record.write(100)
    assert sum(row.num_predictions for row in record.by_slice()) == 100
    Retention(db).cleanup(before=START + 40 * HOUR, model_name=record.name)
    ModelsRepository(db).set_slice_key(model_name=record.name, slice_key="other")
    with pytest.raises(InvalidValue, match="not all of the window is counted by it"):
        record.by_slice()


def _plain(rows: list[Performance]) -> dict[Any, tuple[Any, ...]]:
    """Return what does not depend on the order in which sums were made."""
    return {
        (row.slice_kind, row.slice): (
            row.num_predictions, row.labeled_samples, row.confusion_matrix,
            row.brier_score and round(row.brier_score, 12),
        )
        for row in rows
    }  # fmt: skip


def test_a_key_of_many_values_has_fifty_slices(db: Database) -> None:
    record = Sliced(db, "many", random.Random(23), key="user")
    predicted = record.predicted
    record.predicted = lambda c: {**predicted(c), "inputs": {"user": f"u{c.randrange(90)}"}}
    record.write(600)
    rows = [{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    record.truth.insert_many(rows=rows)
    found = record.by_slice()
    assert len(found) == 51
    assert [row.slice_kind for row in found].count("other") == 1
    assert sum(row.labeled_samples for row in found) == 600
    others = {f"u{n}" for n in range(90)} - {row.slice for row in found}
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    # One that shares its slice is answered from rows or not at all.
    exact = record.truth.performance(**one, slice=min(others))
    assert (exact.source, exact.labeled_samples > 0) == ("rows", True)
    with pytest.raises(InvalidValue, match=r"^slice: must be one of the 50 values"):
        record.truth.performance(**one, slice=min(others), source="summaries")


def test_later_folds_make_slices_up_to_fifty(db: Database) -> None:
    record = Sliced(db, "many", random.Random(29), key="user")
    predicted = record.predicted
    for users, number in ((30, 200), (90, 600)):
        record.predicted = lambda c, users=users: {
            **predicted(c),
            "inputs": {"user": f"u{c.randrange(users)}"},
        }
        record.write(number)
        rows = [{"prediction_id": i, **record.actual(record.chance)} for i in record.ids[-number:]]
        record.truth.insert_many(rows=rows)
        found = record.by_slice()
        values = [row.slice for row in found if row.slice_kind == "value"]
        assert len(values) == min(users, 50)
        assert {f"u{n}" for n in range(30)} <= set(values)
    assert sum(row.labeled_samples for row in found) == 800


def test_another_key_has_fifty_slices_of_its_own(db: Database) -> None:
    record = Sliced(db, "many", random.Random(30), key="user")
    predicted = record.predicted
    record.predicted = lambda c: {
        **predicted(c),
        "inputs": {"user": f"u{c.randrange(60)}", "plan": c.choice("abc")},
    }
    record.write(300)
    record.truth.insert_many(
        rows=[{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    )
    assert len(record.by_slice()) == 51
    ModelsRepository(db).set_slice_key(model_name=record.name, slice_key="plan")
    found = record.by_slice()
    assert sorted((row.slice_kind, row.slice) for row in found) == [
        ("value", "a"), ("value", "b"), ("value", "c"),
    ]  # fmt: skip
    assert sum(row.labeled_samples for row in found) == 300


def test_slices_by_a_number_and_by_a_key_that_is_not_declared(db: Database) -> None:
    record = Sliced(db, "scores", random.Random(24))
    name = f"{record.name} numbers"
    versions = ModelVersionRepository(db)
    versions.insert(model_name=name, model_version="1", feature_names=["size", "age"])
    record.one = {"model_name": name, "model_version": "1"}
    record.predicted = lambda c: {
        "probability": c.random(),
        "features": {"size": c.choice((1, 2.5, float("nan"))), "age": c.random()},
    }
    record.write(200)
    rows = [{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    record.truth.insert_many(rows=rows)
    one: dict[str, Any] = {"model_name": name, "since": START, "until": TODAY}
    ad_hoc = record.truth.performance(**one, slice="2.5", slice_key="size")
    assert ad_hoc.labeled_samples > 20
    with pytest.raises(InvalidValue, match=r"^slice_key: the model has none"):
        record.truth.performance(**one, slice="2.5")
    with pytest.raises(InvalidValue, match=r"^slice_key: the model has none"):
        record.truth.performance_by_slice(**one)
    with pytest.raises(InvalidValue, match=r"^slice: is needed"):
        record.truth.performance(**one, slice_key="size")
    with pytest.raises(NotFound):
        record.truth.performance_by_slice(**{**one, "model_name": "none"})
    ModelsRepository(db).set_slice_key(model_name=name, slice_key="size")
    record.summaries.fold(**record.one)
    found = record.truth.performance_by_slice(**one)
    assert {row.slice for row in found} == {"1", "2.5", "NaN"}
    [same] = [row for row in found if row.slice == "2.5"]
    _agree(same, ad_hoc)


def test_without_a_key_nothing_is_kept_by_slice(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    record = Record(db, "named", random.Random(25))
    record.write()
    record.label()
    record.series(DAY)
    assert conn.execute(
        """SELECT (SELECT count(*) FROM summary_outcomes WHERE slice <> 0),
                  (SELECT count(*) FROM summary_histograms WHERE series = -2),
                  (SELECT count(*) FROM summary_slices)"""
    ).fetchone() == (0, 0, 0)


def test_verify_sees_a_slice_that_is_counted_wrong(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    record = Sliced(db, "scores", random.Random(26))
    record.write()
    record.label()
    before = record.by_slice()

    def wrong() -> int:
        [found] = [c.found for c in Verification(db).checks() if c.check == "wrong_outcomes"]
        return found

    assert wrong() == 0
    conn.execute(
        "UPDATE summary_outcomes SET log_sum = log_sum - 1 WHERE slice = 1 AND grain = 'hour'"
    )
    conn.commit()
    assert wrong() > 0
    record.summaries.rebuild()
    assert _plain(record.by_slice()) == _plain(before)
    assert wrong() == 0


def test_a_recorded_slice_is_beside_the_whole(db: Database) -> None:
    record = Sliced(db, "scores", random.Random(27))
    record.write(100)
    record.label()
    record.label()
    one: dict[str, Any] = {**record.one, "since": START, "until": TODAY, "record": True}
    whole = record.truth.performance(**one)
    part = record.truth.performance(**one, slice="DE")
    found = {
        row.slice: row.metric_value
        for row in PerformanceMetricsRepository(db).latest(model_name=record.name)
        if row.metric_name == "brier_score"
    }
    assert found == {"": whole.brier_score, "country=DE": part.brier_score}


def test_a_long_value_is_known_by_its_first_letters(db: Database) -> None:
    record = Sliced(db, "named", random.Random(28))
    predicted = record.predicted
    record.predicted = lambda c: {**predicted(c), "inputs": {"country": "x" * 300 + c.choice("ab")}}
    record.write(50)
    [found] = record.by_slice()
    assert (found.slice, found.num_predictions) == ("x" * 255, 50)
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    for source in ("rows", "summaries"):
        same = record.truth.performance(**one, slice="x" * 301, source=source)
        assert (same.slice, same.num_predictions) == ("x" * 255, 50)
