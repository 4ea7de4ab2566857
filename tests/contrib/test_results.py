"""Results of other monitoring libraries: recorded by fix_results.py, and made on the spot.

The latter only where the library is installed.
"""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fix_results
import pandas as pd
import pytest

from mlops_ledger import (
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    PerformanceMetricsRepository,
)
from mlops_ledger.contrib import evidently, great_expectations, nannyml, pandera, whylogs
from mlops_ledger.contrib.measured import Measured, why_not
from mlops_ledger.errors import Conflict, InvalidValue

DATA = Path(__file__).parents[1] / "data"
NOON = fix_results.NOON
SOURCES = ("recorded", "live")


def _recorded(library: str) -> Any:
    return json.loads((DATA / f"results_{library}.json").read_text("utf-8"))


def _live(library: str) -> Any:
    pytest.importorskip(library, reason=f"{library} is not installed: only its recorded results")
    return getattr(fix_results, library)()


def _of_nannyml(recorded: dict[str, Any]) -> Any:
    """Return what the adapter takes for a result of NannyML."""
    columns = [tuple(column) for column in recorded["columns"]]
    table = pd.DataFrame(recorded["rows"], columns=pd.MultiIndex.from_tuples(columns), dtype=object)
    for column in columns:
        if column[-1] in ("start_date", "end_date"):
            table[column] = pd.to_datetime(table[column])
    members = {
        "__module__": recorded["module"],
        "data_quality_metric": recorded["data_quality_metric"],
        "to_df": lambda self: table,
    }
    return type("Result", (), members)()


@pytest.fixture(scope="module", params=SOURCES)
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "live":
        found: dict[str, Any] = _live("nannyml")
        return found
    return {name: _of_nannyml(each) for name, each in _recorded("nannyml").items()}


@pytest.fixture
def db(dsn: str) -> Any:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m", model_version="1")
        yield db


def _metrics(db: Any) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in PerformanceMetricsRepository(db).list_metrics(model_name="m", limit=1000):
        found.setdefault(row.metric_name, []).insert(0, row.metric_value)
    return found


M: dict[str, Any] = {"model_name": "m", "model_version": "1"}


def test_chunks_of_nannyml_are_reports(db: Database, results: dict[str, Any]) -> None:
    done = nannyml.record_result(db, results["univariate"], **M)
    again = nannyml.record_result(db, results["univariate"], **M)
    assert again.drift_report_ids == done.drift_report_ids
    reports = DriftReportsRepository(db).list_reports(model_name="m")[::-1]
    assert [report.id for report in reports] == done.drift_report_ids
    day = timedelta(days=1)
    midnight = datetime(2026, 1, 12, tzinfo=UTC)
    assert [report.timestamp for report in reports] == [
        midnight,
        midnight + day,
        midnight + 2 * day,
    ]
    assert {report.lookback_hours for report in reports} == {24}
    assert [report.drifted_features for report in reports][2] == ["age"]
    assert reports[2].drift_score == pytest.approx(1 / 3)
    assert not reports[2].drift_detected
    table = results["univariate"].to_df()
    last = table.iloc[-1]
    age, visits, plan = reports[2].features
    assert age["method"] == "kolmogorov_smirnov"
    assert age["score"] == last["age", "kolmogorov_smirnov", "value"] > age["threshold"]
    assert age["statistics"] == {
        name: last["age", name, "value"] for name in ("kolmogorov_smirnov", "wasserstein")
    }
    assert not visits["drifted"]
    # Of chi2 the value is no distance, and what it is judged by is not in the result.
    assert (plan["method"], plan["score"], plan["threshold"]) == ("chi2", None, None)
    assert plan["statistic"] == last["plan", "chi2", "value"]
    assert not any("p_value" in feature for feature in reports[2].features)


def test_the_share_and_the_name_of_the_method_can_be_given(
    db: Database, results: dict[str, Any]
) -> None:
    nannyml.record_result(db, results["univariate"], **M, drift_share=0.3)
    nannyml.record_result(db, results["univariate"], **M, method="nannyml of ages")
    found = DriftReportsRepository(db).list_reports(model_name="m")
    assert {(each.method, each.drift_detected) for each in found if each.drift_score} == {
        ("nannyml", True),
        ("nannyml of ages", False),
    }
    with pytest.raises(Conflict):
        nannyml.record_result(db, results["univariate"], **M, drift_share=0.9)


