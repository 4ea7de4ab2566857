# Generated from tests/_async/test_drift_reports.py by tools/unasync.py: edit that file, then run `make sync`.
"""Recording drift reports and asking which features drift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    DriftReportsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

REPORT = {"model_name": "m", "timestamp": NOON, "lookback_hours": 24.0, "drift_detected": True}
FEATURES = [
    {"feature": "hour", "drifted": True, "method": "ks", "statistic": 0.4, "p_value": 0.001},
    {"feature": "carrier", "drifted": False, "score": 0.05, "threshold": 0.2},
    {"feature": "distance", "drifted": True, "score": 0.3, "p_value": None},
]
DERIVED = {"drifted_features": ["hour", "distance"], "n_drifted_features": 2, "n_features": 3}
EVERYTHING = {
    **REPORT,
    **DERIVED,
    "window_start": NOON - 25 * HOUR,
    "window_end": NOON - HOUR,
    "drift_score": 0.25,
    "method": "psi",
    "threshold": 0.2,
    "features": FEATURES,
    "reference_size": 10_000,
    "current_size": 870,
    "reference_start": NOON - 90 * DAY,
    "reference_end": NOON - 60 * DAY,
    "report_ref": "s3://drift/1.html",
    "summary_ref": "s3://drift/1.json",
    "metadata": {"job": "weekly"},
}
# Each with what would still be valid on its own.
OTHER_CONTENT = {
    "drift_detected": False,
    "drift_score": 0.26,
    "threshold": None,
    "features": [{**FEATURES[0], "p_value": 0.002}, *FEATURES[1:]],
    "reference_size": 1,
    "current_size": None,
    "report_ref": "s3://drift/2.html",
    "summary_ref": None,
    "metadata": {},
}
REFUSED = [
    ({"lookback_hours": 0}, "lookback_hours", "must be above 0"),
    ({"lookback_hours": None}, "lookback_hours", "or window_start is needed"),
    ({"window_start": NOON - 2 * HOUR}, "lookback_hours", "is not the length of the window"),
    (
        {"lookback_hours": None, "window_start": NOON, "window_end": NOON - HOUR},
        "window_start",
        "must be before window_end",
    ),
    ({"window_end": NOON + HOUR}, "window_end", "must not be later than timestamp"),
    ({"reference_end": NOON + HOUR}, "reference_end", "must not be later than timestamp"),
    ({"reference_start": NOON, "reference_end": NOON - HOUR}, "reference_start", "reference_end"),
    ({"n_drifted_features": 3, "n_features": 2}, "n_drifted_features", "exceed n_features"),
    ({"n_drifted_features": 1, "drifted_features": ["a", "b"]}, "n_drifted_features", "number of"),
    ({"features": FEATURES, "n_features": 4}, "n_features", "is not the number of features"),
    ({"features": FEATURES, "n_drifted_features": 1}, "n_drifted_features", "number of"),
    ({"features": FEATURES, "drifted_features": ["hour"]}, "drifted_features", "are not those"),
    (
        {"features": FEATURES, "drifted_features": ["hour", "carrier"]},
        "drifted_features",
        "are not those",
    ),
    ({"features": [*FEATURES, {"feature": "x"}]}, "features[3]", "must be {"),
    ({"features": [*FEATURES, FEATURES[0]]}, "features[0].feature", "is there twice"),
    (
        {"features": [*FEATURES, {"feature": "x", "drifted": True, "p_value": 1.1}]},
        "features[3].p_value",
        "must be between 0 and 1",
    ),
    (
        {"features": [{"feature": "x", "drifted": True, "score": float("nan")}]},
        "features[0].score",
        "finite",
    ),
    ({"timestamp": datetime(2100, 1, 1, tzinfo=UTC)}, "timestamp", "lies in the future"),
    ({"drift_score": float("inf")}, "drift_score", "finite"),
    ({"current_size": -1}, "current_size", "must not be negative"),
]


@pytest.fixture(autouse=True)
def live(models: ModelVersionRepository) -> None:
    """Version 1 of model m, in production since a day before noon, and version 2."""
    models.insert(model_name="m")
    models.insert(model_name="m")
    models.promote(model_name="m", model_version="1", at=NOON - DAY)


def test_insert_keeps_every_field(reports: DriftReportsRepository) -> None:
    """Score, drifted features, sizes, windows and where the reports are stored."""
    report = reports.get(id=reports.insert(**EVERYTHING))
    assert report is not None
    assert {name: getattr(report, name) for name in EVERYTHING} == EVERYTHING


def test_names_and_counts_come_from_the_features(
    reports: DriftReportsRepository,
) -> None:
    reports.insert(**REPORT, features=FEATURES)
    report = reports.latest(model_name="m")
    assert report is not None
    assert {name: getattr(report, name) for name in DERIVED} == DERIVED
    # The same names in another order do not contradict them.
    given = {**REPORT, "lookback_hours": 1, "drifted_features": ["distance", "hour"]}
    assert reports.insert(**given, features=FEATURES)


def test_without_features_the_count_is_that_of_the_names(
    reports: DriftReportsRepository,
) -> None:
    reports.insert(**REPORT, drifted_features=["a", "b"])
    report = reports.latest()
    assert report is not None
    assert (report.features, report.n_drifted_features, report.n_features) == ([], 2, None)


def test_the_window_ends_at_the_timestamp(reports: DriftReportsRepository) -> None:
    for given, expected in (
        ({"lookback_hours": 2}, (NOON - 2 * HOUR, NOON, 2)),
        ({"window_start": NOON - 36 * HOUR}, (NOON - 36 * HOUR, NOON, 36)),
        (
            {"window_end": NOON - HOUR, "lookback_hours": 0.5},
            (NOON - 1.5 * HOUR, NOON - HOUR, 0.5),
        ),
    ):
        made = reports.insert(**{**REPORT, "lookback_hours": None, **given})
        report = reports.get(id=made)
        assert report is not None
        assert (report.window_start, report.window_end, report.lookback_hours) == expected


def test_a_report_is_about_the_version_of_its_run_or_in_production(
    models: ModelVersionRepository,
    monitoring: MonitoringMetricsRepository,
    reports: DriftReportsRepository,
) -> None:
    """A report names its version."""
    first, second = [
        version.id
        for number in ("1", "2")
        if (version := models.get(model_name="m", model_version=number))
    ]
    run = monitoring.insert(
        model_name="m",
        timestamp=NOON,
        lookback_hours=24,
        num_predictions=1,
        model_version_id=second,
    )
    for hours, given, expected in (
        (1, {}, first),
        (2, {"monitoring_run_id": run}, second),
        (3, {"model_version_id": first, "monitoring_run_id": run}, first),
    ):
        made = reports.insert(**{**REPORT, "lookback_hours": hours}, **given)
        report = reports.get(id=made)
        assert report is not None
        assert report.model_version_id == expected


def test_what_is_unknown_is_not_found(
    models: ModelVersionRepository,
    monitoring: MonitoringMetricsRepository,
    reports: DriftReportsRepository,
) -> None:
    other = models.insert(model_name="other")
    run = monitoring.insert(
        model_name="other",
        timestamp=NOON,
        lookback_hours=24,
        num_predictions=1,
        model_version_id=other,
    )
    for given, words in (
        ({"model_name": "unknown"}, "no model of that name"),
        ({"timestamp": NOON - 2 * DAY}, "no version of model .* was in production at 20"),
        ({"model_version_id": other}, "names no version of this model"),
        ({"model_version_id": new_id()}, "names no version of this model"),
        ({"monitoring_run_id": run}, "no such monitoring run of this model"),
        ({"monitoring_run_id": new_id()}, "no such monitoring run of this model"),
    ):
        with pytest.raises(NotFound, match=words):
            reports.insert(**{**REPORT, **given})
    assert reports.latest() is None


def test_what_is_refused_is_named_and_leaves_nothing(
    reports: DriftReportsRepository,
) -> None:
    for given, field, words in REFUSED:
        with pytest.raises(InvalidValue) as refusal:
            reports.insert(**{**REPORT, **given})
        assert (refusal.value.field, words in refusal.value.problem) == (field, True), given
    assert reports.latest() is None


def test_the_same_report_again_returns_the_same_id(
    reports: DriftReportsRepository,
) -> None:
    first = reports.insert(**EVERYTHING)
    assert reports.insert(**EVERYTHING) == first
    # What was computed the first time need not be given again, nor left out.
    computed = (*DERIVED, "lookback_hours", "window_end")
    short = {name: value for name, value in EVERYTHING.items() if name not in DERIVED}
    assert reports.insert(**short) == first
    second = reports.insert(**REPORT, features=FEATURES)
    report = reports.get(id=second)
    assert report is not None
    full = {name: getattr(report, name) for name in computed}
    assert reports.insert(**{**REPORT, **full, "features": FEATURES}) == second
    assert len(reports.list_reports()) == 2


def test_other_content_of_the_same_report_is_a_conflict(
    reports: DriftReportsRepository,
) -> None:
    made = reports.insert(**EVERYTHING)
    for field, value in OTHER_CONTENT.items():
        with pytest.raises(Conflict, match="its content is different"):
            reports.insert(**{**EVERYTHING, field: value})
    with pytest.raises(Conflict, match="or the id names one"):
        reports.insert(**{**REPORT, "lookback_hours": 1}, id=made)
    # Another method or reference is another report of the same window.
    others = [("method", "wasserstein"), ("reference_start", NOON - 91 * DAY)]
    for field, value in (*others, ("reference_end", None)):
        assert reports.insert(**{**EVERYTHING, field: value}) != made


def test_latest_and_history(
    models: ModelVersionRepository, reports: DriftReportsRepository
) -> None:
    """The latest report, and the history of some days."""
    other = models.insert(model_name="other")
    made = [
        reports.insert(**{**REPORT, "timestamp": NOON + days * DAY}) for days in (0, 9, 3)
    ]
    elsewhere = reports.insert(
        **{**REPORT, "model_name": "other", "timestamp": NOON + 20 * DAY}, model_version_id=other
    )
    for name, expected in (("m", made[1]), ("other", elsewhere), (None, elsewhere)):
        report = reports.latest(model_name=name)
        assert report is not None
        assert report.id == expected
    assert reports.latest(model_name="unknown") is None
    history = reports.history(model_name="m", days=9, until=NOON + 9.5 * DAY)
    assert [report.id for report in history] == [made[1], made[2]]
    assert reports.history(model_name="m", days=1) == []


def test_pages_hold_every_report_once(reports: DriftReportsRepository) -> None:
    made = [
        (hour, reports.insert(**{**REPORT, "timestamp": NOON + hour * HOUR, "method": word}))
        for hour in range(3)
        for word in ("psi", "ks")
    ]
    seen, before = [], None
    while page := reports.list_reports(model_name="m", limit=4, before=before):
        seen += [report.id for report in page]
        before = page[-1].id
    assert seen == [made_id for _, made_id in sorted(made, reverse=True)]
    window = reports.list_reports(since=NOON + HOUR, until=NOON + 2 * HOUR)
    assert {report.timestamp for report in window} == {NOON + HOUR}


def test_the_trend_of_a_feature(reports: DriftReportsRepository) -> None:
    """The trend of drift, report by report."""
    for hours, score in ((2, 0.3), (0, 0.1), (1, None)):
        reports.insert(
            **{**REPORT, "timestamp": NOON + hours * HOUR},
            method="psi",
            features=[
                {"feature": 'a "b"', "drifted": score == 0.3, "score": score, "p_value": 0.5},
                {"feature": "other", "drifted": True, "score": 9},
            ],
        )
    reports.insert(**{**REPORT, "timestamp": NOON + 3 * HOUR})
    trend = reports.feature_trend(model_name="m", feature='a "b"', until=NOON + DAY)
    assert [(each.timestamp, each.score, each.drifted) for each in trend] == [
        (NOON, 0.1, False),
        (NOON + HOUR, None, False),
        (NOON + 2 * HOUR, 0.3, True),
    ]
    assert {(each.method, each.p_value, each.statistic) for each in trend} == {("psi", 0.5, None)}
    newest = reports.get(id=trend[-1].report_id)
    assert newest is not None
    assert newest.timestamp == NOON + 2 * HOUR
    assert reports.feature_trend(model_name="m", feature="unknown", until=NOON + DAY) == []
    short = reports.feature_trend(
        model_name="m", feature="other", days=1 / 24, until=NOON + 2.5 * HOUR
    )
    assert [each.score for each in short] == [9]
    with pytest.raises(InvalidValue, match="days"):
        reports.feature_trend(model_name="m", feature="other", days=0)
