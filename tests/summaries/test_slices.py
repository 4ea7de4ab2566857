"""Performance of each slice is that of its rows, whatever happens to predictions and labels."""

from __future__ import annotations

import random
from typing import Any

import psycopg
import pytest
from fix_outcomes import DAY, HOUR, KINDS, START, TODAY, Record
from fix_slices import VALUES, Sliced, agree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mlops_ledger import (
    Database,
    ModelsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
)
from mlops_ledger.admin.retention import Freed, Retention
from mlops_ledger.admin.verify import Verification
from mlops_ledger.errors import InvalidValue
from mlops_ledger.rows import Performance


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
        compared += agree(summed, raw)
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


def test_slices_stay_when_a_clean_up_ends_before_the_labels_are_deleted(db: Database) -> None:
    """The labels that are left would be counted again, as those of no slice."""
    record = Sliced(db, "named", random.Random(33))
    record.write(200)
    record.label()
    record.label()
    before = _plain(record.by_slice())

    def end(freed: Freed) -> None:
        assert freed.table_name == "predictions"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Retention(db).cleanup(before=START + 24 * HOUR, model_name=record.name, report=end)
    record.summaries.rebuild(**record.one)
    assert _plain(record.by_slice()) == before
    Retention(db).cleanup(before=START + 24 * HOUR, model_name=record.name)
    record.summaries.rebuild(**record.one)
    assert _plain(record.by_slice()) == before


def _plain(rows: list[Performance]) -> dict[Any, tuple[Any, ...]]:
    """Return what does not depend on the order in which sums were made."""
    return {
        (row.slice_kind, row.slice): (
            row.num_predictions, row.labeled_samples, row.confusion_matrix,
            row.brier_score and round(row.brier_score, 12),
        )
        for row in rows
    }  # fmt: skip


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