def test_multivariate_drift_of_nannyml(db: Database, results: dict[str, Any]) -> None:
    nannyml.record_result(db, results["reconstruction"], **M)
    found = DriftReportsRepository(db).list_reports(model_name="m")[0]
    last = results["reconstruction"].to_df().iloc[-1]["reconstruction_error"]
    assert found.method == "reconstruction_error"
    assert found.drift_score == last["value"]
    assert found.drift_detected == bool(last["alert"])
    assert found.threshold == last["upper_threshold"]
    assert found.n_features is None


def test_metrics_of_nannyml(db: Database, results: dict[str, Any]) -> None:
    left_out: dict[str, str] = {}
    for name in ("missing", "average", "rows", "realised", "estimated"):
        done = nannyml.record_result(db, results[name], **M)
        left_out |= done.left_out
        assert nannyml.record_result(db, results[name], **M).metrics.stored == 0
    found = _metrics(db)
    assert {name: len(values) for name, values in found.items()} == {
        "missing_values_rate.age": 3,
        "missing_values_rate.visits": 3,
        "avg.age": 3,
        "row_count": 3,
        "roc_auc": 2,
        "f1_score": 2,
        "estimated_roc_auc": 3,
        "estimated_f1_score": 3,
    }
    assert found["row_count"] == [240, 240, 240]
    assert found["roc_auc"] == results["realised"].to_df()["roc_auc", "value"].tolist()[-3:-1]
    # On the last day there is one class.
    assert left_out == {
        f"{name} 2026-01-14T00:00:00+00:00": "is not a number (NaN)"
        for name in ("roc_auc", "f1_score")
    }


def test_what_nannyml_has_no_dates_for_is_refused(results: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"chunk \[0:239\] has no dates: give"):
        nannyml.measure(results["undated"])
    with pytest.raises(InvalidValue, match="must be a result of NannyML"):
        nannyml.measure(pd.DataFrame())


def test_a_value_below_the_lower_threshold_names_it() -> None:
    recorded = _recorded("nannyml")["reconstruction"]
    row = recorded["rows"][-1]
    places = {column[-1]: place for place, column in enumerate(recorded["columns"])}
    row[places["value"]], row[places["lower_threshold"]], row[places["alert"]] = 0.1, 0.2, True
    report = nannyml.measure(_of_nannyml(recorded)).drift_reports[-1]
    assert (report["drift_score"], report["threshold"]) == (0.1, 0.2)


@pytest.mark.parametrize("source", SOURCES)
def test_a_validation_of_great_expectations(db: Database, source: str) -> None:
    name = "great_expectations"
    result = _recorded(name) if source == "recorded" else _live(name)
    done = great_expectations.record_validation(db, result, **M)
    assert great_expectations.record_validation(db, json.dumps(result), **M).metrics.stored == 0
    found = _metrics(db)
    assert found["failed_expectations"] == [5]
    assert found["expect_column_values_to_not_be_null.age"] == [0.25]
    between = {name: value for name, [value] in found.items() if "values_to_be_between" in name}
    assert sorted(between.values()) == [0, pytest.approx(1 / 3)]
    assert found["expect_column_mean_to_be_between.age"] == [pytest.approx(250 / 3)]
    assert found["expect_table_row_count_to_be_between"] == [4]
    why = {name.split()[0]: why for name, why in done.left_out.items()}
    assert why == {
        "expect_column_values_to_be_in_set.nowhere": "could not be evaluated: it raised",
        "expect_column_most_common_value_to_be_in_set.plan": "is no number",
    }
    [row] = PerformanceMetricsRepository(db).list_metrics(
        model_name="m", metric_name="expect_column_values_to_not_be_null.age"
    )
    assert row.metric_type == "data_quality"
    assert row.metadata == {
        "source": name,
        "success": False,
        "unit": "unexpected_share",
        "suite": "engagement",
    }
    assert row.timestamp == datetime.fromisoformat(result["meta"]["validation_time"])


def test_a_checkpoint_is_its_validations() -> None:
    result = _recorded("great_expectations")
    checkpoint = SimpleNamespace(run_results={"one": result, "other": result})
    assert len(great_expectations.measure(checkpoint).metrics) == 2 * len(
        great_expectations.measure(result).metrics
    )
    del result["meta"]["validation_time"]
    with pytest.raises(InvalidValue, match="timestamp: is needed"):
        great_expectations.measure(result)
    for odd in ("[", "[]", {}, None):
        with pytest.raises(InvalidValue, match="result: "):
            great_expectations.measure(odd)


