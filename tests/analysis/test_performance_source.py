"""Performance of a window is the same from summaries and from rows, and says which it was."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from fix_outcomes import DAY, HOUR, KINDS, START, TODAY, Record

from mlops_ledger import (
    Database,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.errors import InvalidValue
from mlops_ledger.rows import Performance
from mlops_ledger.rows.ground_truth import BOUNDS

NUMBERS = [
    field.name
    for field in fields(Performance)
    if field.type == "float | None" and field.name not in BOUNDS
]


def _agree(mine: Performance, theirs: Performance) -> int:
    """Compare the answer of summaries with that of rows; return how many numbers there were."""
    assert (mine.source, theirs.source) == ("summaries", "rows")
    for name in ("task", "positive_label", "num_predictions", "labeled_samples", "classes"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.confusion_matrix == theirs.confusion_matrix
    compared = 0
    for name in NUMBERS:
        summed, exact = getattr(mine, name), getattr(theirs, name)
        if summed is None and "summaries keep no" in mine.reasons.get(name, ""):
            continue
        if theirs.task == "multiclass" and name in ("log_loss", "brier_score"):
            assert summed is None
            if mine.labeled_samples:
                assert mine.reasons[name] == mine.reasons["top_k_accuracy"]
                assert "with the source rows reads them" in mine.reasons[name]
            continue
        assert (summed is None) == (exact is None), name
        if summed is not None:
            bound = getattr(mine, f"{name}_error", 0)
            assert getattr(theirs, f"{name}_error", 0) == 0
            assert abs(summed - exact) <= bound + 1e-12 * max(1, abs(exact)), name
            compared += 1
    for one, other in zip(
        mine.calibration_curve or [], theirs.calibration_curve or [], strict=True
    ):
        assert one == pytest.approx(other)
    return compared


@pytest.mark.parametrize("kind", KINDS)
def test_performance_of_any_window_is_the_same_from_summaries(db: Database, kind: str) -> None:
    record = Record(db, kind, random.Random(11))
    record.write(200)
    record.label()
    record.label()
    record.label()
    record.summaries.fold(**record.one)
    halves = (timedelta(0), timedelta(minutes=25), timedelta(minutes=59, microseconds=1))
    for begin in halves:
        for until in (TODAY, START + 31 * HOUR + begin, START + 5 * HOUR + timedelta(minutes=50)):
            window = {"since": START + 5 * HOUR + begin, "until": until}
            if window["since"] >= until:
                continue
            asked: dict[str, Any] = {**window, "top_share": 0.25, "threshold": 0.37}
            found = [
                record.truth.performance(model_name=record.name, source=source, **asked)
                for source in ("summaries", "rows")
            ]
            assert _agree(*found) > 0 or not found[1].labeled_samples


@pytest.mark.parametrize("kind", KINDS)
def test_performance_stays_when_rows_are_deleted(db: Database, kind: str) -> None:
    record = Record(db, kind, random.Random(12))
    record.write(200)
    record.label()
    record.label()
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    before = record.truth.performance(**one)
    Retention(db).cleanup(before=START + 40 * HOUR)
    assert _agree(record.truth.performance(**one), before) > 0
    # All labels were known by then.
    assert record.truth.performance(**one, as_of=TODAY) == record.truth.performance(**one)
    # What is there still is answered as before.
    assert record.truth.performance(**{**one, "since": START + 72 * HOUR}).source == "rows"
    for asked, field in (
        ({"source": "rows"}, "source"),
        ({"threshold": 0.123}, "threshold"),
        ({"as_of": TODAY - DAY}, "as_of"),
        ({"since": START + 6.5 * HOUR}, "since"),
        ({"until": START + 31.5 * HOUR}, "until"),
    ):
        with pytest.raises(InvalidValue, match=rf"^{field}: .*rows of the window were deleted"):
            record.truth.performance(**{**one, **asked})


def test_many_labels_are_answered_from_summaries(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_ledger.analysis.performance_source._FEW", 20)
    record = Record(db, "rare", random.Random(13))
    record.write(200)
    record.label()
    record.label()
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    assert record.truth.performance(**one).source == "rows"
    record.summaries.fold(**record.one)
    exact = record.truth.performance(**one, source="rows")
    assert _agree(record.truth.performance(**one), exact) > 0
    # A label that comes is folded before it is read.
    record.label()
    exact = record.truth.performance(**one, source="rows")
    assert _agree(record.truth.performance(**one), exact) > 0
    # To name the class that is positive anyway is no other question.
    assert exact.positive_label == "yes"
    assert record.truth.performance(**one, positive_label="yes") == record.truth.performance(**one)
    for asked in ({"threshold": 0.123}, {"positive_label": "no"}):
        assert record.truth.performance(**one, **asked).source == "rows"
    with pytest.raises(InvalidValue, match=r"^source: "):
        record.truth.performance(**one, source="both")


def test_summaries_answer_as_of_a_time_with_the_rows_of_later_labels(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_ledger.analysis.performance_source._FEW", 20)
    record = Record(db, "rare", random.Random(16))
    record.write(200)
    record.label(50)
    record.label(50)
    # The last label of all is of a later hour of a day of which a part is asked about below.
    with db.connection() as connection:
        hour = "SELECT id FROM predictions WHERE predicted_at >= %s AND predicted_at < %s"
        late = connection.execute(hour, [START + 31 * HOUR, START + 32 * HOUR]).fetchone()
    assert late is not None
    record.truth.insert(prediction_id=late[0], actual_label="yes", labeled_at=TODAY)
    record.summaries.fold(**record.one)
    with db.connection() as connection:
        labels = "SELECT predicted_at, labeled_at FROM ground_truth"
        known = connection.execute(labels).fetchall()
    last = max(at for _, at in known)
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    parts = {**one, "since": START + 5.2 * HOUR, "until": START + 55.7 * HOUR}
    for window in (one, parts):
        for as_of in (last, last - timedelta.resolution, TODAY - DAY / 2, TODAY - 0.9 * DAY):
            found = record.truth.performance(**window, as_of=as_of)
            exact = record.truth.performance(**window, as_of=as_of, source="rows")
            assert _agree(found, exact) > 0
    assert record.truth.performance(**one, as_of=TODAY - 2 * DAY).labeled_samples == 0
    # Where the rows of hours with later labels are gone, nothing tells any more.
    Retention(db).cleanup(before=START + 40 * HOUR)
    hours = {**one, "until": START + 31 * HOUR}
    then = max(at for p, at in known if p < hours["until"])
    assert record.truth.performance(**hours, as_of=then) == record.truth.performance(**hours)
    with pytest.raises(InvalidValue, match=r"^as_of: must not be before the last label"):
        record.truth.performance(**hours, as_of=then - timedelta.resolution)


def test_a_label_of_exactly_as_of_counts_wherever_its_hour_is(db: Database) -> None:
    record = Record(db, "rare", random.Random(17))
    record.write(200)
    record.label(50)
    record.label(50)
    with db.connection() as connection:
        labels = "SELECT predicted_at, labeled_at FROM ground_truth"
        known = connection.execute(labels).fetchall()
    # Hours before the first full day, of one, and after the last.
    window: dict[str, Any] = {"since": START + 5 * HOUR, "until": START + 78 * HOUR}
    for hour in (5, 6, 30, 31, 77):
        begin = START + hour * HOUR
        last = max(at for p, at in known if begin <= p < begin + HOUR)
        summed, exact = (
            record.truth.performance(model_name=record.name, **window, as_of=last, source=source)
            for source in ("summaries", "rows")
        )
        assert _agree(summed, exact) > 0, hour


def test_another_class_than_that_of_the_summaries_has_no_wrong_number(db: Database) -> None:
    record = Record(db, "named", random.Random(14))
    record.write(200)
    record.label()
    record.label()
    record.summaries.fold(**record.one)
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    found = record.truth.performance(**one, source="summaries", positive_label="no")
    assert found.positive_label == "no"
    assert found.roc_auc is None
    assert "no probabilities of that class" in found.reasons["roc_auc"]


def test_numbers_stand_for_the_declared_classes_whichever_is_asked_about(db: Database) -> None:
    record = Record(db, "rare", random.Random(15))
    record.predicted = lambda c: {"prediction": c.randrange(2)}
    record.write(100)
    record.label()
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    yes, no = (record.truth.performance(**one, positive_label=label) for label in ("yes", "no"))
    assert yes.accuracy == no.accuracy
    assert yes.confusion_matrix == no.confusion_matrix
    assert (yes.recall, yes.specificity) == (no.specificity, no.recall)
