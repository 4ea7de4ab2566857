"""What has a slice of its own, and where the performance of a slice is answered from."""

from __future__ import annotations

import random
from typing import Any

import pytest
from fix_outcomes import DAY, HOUR, START, TODAY
from fix_slices import Sliced, agree

from mlops_ledger import Database, ModelsRepository, ModelVersionRepository
from mlops_ledger.admin.retention import Retention
from mlops_ledger.errors import InvalidValue, NotFound


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
    agree(same, ad_hoc)


def test_versions_number_the_same_values_otherwise(db: Database) -> None:
    record = Sliced(db, "scores", random.Random(27))
    # The most frequent value comes first.
    for number, often in (("1", "a"), ("2", "b")):
        if number != "1":
            ModelVersionRepository(db).insert(model_name=record.name, model_version=number)
        record.one = {"model_name": record.name, "model_version": number}
        record.predicted = lambda c, often=often: {
            "probability": c.random(),
            "inputs": {"country": c.choice(("a", "b", often, often))},
        }
        record.write(60)
        record.summaries.fold(**record.one)
    record.truth.insert_many(
        rows=[{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    )
    record.one = {"model_name": record.name}
    record.summaries.fold(**record.one)
    assert record.check_slices() > 20


def test_many_labels_of_a_slice_are_answered_from_summaries_if_they_know_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_ledger.analysis.performance_source._FEW", 20)
    record = Sliced(db, "scores", random.Random(34), key="user")
    predicted = record.predicted
    record.predicted = lambda c: {
        **predicted(c),
        "inputs": {"user": f"u{c.randrange(60)}", "plan": c.choice(("u1", "b"))},
    }
    record.write(400)
    record.truth.insert_many(
        rows=[{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    )
    own = {row.slice or "" for row in record.by_slice() if row.slice_kind == "value"}
    shared = min({f"u{n}" for n in range(60)} - own)
    one: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    for slice, slice_key, source in (
        (max(own), "user", "summaries"),
        (shared, "user", "rows"),
        ("b", "plan", "rows"),
        # The value of one key may be that of the other too.
        ("u1", "plan", "rows"),
    ):
        asked = {**one, "slice": slice, "slice_key": slice_key}
        found = record.truth.performance(**asked)
        exact = record.truth.performance(**asked, source="rows")
        assert found.source == source
        assert exact.labeled_samples > 0
        agree(found, exact)


def test_a_slice_of_a_day_that_lost_hours_before_its_key_was_declared_is_read_from_rows(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_ledger.analysis.performance_source._FEW", 20)
    record = Sliced(db, "scores", random.Random(35))
    record.write(300)
    record.truth.insert_many(
        rows=[{"prediction_id": i, **record.actual(record.chance)} for i in record.ids]
    )
    record.by_slice()
    Retention(db).cleanup(before=START + 31 * HOUR)
    ModelsRepository(db).set_slice_key(model_name=record.name, slice_key="other")
    record.summaries.fold(**record.one)
    one: dict[str, Any] = {"model_name": record.name, "until": TODAY, "slice": "1"}
    for hours, source in ((31, "rows"), (48, "summaries")):
        found = record.truth.performance(**one, since=START + hours * HOUR)
        assert (found.source, found.labeled_samples > 5) == (source, True)


def test_a_slice_as_of_a_time_is_what_its_rows_were(db: Database) -> None:
    record = Sliced(db, "scores", random.Random(36))
    record.write(900)
    record.label(400)
    record.label(400)
    record.summaries.fold(**record.one)
    one: dict[str, Any] = {"model_name": record.name, "slice": "DE"}
    for since, until in ((START, TODAY), (START + 5.3 * HOUR, START + 30.6 * HOUR)):
        for as_of in (TODAY - DAY / 2, TODAY - DAY / 4):
            found, exact = (
                record.truth.performance(
                    **one, since=since, until=until, as_of=as_of, source=source
                )
                for source in ("summaries", "rows")
            )
            assert (found.source, exact.labeled_samples > 2) == ("summaries", True)
            agree(found, exact)


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