@pytest.mark.parametrize("source", SOURCES)
def test_a_profile_of_whylogs(db: Database, tmp_path: Path, source: str) -> None:
    options: dict[str, Any] = {"timestamp": NOON}
    if source == "live":
        profile, options["reference"] = _live("whylogs")
        options["lookback_hours"] = 24
        file = tmp_path / "profile.bin"
        profile.view().write(str(file))
        read, given = (whylogs.measure(each, NOON).metrics for each in (file, profile))
        by_name = itemgetter("metric_name")
        # A file has the columns in another order.
        assert sorted(read, key=by_name) == sorted(given, key=by_name)
    else:
        recorded = _recorded("whylogs")
        columns = {
            name: SimpleNamespace(to_summary_dict=lambda summary=summary: summary)
            for name, summary in recorded["columns"].items()
        }
        profile = SimpleNamespace(get_columns=lambda: columns, dataset_timestamp=NOON)
    done = whylogs.record_profile(db, profile, **M, **options)
    assert whylogs.record_profile(db, profile, **M, **options).metrics.stored == 0
    found = {name: value for name, [value] in _metrics(db).items()}
    frame = fix_results.frame(500, "2026-01-11", 6.0)
    assert found["row_count"] == 500
    assert found["missing_share.plan"] == 0
    assert found["infinite_share.visits"] == 3 / 500
    assert found["missing_share.visits"] == found["nan_share.visits"]
    assert found["mean.age"] == pytest.approx(frame["age"].mean())
    assert found["stddev.age"] == pytest.approx(frame["age"].std())
    assert found["max.age"] == pytest.approx(frame["age"].max())
    assert "mean.plan" not in found
    assert {name.split()[0] for name in done.left_out} >= {"max.visits"}
    assert len(done.drift_report_ids) == (source == "live")


@pytest.mark.parametrize("source", SOURCES)
def test_drift_of_whylogs(source: str) -> None:
    if source == "live":
        pytest.importorskip("whylogs", reason="whylogs is not installed")
    scores = (fix_results.whylogs_recorded() if source == "live" else _recorded("whylogs"))[
        "scores"
    ]
    left_out: dict[str, str] = {}
    fields = whylogs.drift_fields(scores["default"], 0.5, left_out)
    features = {feature["feature"]: feature for feature in fields["features"]}
    assert features["age"]["p_value"] == scores["default"]["age"]["pvalue"]
    assert (features["age"]["drifted"], features["age"]["threshold"]) == (True, 0.05)
    assert (features["plan"]["method"], "score" in features["plan"]) == ("chi-square", False)
    fields = whylogs.drift_fields(scores["hellinger"], 0.5, left_out)
    age = next(each for each in fields["features"] if each["feature"] == "age")
    assert (age["method"], age["threshold"], "p_value" in age) == ("hellinger", 0.4, False)
    # Hellinger distances of words whylogs has none.
    assert "drift of plan" in left_out
    unknown = {"age": {**scores["default"]["age"], "algorithm": "other"}}
    with pytest.raises(InvalidValue, match="algorithm other of column age is not known"):
        whylogs.drift_fields(unknown, 0.5, {})
    with pytest.raises(InvalidValue, match="no column"):
        whylogs.drift_fields({"age": None}, 0.5, {})


def test_frames_that_pandera_validates(db: Database) -> None:
    pa = pytest.importorskip("pandera.pandas", reason="pandera is not installed")
    schema = pa.DataFrameSchema(
        {
            "age": pa.Column(float, pa.Check.in_range(0, 120), nullable=False),
            "plan": pa.Column(str, pa.Check.isin(["free", "pro"])),
            "visits": pa.Column(int),
            "nowhere": pa.Column(int),
        },
        checks=pa.Check(lambda frame: frame["age"] != 30),
        name="customers",
    )
    frame = pd.DataFrame(
        {"age": [20, 30, None, 200.0], "plan": ["free", "pro", "pro", "pro"], "visits": 1.0}
    )
    pandera.record_validation(db, schema, frame, **M, timestamp=NOON)
    assert pandera.record_validation(db, schema, frame, **M, timestamp=NOON).metrics.stored == 0
    assert {name: value for name, [value] in _metrics(db).items()} == {
        "failed_checks": 5,
        "invalid_share": 1,
        "invalid_share.age": 0.5,
        "invalid_share.plan": 0,
        "invalid_share.visits": 1,
        "invalid_share.nowhere": 1,
    }
    good = frame[frame["age"] == 20].assign(visits=1, nowhere=2)
    found = pandera.measure(schema, good, NOON)
    assert {row["metric_value"] for row in found.metrics} == {0}
    empty = pandera.measure(schema, good.iloc[:0], NOON)
    assert [row["metric_name"] for row in empty.metrics] == ["failed_checks"]
    assert set(empty.left_out.values()) == {"has no value"}


