"""Performance from summaries is that of the rows, whatever the labels and however they came."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fix_faults import examples
from fix_outcomes import DAY, HOUR, KINDS, START, TODAY, Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.admin.verify import Verification
from mlops_ledger.errors import InvalidValue, NotFound


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(3), database=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.sampled_from(("write", "label", "label", "fold", "erase")), min_size=3, max_size=9
    ),
    seed=st.integers(0, 2**32),
)
def test_the_series_is_what_the_rows_say(
    db: Database, kind: str, steps: list[str], seed: int
) -> None:
    record = Record(db, kind, random.Random(seed))
    record.write()
    for step in steps:
        getattr(record, step)()
    # So many that some have an actual value: there is something to compare.
    record.label(50)
    assert record.check(DAY) > 0
    record.check(HOUR)
    record.check(37 * HOUR, threshold=record.chance.randrange(1, 100) / 100)


@pytest.mark.parametrize("kind", KINDS)
def test_history_stays_when_rows_are_deleted(db: Database, kind: str) -> None:
    record = Record(db, kind, random.Random(1))
    record.write(200)
    record.label()
    record.label()
    record.check(DAY)
    before = record.series(4 * DAY)
    Retention(db).cleanup(before=START + 40 * HOUR)
    assert record.series(4 * DAY) == before
    # What comes late is added.
    at = START + 78 * HOUR
    made = PredictionsRepository(db).insert(
        **record.one, id=new_id(at), predicted_at=at, **record.predicted(record.chance)
    )
    record.truth.insert(prediction_id=made, **record.actual(record.chance))
    record.summaries.rebuild(**record.one)
    assert [b.labeled_samples for b in record.series(4 * DAY)] == [before[0].labeled_samples + 1]


def test_a_fold_that_is_killed_changes_nothing(
    db: Database, dsn: str, conn: psycopg.Connection[Any]
) -> None:
    record = Record(db, "named", random.Random(2))
    record.write()
    record.label()
    with psycopg.connect(dsn) as other:
        other.execute("SELECT fold_summaries(model_version_id) FROM summary_marks")
        conn.execute("SELECT pg_terminate_backend(%s::integer)", [other.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    assert conn.execute("SELECT count(*) FROM summary_outcomes").fetchone() == (0,)
    assert record.check(DAY) > 0


def test_verify_sees_what_is_counted_wrong_and_rebuild_mends_it(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    def wrong() -> int:
        [found] = [c.found for c in Verification(db).checks() if c.check == "wrong_outcomes"]
        return found

    record = Record(db, "scores", random.Random(3))
    record.write()
    record.label()
    assert record.check(DAY) > 0
    hours = conn.execute("SELECT count(*) FROM summary_outcomes WHERE grain = 'hour'").fetchone()
    assert hours is not None
    for damage in (
        "UPDATE summary_outcomes SET num_labeled = num_labeled + 1, bins[1] = 5",
        "UPDATE summary_outcomes SET log_sum = log_sum - 0.001",
        "UPDATE summary_outcomes SET tenth_sums[1] = tenth_sums[1] + 0.001",
        "UPDATE summary_outcomes SET square_sum = square_sum + 0.001 WHERE num_labeled > 0",
    ):
        assert wrong() == 0
        conn.execute(damage)
        conn.commit()
        assert wrong() == hours[0]
        record.summaries.rebuild()
        assert record.check(DAY) > 0
    conn.execute("DELETE FROM summary_outcomes WHERE grain = 'hour'")
    conn.commit()
    assert wrong() == hours[0]


def test_what_is_declared_later_is_counted_again(db: Database) -> None:
    record = Record(db, "texts", random.Random(4))
    record.write()
    record.label()
    assert record.series(4 * DAY)[0].brier_score is None
    ModelVersionRepository(db).declare_task(
        **record.one, class_names=["a", "b"], positive_label="a"
    )
    assert record.series(4 * DAY)[0].brier_score is not None
    assert record.check(DAY) > 0


def test_more_classes_than_are_kept(db: Database) -> None:
    record = Record(db, "many", random.Random(5))
    record.predicted = lambda c: {"predicted_label": f"class {c.randrange(70)}"}
    record.actual = lambda c: {"actual_label": f"class {c.randrange(70)}"}
    record.write(1000)
    for _ in range(30):
        record.label()
    [found] = record.series(4 * DAY)
    raw = record.truth.performance(model_name=record.name, since=START, until=TODAY)
    assert found.accuracy == pytest.approx(raw.accuracy, abs=1e-15)
    assert found.f1_macro is None
    assert "50 classes" in found.reasons["f1_macro"]


def test_of_versions_that_differ_there_is_a_reason(db: Database) -> None:
    record = Record(db, "rare", random.Random(6))
    record.write()
    record.label()
    ModelVersionRepository(db).insert(
        model_name=record.name, model_version="2", class_names=["a", "b"], positive_label="a"
    )
    at = START + 5 * HOUR
    made = PredictionsRepository(db).insert(
        model_name=record.name,
        model_version="2",
        id=new_id(at),
        predicted_at=at,
        predicted_label="a",
    )
    record.truth.insert(prediction_id=made, actual_label="a")
    record.summaries.fold()
    assert "give model_version" in record.series(4 * DAY)[0].reasons["accuracy"]
    assert record.series(4 * DAY, model_version="2")[0].accuracy == 1


def test_what_is_asked_is_checked(db: Database) -> None:
    record = Record(db, "scores", random.Random(7))
    for asked in ({"threshold": 0.123}, {"bucket": timedelta(minutes=5)}, {"since": TODAY + HOUR}):
        with pytest.raises(InvalidValue):
            record.truth.performance_series(
                **{"model_name": record.name, "since": START, "until": TODAY, **asked}
            )
    with pytest.raises(NotFound, match="no model"):
        record.truth.performance_series(model_name="none", since=START, until=TODAY)
    [empty] = record.series(4 * DAY)
    assert (empty.num_predictions, empty.labeled_samples, empty.accuracy) == (0, 0, None)
    assert empty.reasons["accuracy"] == "no prediction of the window has a label"


def test_a_class_that_comes_late_changes_what_was_counted(db: Database) -> None:
    record = Record(db, "many", random.Random(8))
    # Numbers beside classes that are text are classes as soon as one is neither 0 nor 1.
    record.predicted = lambda c: {"prediction": c.randrange(2)}
    record.actual = lambda c: {"actual_label": c.choice("abc")}
    record.write()
    record.label()
    assert record.series(4 * DAY)[0].accuracy is None
    record.actual = lambda c: {"actual_value": 7}
    record.label()
    record.check(4 * DAY)
    record.check(HOUR)


def test_what_another_fold_counted_as_something_else_is_counted_again(
    db: Database, dsn: str, conn: psycopg.Connection[Any]
) -> None:
    record = Record(db, "texts", random.Random(9))
    record.write()
    record.label()
    with psycopg.connect(dsn) as other:
        other.execute("SELECT fold_summaries(model_version_id) FROM summary_marks")
        # Nobody sees what is being folded, so nobody marks it.
        made = record.chance.choice(record.ids)
        record.truth.insert(prediction_id=made, actual_label="c")
        other.commit()
    conn.commit()
    [(reason,)] = conn.execute(
        """SELECT m.reasons ->> 'accuracy' FROM ledger_summed_outcomes(%s, '1', %s, %s) w
           CROSS JOIN LATERAL ledger_definition(w.versions, NULL) d
           CROSS JOIN LATERAL ledger_metrics(
               w.outcomes, d.task, d.class_names, d.own_label, d.positive_label,
               d.is_declared, d.is_mixed, d.is_ambiguous, 0.5, false, 0.1) m""",
        [record.name, START, TODAY],
    ).fetchall()
    assert "another task" in reason
    record.summaries.fold(**record.one)
    assert record.check(DAY) > 0


def test_a_first_label_looks_at_each_version_once_and_not_at_each_hour(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    record = Record(db, "texts", random.Random(3))
    rows = [{"id": new_id(START + n * HOUR), "predicted_label": "a"} for n in range(90)]
    PredictionsRepository(db).insert_many(rows=rows, **record.one)
    labels = [{"prediction_id": row["id"], "actual_label": "b"} for row in rows]
    record.truth.insert_many(rows=labels)
    record.summaries.fold(**record.one)
    version = ModelVersionRepository(db).insert(model_name=record.name)
    with conn.transaction():
        conn.execute("SET LOCAL track_functions = 'all'")
        # Statistics of a time when there were few hours: the planner begins with these.
        conn.execute(
            """UPDATE pg_class SET reltuples = n, relpages = n
               FROM (VALUES ('summary_outcomes', 1), ('model_versions', 1000)) t (name, n)
               WHERE relname = name"""
        )
        conn.execute("INSERT INTO observed_outcomes VALUES (%s, '{a,b}', '{}', false)", (version,))
        [[calls]] = conn.execute(
            """SELECT sum(calls) FROM pg_stat_xact_user_functions
               WHERE funcname = 'ledger_observed_classes'"""
        ).fetchall()
    assert 0 < calls < 90
