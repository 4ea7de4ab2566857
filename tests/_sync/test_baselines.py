# Generated from tests/_async/test_baselines.py by tools/unasync.py: edit that file, then run `make sync`.
"""Baselines: what a version was trained on, in bins."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound
from mlops_ledger.rows import BaselineFeature

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=2)
RANDOM = np.random.default_rng(12)
NUMBERS = RANDOM.normal(size=1000).round(2)
CITIES = RANDOM.choice(["Bern", "Lima", "Oslo"], 1000, p=[0.6, 0.3, 0.1])
DATA: dict[str, Any] = {"age": NUMBERS, "city": CITIES}


@pytest.fixture
def baselines(db: Database) -> BaselinesRepository:
    """The baselines of a database."""
    return BaselinesRepository(db)


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> None:
    """A version that names its number, and one that names nothing."""
    models.insert(model_name="m", feature_names=["age"])
    models.insert(model_name="nameless")


def bins(
    baselines: BaselinesRepository, data: Any, model: str = "m", **others: Any
) -> dict[str, BaselineFeature]:
    """Register a baseline and return its bins by feature."""
    id = baselines.register(model_name=model, model_version="1", data=data, **others)
    return {each.feature: each for each in baselines.list_features(id=id)}


def test_numbers_are_counted_between_their_quantiles(
    baselines: BaselinesRepository,
) -> None:
    age = (bins(baselines, {"age": NUMBERS}))["age"]
    assert age.edges is not None
    assert age.sums is not None
    edges = np.array(age.edges, float)
    assert len(edges) == 21
    expected, _ = np.histogram(NUMBERS, edges)
    assert age.counts == [0, *expected.tolist(), 0, 0]
    assert min(expected) > 40
    assert sum(map(float, age.sums)) == pytest.approx(NUMBERS.sum())  # type: ignore[arg-type]
    assert (age.kind, age.column_name, age.num_missing) == ("numeric", "feature_values", 0)
    assert (age.mean, age.std) == (pytest.approx(NUMBERS.mean()), pytest.approx(NUMBERS.std()))
    assert (age.min, age.max) == (NUMBERS.min(), NUMBERS.max())


def test_categories_are_counted_by_frequency(baselines: BaselinesRepository) -> None:
    city = (bins(baselines, DATA))["city"]
    assert city.categories == ["Bern", "Lima", "Oslo"]
    assert city.counts == [0, *(int((name == CITIES).sum()) for name in city.categories)]
    assert (city.kind, city.column_name, city.num_categories) == ("categorical", "inputs", 3)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(DATA),
        pl.DataFrame(DATA),
        pa.table(DATA),
        {"age": NUMBERS.tolist(), "city": CITIES.tolist()},
        pd.DataFrame(DATA).astype({"city": "category"}),
    ],
    ids=["pandas", "polars", "arrow", "lists", "category"],
)
def test_every_kind_of_table_gives_the_same_bins(
    baselines: BaselinesRepository, table: Any
) -> None:
    assert bins(baselines, table) == bins(baselines, DATA)


@pytest.mark.parametrize(
    ("column", "counts", "missing"),
    [
        ([1.0, None, 2.0, math.nan], [0, 1, 1, 0, 1], 1),
        ([7.0] * 5, [0, 5, 0, 0], 0),
        ([None, None], [0, 0], 2),
        ([math.nan], [0, 1], 0),
        ([math.inf, -math.inf, 3.0], [1, 1, 1, 0], 0),
        ([5.0], [0, 1, 0, 0], 0),
        ([True, False, True], [0, 1, 2, 0, 0], 0),
        ([1e308, 1e308, -1e308], [0, 1, 2, 0, 0], 0),
        ([0.0, 0.0, 0.0, 1.0], [0, 3, 1, 0, 0], 0),
        (pd.Series([1, None, 2], dtype="Int64"), [0, 1, 1, 0, 0], 1),
        (pd.Series([1.0, None, 2.0]), [0, 1, 1, 0, 0], 1),
        (pa.array([1, None, 2]), [0, 1, 1, 0, 0], 1),
    ],
)
def test_odd_numbers_have_bins_of_their_own(
    baselines: BaselinesRepository, column: Any, counts: list[int], missing: int
) -> None:
    age = (bins(baselines, {"age": column}))["age"]
    assert (age.counts, age.num_missing) == (counts, missing)


@pytest.mark.parametrize("column", ["x", "age"])
@pytest.mark.parametrize(
    "table",
    [
        lambda columns: columns,
        lambda columns: {name: np.array(column) for name, column in columns.items()},
        pd.DataFrame,
        pa.table,
        lambda columns: pa.Table.from_pandas(pd.DataFrame(columns)),
        pl.DataFrame,
    ],
    ids=["lists", "numpy", "pandas", "arrow", "parquet", "polars"],
)
def test_a_column_without_a_number_is_taken_from_every_kind_of_table(
    baselines: BaselinesRepository, table: Any, column: str
) -> None:
    found = bins(baselines, table({"age": [1.0, 2.0], column: [math.nan] * 2}))
    empty = found[column]
    assert empty.kind == ("numeric" if column == "age" else "categorical")
    assert empty.num_missing + sum(empty.counts) == 2


@pytest.mark.parametrize("gone", [None, pd.NaT, pd.NA, np.datetime64("NaT")])
@pytest.mark.parametrize("values", [["a", "b"], [1.5, 2.5], [True, False]])
def test_a_list_has_the_missing_values_of_a_series(
    baselines: BaselinesRepository, gone: Any, values: list[Any]
) -> None:
    column = [values[0], gone, values[1]]
    listed = (bins(baselines, {"x": column}, "nameless"))["x"]
    series = pd.DataFrame({"x": pd.Series(column, dtype=object)})
    found = (bins(baselines, series, "nameless"))["x"]
    assert listed.num_missing == 1
    assert (listed.kind, listed.counts) == (found.kind, found.counts)


def test_rare_categories_share_a_bin(baselines: BaselinesRepository) -> None:
    column = [f"c{n:05}" for n in range(10_000)] + ["c00007"]
    found = (bins(baselines, {"k": column}, "nameless", categorical=["k"]))["k"]
    assert found.counts == [0, 2, *[1] * 49, 9950]
    assert found.num_categories == 10_000
    assert found.categories is not None
    assert len(found.categories) == 1000


def test_texts_that_hardly_repeat_are_counted_by_length(
    baselines: BaselinesRepository,
) -> None:
    found = (bins(baselines, {"t": [f"{n}" * 3 for n in range(200)]}, "nameless"))["t"]
    assert (found.kind, found.counts) == ("text", [0, 10, 90, 100, 0, 0])


def test_numbers_and_truth_values_can_be_categories(
    baselines: BaselinesRepository,
) -> None:
    named = bins(baselines, {"age": [3.0, 0.5, 3.0]}, categorical=["age"])
    assert named["age"].categories == ["3", "0.5"]
    free = bins(baselines, {"flag": [True, None], "n": [4, 4]}, "nameless", categorical=["n"])
    assert free["flag"].categories == ["true"]
    assert free["n"].categories == ["4"]


@pytest.mark.parametrize("missing", [None, math.nan, np.float32("nan"), Decimal("NaN")])
def test_a_category_that_is_no_number_is_missing(
    baselines: BaselinesRepository, missing: Any
) -> None:
    found = (bins(baselines, {"k": ["a", missing, "a"]}, "nameless"))["k"]
    assert (found.categories, found.num_missing) == (["a"], 1)


ODD_NUMBERS = [0.0, -0.0, 1.0, -2.50, 1e15, 1234567890123456.0, 1e16, 1e20, 1e-7, 1e300, 5e-324]


@pytest.mark.parametrize("model", ["m", "nameless"])
def test_numbers_that_are_categories_are_those_of_predictions(
    db: Database, baselines: BaselinesRepository, model: str
) -> None:
    values = [*ODD_NUMBERS, math.nan] if model == "m" else [*ODD_NUMBERS, 1, 10**15]
    trained_on = bins(baselines, {"age": values}, model, categorical=["age"])
    rows = [
        {"id": new_id(NOON), "predicted_at": NOON,
         **({"features": [value]} if model == "m" else {"inputs": {"age": value}})}
        for value in values
    ]  # fmt: skip
    PredictionsRepository(db).insert_many(rows=rows, model_name=model, model_version="1")
    [found] = DriftReportsRepository(db).measure(
        model_name=model, model_version="1", since=NOON, until=NOON + timedelta(hours=1)
    )
    assert (found.current_size, found.unseen, found.psi) == (len(values), 0, 0)
    window = {"since": NOON, "until": NOON + timedelta(hours=1)}
    id = baselines.from_window(
        model_name=model, model_version="1", categorical=["age"], **window
    )
    [seen] = baselines.list_features(id=id)
    assert (seen.categories, seen.counts) == (
        trained_on["age"].categories,
        trained_on["age"].counts,
    )


def test_scores_and_labels_are_kept_too(baselines: BaselinesRepository) -> None:
    found = bins(
        baselines, {"age": [1, 2]}, probabilities=[0.1, 0.9], predictions=["a", "b"], labels=[0, 1]
    )
    assert [(each.column_name, each.kind) for each in found.values()] == [
        ("feature_values", "numeric"),
        ("probability", "numeric"),
        ("predicted_label", "categorical"),
        ("actual_value", "numeric"),
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"data": {"age": [1, 2], "weight": [1, 2]}}, "data.weight: is not a feature"),
        (
            {"data": {"age": ["old"], "weight": [1], "when": [NOON], "height": [1.5]}},
            "data: columns that do not fit: age: must be numbers, .*; weight, height: is not a "
            "feature of this version: .* leave it out; when: must be text, .* not datetime: "
            "convert it, or leave it out$",
        ),
        ({"data": {"age": [1], "when": [NOON.date()]}}, "data.when: .* not date: convert it"),
        ({"data": {"age": [1], "tags": [[1, 2]]}}, "data.tags: .* not list: convert it"),
        ({"data": {"age": [1]}, "labels": [NOON]}, "labels: must be text, numbers"),
        ({"data": {"age": ["old"]}}, "data.age: must be numbers"),
        ({"data": {}}, "data: must have at least one column"),
        ({"data": {"age": []}}, "data: must have columns of one length, and at least one row"),
        ({"data": {"age": [1], "city": ["a", "b"]}}, "data: must have columns of one length"),
        ({"data": {"age": 1}}, "data.age: must be a column"),
        ({"data": {"age": {1.0, 2.0}}}, "data.age: must be in an order, such as a list, not set"),
        ({"data": {"age": iter([1.0])}}, "data.age: must be a column"),
        ({"data": {"age": [1]}, "labels": frozenset({1})}, "labels: must be in an order"),
        ({"data": 7}, "data: must be a mapping"),
        ({"data": {f"f{n}": [1] for n in range(1001)}}, "data: must have at most 1000 columns"),
        ({"data": {"age": [1]}, "categorical": ["city"]}, "categorical: data has no column city"),
        ({"data": {"age": [1]}, "categorical": ["b", "a"]}, "categorical: data has no column a, b"),
        ({"data": {"age": [1]}, "labels": [1, 2]}, "labels: must have 1 values"),
        ({"data": {"age": [1]}, "probabilities": ["a"]}, "probabilities: must be numbers"),
        ({"data": {"age": [1]}, "probabilities": [97.5]}, "probabilities: must be between 0 and 1"),
        ({"data": {"age": [1]}, "probabilities": [-0.1]}, "probabilities: must be between 0 and 1"),
        ({"data": {"age": [1]}, "num_bins": 1}, "num_bins: must be between 2 and 200"),
        ({"data": {"age": [10**400]}}, "data.age: holds a number beyond double precision"),
        ({"data": {"age": [1], "city": [b"x"]}}, "data.city: must be text"),
        ({"data": {"age": [1] * 3, "city": ["a", "a", "a\0"]}}, "data.city: contains a NUL byte"),
        (
            {"data": {"age": [1] * 2}, "labels": ["a", "\ud800"]},
            "labels: contains a lone surrogate",
        ),
        ({"data": {"age": np.array([1], "m8[s]")}}, "data.age: must be numbers"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(
    baselines: BaselinesRepository, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidValue, match=f"^{problem}"):
        baselines.register(model_name="m", model_version="1", **arguments)
    assert baselines.list_baselines() == []


def test_the_newest_counts_and_a_repeated_call_registers_once(
    baselines: BaselinesRepository,
) -> None:
    assert baselines.latest(model_name="m", model_version="1") is None
    first = new_id()
    for _ in range(2):
        id = baselines.register(
            model_name="m", model_version="1", data={"age": [1]}, created_by="ann", id=first
        )
        assert id == first
    with pytest.raises(Conflict):
        baselines.register(model_name="m", model_version="1", data={"age": [1, 2]}, id=first)
    second = baselines.register(model_name="m", model_version="1", data=DATA)
    latest = baselines.latest(model_name="m", model_version="1")
    assert latest is not None
    assert (latest.id, latest.num_rows, latest.num_features) == (second, 1000, 2)
    assert [each.id for each in baselines.list_baselines(model_name="m")] == [second, first]
    assert [each.id for each in baselines.list_baselines(before=second)] == [first]
    assert baselines.get(id=second) == latest
    assert baselines.get(id=new_id()) is None


def test_a_version_that_is_not_there_is_named(baselines: BaselinesRepository) -> None:
    with pytest.raises(NotFound, match="model m has no version 9"):
        baselines.register(model_name="m", model_version="9", data=DATA)


@pytest.mark.parametrize("table", ["baselines", "baseline_features"])
def test_a_baseline_does_not_change(
    baselines: BaselinesRepository, conn: psycopg.Connection, table: str
) -> None:
    bins(baselines, DATA)
    with pytest.raises(psycopg.DatabaseError, match="append-only"):
        conn.execute(f"DELETE FROM {table}")  # type: ignore[call-overload]  # noqa: S608


def test_a_window_of_predictions_is_a_baseline_as_its_columns_are(
    db: Database, baselines: BaselinesRepository
) -> None:
    times = [NOON - timedelta(minutes=n) for n in range(200)]
    rows = [
        {"id": new_id(at), "predicted_at": at, "features": [NUMBERS[n]],
         "inputs": {"city": str(CITIES[n]), "nested": {"a": 1}, "n": n % 3},
         "probability": n / 200, "predicted_label": "ab"[n % 2]}
        for n, at in enumerate(times)
    ]  # fmt: skip
    PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version="1")
    labels = [{"prediction_id": row["id"], "actual_label": "a"} for row in rows[:50]]
    GroundTruthRepository(db).insert_many(rows=labels)
    window = {"since": NOON - timedelta(hours=1), "until": NOON + timedelta(minutes=1)}
    id = baselines.from_window(model_name="m", model_version="1", **window)
    made = baselines.get(id=id)
    assert made is not None
    assert (made.num_rows, made.window_start, made.window_end) == (61, *window.values())
    found = {each.feature: each for each in baselines.list_features(id=id)}
    assert list(found) == ["age", "city", "n", "probability", "predicted_label", "actual_label"]
    same = bins(baselines, {"age": NUMBERS[:61], "city": CITIES[:61]})
    assert [found[name].counts for name in same] == [each.counts for each in same.values()]
    assert (found["actual_label"].counts, found["actual_label"].num_missing) == ([0, 50], 0)
    assert sum(found["n"].counts) == 61
    with pytest.raises(NotFound, match="the window has no predictions"):
        baselines.from_window(
            model_name="m", model_version="1", since=NOON + timedelta(days=1), until=LATER
        )
