"""The numbers of the page of a feature: those that the database has."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    SummariesRepository,
)

pytest.importorskip("jinja2", reason="needs the extra [ui]")

import itertools

from starlette.testclient import TestClient

from mlops_ledger.contrib.ui import create_app, histograms
from mlops_ledger.contrib.ui.charts import Span
from mlops_ledger.contrib.ui.source import Source

DAY = timedelta(days=1)
SINCE = datetime(2026, 3, 2, tzinfo=UTC)
NAMED = {"model_name": "m", "model_version": "1"}


@pytest.fixture
def db(dsn: str) -> Database:
    """A version whose last two days differ from its baseline."""
    database = Database(Settings(conninfo=dsn))
    ModelVersionRepository(database).insert(**NAMED, feature_names=["age"])
    BaselinesRepository(database).register(
        **NAMED, data={"age": [n / 10 for n in range(100)], "plan": ["a", "b", "c", None] * 25}
    )
    PredictionsRepository(database).insert_many(
        rows=[
            {
                **NAMED,
                "predicted_at": SINCE + n * timedelta(minutes=20),
                "prediction": 1.0,
                "features": {"age": math.nan if n % 17 == 0 else n / 12},
                "inputs": {"plan": [None, "a", "d"][n % 3]},
            }
            for n in range(144)
        ]
    )
    SummariesRepository(database).fold()
    return database


@pytest.mark.parametrize("feature", ["age", "plan"])
@pytest.mark.parametrize(("length", "grain"), [(1, "hour"), (2, "day")])
def test_distance_shares_and_mean_are_those_of_the_database(
    db: Database, feature: str, length: int, grain: str
) -> None:
    window = {"since": SINCE, "until": SINCE + length * DAY}
    measured = DriftReportsRepository(db).measure(**NAMED, **window)
    [expected] = [each for each in measured if each.feature == feature]
    baseline = BaselinesRepository(db).latest(**NAMED)
    assert baseline is not None
    [bins] = [
        each for each in BaselinesRepository(db).list_features(id=baseline.id)
        if each.feature == feature
    ]  # fmt: skip
    rows = Source(db).counted(
        model_version_id=baseline.model_version_id, baseline_id=baseline.id, series=bins.series,
        grain=grain, **window,
    )  # fmt: skip
    then, now = histograms.reference(bins), histograms.add_up(rows)
    assert histograms.jensen_shannon(then, now) == pytest.approx(expected.jensen_shannon, rel=1e-12)
    assert sum(now.values()) == expected.current_size == length * 72
    assert histograms.share(now, [histograms.MISSING]) == pytest.approx(expected.current_missing)
    outside = histograms.share(now, histograms.outside(bins))
    if feature == "age":
        assert histograms.mean(rows, bins) == pytest.approx(expected.current_mean)
        assert outside == pytest.approx(expected.out_of_range)
    else:
        assert outside == pytest.approx(expected.unseen)
        shares = histograms.categories(bins, then, now)
        assert sum(each.now or 0 for each in shares) == pytest.approx(1)
        assert sum(each.then or 0 for each in shares) == pytest.approx(1)


def test_a_feature_is_shown_for_a_window(db: Database) -> None:
    client = TestClient(create_app(db), base_url="http://localhost")
    given = {"model": "m", "version": "1", "feature": "age"}
    text = client.get("/feature", params=given).text
    assert "2026-02-25 00:00 to 2026-03-04 00:00" in text
    assert "not counted yet" not in text
    assert "window of 144 predictions" in text
    text = client.get(
        "/feature", params={**given, "since": "2026-03-02T05:10", "until": "2026-03-02T06:01"}
    ).text
    # Summaries are by the hour.
    assert "2026-03-02 05:00 to 2026-03-02 07:00" in text
    assert "window of 6 predictions" in text
    text = client.get(
        "/feature", params={**given, "since": "2025-01-01", "until": "2025-01-02"}
    ).text
    assert "The window has no predictions of this version" in text
    PredictionsRepository(db).insert(**NAMED, predicted_at=SINCE)
    for path in ("/feature", "/version"):
        assert "is not counted yet" in client.get(path, params=given).text
    assert client.get("/feature", params={**given, "feature": "other"}).status_code == 404
    assert client.get("/feature", params={**given, "column": "inputs"}).status_code == 404


@pytest.mark.parametrize("hours", [1, 5, 24, 72, 24 * 40, 24 * 365, 24 * 4000])
def test_the_parts_of_a_span_cover_it_and_are_few(hours: int) -> None:
    span = Span(SINCE + timedelta(minutes=17), SINCE + hours * timedelta(hours=1.01))
    parts = span.parts()
    assert 1 <= len(parts) <= 14
    assert parts[0].since <= span.since < parts[0].until
    assert parts[-1].since < span.until <= parts[-1].until
    assert all(a.until == b.since for a, b in itertools.pairwise(parts))