def test_models_and_mistakes_of_pandera() -> None:
    pa = pytest.importorskip("pandera.pandas", reason="pandera is not installed")

    class Customers(pa.DataFrameModel):
        age: int = pa.Field(ge=0)

    found = pandera.measure(Customers, pd.DataFrame({"age": [1, -1]}), NOON)
    shares = {row["metric_name"]: row["metric_value"] for row in found.metrics}
    assert shares == {"failed_checks": 1, "invalid_share": 0.5, "invalid_share.age": 0.5}
    with pytest.raises(InvalidValue, match="schema: "):
        pandera.measure(None, pd.DataFrame(), NOON)
    with pytest.raises(InvalidValue, match="frame: "):
        pandera.measure(Customers, {"age": [1]}, NOON)


@pytest.mark.parametrize("source", SOURCES)
def test_a_run_of_evidently(db: Database, source: str) -> None:
    runs = _recorded("evidently") if source == "recorded" else _live("evidently")
    window: dict[str, Any] = {"timestamp": NOON, "lookback_hours": 24}
    done = evidently.record_run(db, runs["performance"], **M, **window)
    assert len(done.drift_report_ids) == 1
    assert (
        evidently.record_run(db, json.dumps(runs["performance"]), **M, **window).metrics.stored == 0
    )
    evidently.record_run(db, runs["summary"], **M, **window)
    found = {name: value for name, [value] in _metrics(db).items()}
    assert found["mape"] == pytest.approx(runs["mape"])
    assert {"accuracy", "roc_auc", "f1_score", "r2", "mae", "f1_by_label.0"} <= set(found)
    assert found["missing_value_share.visits"] == 8 / 400
    assert found["missing_value_count.visits"] == 8
    assert found["quantile_value_0.5.age"] > found["quantile_value_0.25.age"]
    types = {
        row.metric_name: row.metric_type
        for row in PerformanceMetricsRepository(db).list_metrics(model_name="m", limit=1000)
    }
    assert (types["roc_auc"], types["row_count"]) == ("performance", "data_quality")


def test_values_of_the_data_are_not_kept() -> None:
    found = evidently.measure(_recorded("evidently")["summary"], NOON, 24)
    assert found.left_out["unique_value_count.plan 2026-01-01T12:00:00+00:00"] == "is no number"
    names = [row["metric_name"] for row in found.metrics]
    assert len(names) == len(set(names))
    assert not [name for name in names if "free" in name]


def test_what_is_no_metric_says_why() -> None:
    values = [None, True, "x", [1], float("nan"), float("inf"), 1e200]
    assert [why_not(value) for value in values] == [
        "has no value",
        *["is no number"] * 3,
        "is not a number (NaN)",
        *["is infinite, or beyond 1e150"] * 2,
    ]
    assert why_not(fix_results.np.float32(1)) is why_not(fix_results.np.int64(1)) is None


def test_what_ends_in_the_future_is_left_out(db: Database) -> None:
    measured = Measured("test")
    coming = datetime.now(UTC) + timedelta(days=1)
    measured.add("rows", 1, coming, "data_quality")
    measured.add("rows", 1, NOON, "data_quality")
    measured.drift_reports.append(
        {"timestamp": coming, "lookback_hours": 24, "drift_detected": False}
    )
    done = measured.record(db, **M)
    assert (done.metrics.stored, done.drift_report_ids) == (1, [])
    assert done.left_out == {f"period to {coming.isoformat()}": "ends in the future"}


def test_the_adapters_need_none_of_the_libraries() -> None:
    for module in (evidently, great_expectations, nannyml, pandera, whylogs):
        importlib.import_module(module.__name__)
