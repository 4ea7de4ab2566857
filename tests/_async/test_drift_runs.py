"""Drift as the database computes it, against NumPy and SciPy on the same bins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from fix_pooled import pooled
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlops_ledger import (
    AsyncBaselinesRepository,
    AsyncDatabase,
    AsyncDriftReportsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncPredictionsRepository,
    AsyncSummariesRepository,
)
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.rows import FeatureDrift

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RANDOM = np.random.default_rng(8)
VERSION = {"model_name": "m", "model_version": "1"}
WINDOW = {**VERSION, "since": NOON - DAY, "until": NOON}


def frame(size: int, shift: float = 0) -> dict[str, Any]:
    """Features and scores of a version, moved by so much."""
    age = RANDOM.normal(shift, 1, size)
    return {
        "age": np.where(RANDOM.random(size) < 0.05, np.nan, age),
        "visits": RANDOM.poisson(3 + shift, size).astype(float),
        "plan": RANDOM.choice(["free", "basic", "pro"], size, p=[0.6, 0.3, 0.1]),
        "probability": RANDOM.beta(2 + shift, 5, size),
    }


def columns(data: dict[str, Any], until: datetime, hours: float) -> dict[str, Any]:
    """Lay out data as predictions over the hours before a timestamp."""
    size = len(data["age"])
    return {
        "predicted_at": [until - hours * HOUR * (n + 1) / size for n in range(size)],
        "features": {name: data[name] for name in ("age", "visits")},
        "inputs": [{"plan": plan} for plan in data["plan"]],
        "probability": data["probability"],
        "predicted_label": np.where(data["probability"] > 0.5, "yes", "no").tolist(),
    }


TRAINED_ON = frame(2000)
SERVED = frame(900, 0.5)


@pytest.fixture(autouse=True)
async def registered(models: AsyncModelVersionRepository, db: AsyncDatabase) -> None:
    """A version with a baseline and a day of predictions that have drifted."""
    await models.insert(model_name="m", feature_names=["age", "visits"])
    features = {name: TRAINED_ON[name] for name in ("age", "visits", "plan")}
    await AsyncBaselinesRepository(db).register(
        **VERSION, data=features, probabilities=TRAINED_ON["probability"]
    )
    await AsyncPredictionsRepository(db).insert_columns(
        **VERSION, columns=columns(SERVED, NOON, 24)
    )


async def by_feature(
    reports: AsyncDriftReportsRepository, **others: Any
) -> dict[str, FeatureDrift]:
    """Measure the window."""
    return {each.feature: each for each in await reports.measure(**WINDOW, **others)}


async def counts(
    db: AsyncDatabase, feature: str, current: Any
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return the counts of reference and window in the bins of the baseline, missing first."""
    baselines = AsyncBaselinesRepository(db)
    latest = await baselines.latest(**VERSION)
    assert latest is not None
    [bins] = [f for f in await baselines.list_features(id=latest.id) if f.feature == feature]
    reference = np.array([bins.num_missing, *bins.counts], float)
    found = np.zeros(len(reference))
    for value in current:
        if bins.kind == "categorical":
            place = bins.categories.index(value) + 1 if value in (bins.categories or []) else 0
        else:
            edges = np.array(bins.edges, float)
            place = (
                len(edges) + 1 if np.isnan(value) else int(np.searchsorted(edges, value, "right"))
            )
        found[place + 1] += 1
    return reference, found, bins


@pytest.mark.parametrize("feature", ["age", "visits", "plan", "probability"])
async def test_every_statistic_is_that_of_scipy(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository, feature: str
) -> None:
    found = (await by_feature(reports))[feature]
    reference, current, bins = await counts(db, feature, SERVED[feature])
    filled = (reference + current) > 0
    q, p = reference / reference.sum(), current / current.sum()
    q1, p1 = np.maximum(q, 1e-4)[filled], np.maximum(p, 1e-4)[filled]
    assert (found.reference_size, found.current_size) == (2000, 900)
    assert found.bins == filled.sum()
    assert found.psi == pytest.approx(((p1 - q1) * np.log(p1 / q1)).sum(), abs=1e-12)
    assert found.kl == pytest.approx(stats.entropy(p1, q1), abs=1e-12)
    assert found.jensen_shannon == pytest.approx(jensenshannon(p, q, 2), abs=1e-12)
    assert found.hellinger == pytest.approx(
        np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2), abs=1e-12
    )
    assert found.total_variation == pytest.approx(abs(p - q).sum() / 2, abs=1e-12)
    # NaN is missing too, and categories are pooled from the rarest on.
    table = np.array([reference, current])
    if bins.kind == "categorical":
        table = table[:, [0, 1, *range(len(reference) - 1, 1, -1)]]
    else:
        table[:, 0] += table[:, -1]
        table = table[:, :-1]
    table = pooled(*table[:, table.sum(axis=0) > 0])
    assert found.tested_bins == len(table)
    chi2 = stats.chi2_contingency(table, correction=False)
    assert found.chi2 == pytest.approx(chi2.statistic, rel=1e-12)
    assert found.chi2_p_value == pytest.approx(chi2.pvalue, rel=1e-9, abs=1e-14)
    assert found.noise_floor == pytest.approx((filled.sum() - 1) * (1 / 2000 + 1 / 900), abs=1e-15)
    assert found.pending_since is None
    if feature == "plan":
        assert (found.ks, found.wasserstein) == (None, None)
        return
    inner = slice(1, -1)
    n, m = current[inner].sum(), reference[inner].sum()
    gap = abs(np.cumsum(current[inner]) / n - np.cumsum(reference[inner]) / m).max()
    assert found.ks == pytest.approx(gap, abs=1e-12)
    expected = stats.kstwobign.sf(gap * np.sqrt(n * m / (n + m)))
    assert found.ks_p_value == pytest.approx(expected, abs=1e-12)
    edges = np.array(bins.edges, float)
    values = SERVED[feature][~np.isnan(SERVED[feature])]
    place = np.searchsorted(edges, values, "right")
    sums = np.bincount(place, weights=values, minlength=len(edges) + 2)[:-1]
    ours, theirs = current[inner] > 0, reference[inner] > 0
    distance = stats.wasserstein_distance(
        (sums[ours] / current[inner][ours]),
        (np.array(bins.sums, float)[:-1][theirs] / reference[inner][theirs]),
        current[inner][ours],
        reference[inner][theirs],
    )
    assert found.wasserstein == pytest.approx(distance / bins.std, abs=1e-12)


async def test_wasserstein_of_bins_is_close_to_that_of_values(
    reports: AsyncDriftReportsRepository,
) -> None:
    found = (await by_feature(reports))["probability"]
    exact = stats.wasserstein_distance(SERVED["probability"], TRAINED_ON["probability"])
    assert found.wasserstein == pytest.approx(exact / TRAINED_ON["probability"].std(), abs=0.032)


async def test_data_quality_is_measured_too(reports: AsyncDriftReportsRepository) -> None:
    found = await by_feature(reports)
    assert found["age"].current_nan == pytest.approx(np.isnan(SERVED["age"]).mean())
    assert found["age"].reference_nan == pytest.approx(np.isnan(TRAINED_ON["age"]).mean())
    assert (found["age"].current_missing, found["age"].reference_missing) == (0, 0)
    least, most = np.nanmin(TRAINED_ON["age"]), np.nanmax(TRAINED_ON["age"])
    outside = (SERVED["age"] < least) | (SERVED["age"] > most)
    assert found["age"].out_of_range == pytest.approx(outside.mean())
    assert (found["plan"].unseen, found["plan"].current_missing) == (0, 0)
    assert found["age"].current_mean == pytest.approx(np.nanmean(SERVED["age"]))


async def test_nan_and_missing_values_are_the_same_for_drift(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    nan = (await by_feature(reports))["age"]
    gone = np.isnan(TRAINED_ON["age"]).mean()
    assert (nan.reference_nan, nan.reference_missing) == (pytest.approx(gone), 0)
    # In a column of pandas the same values are missing.
    data = pd.DataFrame({name: TRAINED_ON[name] for name in ("age", "visits")})
    await AsyncBaselinesRepository(db).register(**VERSION, data=data)
    missing = (await by_feature(reports))["age"]
    assert (missing.reference_nan, missing.reference_missing) == (0, nan.reference_nan)
    assert missing.current_nan == nan.current_nan
    shares = {"reference_nan": 0.0, "reference_missing": 0.0}
    assert replace(missing, **shares) == replace(nan, **shares)


@pytest.mark.parametrize("method", ["ks", "wasserstein"])
async def test_why_nothing_was_compared_is_in_the_report(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository, method: str
) -> None:
    data = frame(300) | {"age": np.full(300, np.nan)}
    await AsyncPredictionsRepository(db).insert_columns(
        **VERSION, columns=columns(data, NOON + DAY, 24)
    )
    alike = {"age": [1.0, 1.0], "visits": [1.0, 2.0]}
    report = await reports.run(**VERSION, until=NOON + DAY, method=method)
    reasons = {each["feature"]: each.get("reason") for each in report.features}
    assert reasons == {"age": "no numbers on one side", "visits": None, "plan": None}
    await AsyncBaselinesRepository(db).register(**VERSION, data=alike)
    report = await reports.run(**VERSION, until=NOON, method=method)
    reasons = {each["feature"]: each.get("reason") for each in report.features}
    assert reasons["age"] == (None if method == "ks" else "the baseline has one value")


async def test_another_window_can_be_the_reference(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    before = frame(700)
    predictions = AsyncPredictionsRepository(db)
    await predictions.insert_columns(**VERSION, columns=columns(before, NOON - DAY, 24))
    expected = await counts(db, "visits", before["visits"])
    for reference in ("previous", (NOON - 2 * DAY, NOON - DAY)):
        found = (await by_feature(reports, reference=reference))["visits"]
        q, p = expected[1] / 700, (await counts(db, "visits", SERVED["visits"]))[1] / 900
        assert found.jensen_shannon == pytest.approx(jensenshannon(p, q, 2), abs=1e-12)


async def test_a_window_is_made_of_days_and_hours(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository, conn: psycopg.Connection[Any]
) -> None:
    more = frame(3000)
    await AsyncPredictionsRepository(db).insert_columns(
        **VERSION, columns=columns(more, NOON - DAY, 100)
    )
    [first, *_] = await reports.measure(**VERSION, since=NOON - 5 * DAY, until=NOON)
    assert first.pending_since is not None  # so much is not folded in passing
    await AsyncSummariesRepository(db).fold()
    for since, until in ((NOON - 5 * DAY, NOON), (NOON - 60 * HOUR, NOON - 36 * HOUR)):
        found = await reports.measure(**VERSION, since=since, until=until)
        count = conn.execute(
            "SELECT count(*) FROM predictions WHERE predicted_at >= %s AND predicted_at < %s",
            [since, until],
        ).fetchone()
        assert count == (found[0].current_size,)


async def test_a_run_records_report_and_monitoring_run(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    report = await reports.run(**VERSION, until=NOON, method="psi", positive_label="yes")
    assert report.method == "psi"
    assert [each["feature"] for each in report.features] == ["age", "visits", "plan"]
    assert [each["feature"] for each in report.metadata["outputs"]] == ["probability"]
    assert report.drifted_features == ["age"]
    assert (report.drift_detected, report.n_features) == (False, 3)
    assert report.features[0]["statistics"]["ks_p_value"] < 0.05
    assert (report.window_start, report.window_end) == (NOON - DAY, NOON)
    runs = await AsyncMonitoringMetricsRepository(db).list_runs(model_name="m")
    assert [run.id for run in runs] == [report.monitoring_run_id]
    [run] = runs
    probabilities = SERVED["probability"]
    assert (run.num_predictions, run.num_features, run.drifted_features) == (900, 3, ["age"])
    assert run.positive_rate == pytest.approx((probabilities > 0.5).mean(), abs=1e-12)
    assert run.probability_mean == pytest.approx(probabilities.mean(), abs=1e-12)
    assert run.probability_std == pytest.approx(probabilities.std(), abs=1e-12)
    entropy = stats.entropy([probabilities, 1 - probabilities], base=2).mean()
    assert run.entropy == pytest.approx(entropy, abs=1e-12)
    raw = await AsyncPredictionsRepository(db).monitoring_summary(
        model_name="m", timestamp=NOON, positive_label="yes"
    )
    assert run.positive_rate == raw.positive_rate


async def test_a_window_has_one_report_of_a_method(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    first = await reports.run(**VERSION, until=NOON)
    late = columns(frame(50, 9), NOON, 1)
    await AsyncPredictionsRepository(db).insert_columns(**VERSION, columns=late)
    assert await reports.run(**VERSION, until=NOON) == first
    other = await reports.run(**VERSION, until=NOON, method="ks")
    assert other.monitoring_run_id == first.monitoring_run_id
    assert other.features[2]["method"] == "chi2"
    assert "score" not in other.features[0]


async def test_thresholds_and_share_decide(reports: AsyncDriftReportsRepository) -> None:
    report = await reports.run(**VERSION, until=NOON, thresholds=1e-6, drift_share=0.3)
    assert report.drifted_features == ["age", "visits"]
    assert report.drift_detected
    report = await reports.run(
        **VERSION, until=NOON, method="psi", thresholds={"age": 9}, drift_share=0.3
    )
    assert report.drifted_features == []


async def test_few_rows_do_not_drift(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    few = {name: values[:12] for name, values in TRAINED_ON.items()}
    few = columns(few, NOON + HOUR, 1)
    await AsyncPredictionsRepository(db).insert_columns(**VERSION, columns=few)
    report = await reports.run(**VERSION, until=NOON + HOUR, lookback_hours=1)
    assert report.drifted_features == []
    assert max(each["statistic"] for each in report.features) > 0.1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"until": NOON + timedelta(minutes=1)}, "until: must be a full hour"),
        ({"lookback_hours": 0.5}, "lookback_hours: must be a full hour"),
        ({"method": "guess"}, "method: must be one of psi"),
        ({"thresholds": {"weight": 1}}, "thresholds.weight: is not a feature"),
        ({"thresholds": -1}, "thresholds: must be above 0"),
        ({"drift_share": 0}, "drift_share: must be above 0"),
        ({"reference": "yesterday"}, "reference: must be baseline"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    reports: AsyncDriftReportsRepository, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidValue, match=f"^{problem}"):
        await reports.run(**{**VERSION, "until": NOON, **arguments})
    assert await reports.list_reports() == []


async def test_what_is_not_there_is_named(
    models: AsyncModelVersionRepository, reports: AsyncDriftReportsRepository
) -> None:
    await models.insert(model_name="m", model_version="2")
    with pytest.raises(NotFound, match="version 2 of model m has no baseline"):
        await reports.run(model_name="m", model_version="2", until=NOON)
    for model, version in (("m", "9"), ("other", "1")):
        unknown = {"model_name": model, "model_version": version}
        with pytest.raises(NotFound, match=f"model {model} has no version {version}"):
            await reports.measure(**unknown, since=NOON - DAY, until=NOON)
    with pytest.raises(NotFound, match="model m has no version 9"):
        await reports.run(model_name="m", model_version="9", until=NOON)
    live = "no version of model m {} in production"
    with pytest.raises(NotFound, match=live.format("is") + ": name one"):
        await reports.run(model_name="m")
    with pytest.raises(NotFound, match=live.format("was") + " at 2026-01-02T12:00:00Z: name one"):
        await reports.run(model_name="m", until=NOON)
    with pytest.raises(NotFound, match=live.format("is") + " at 2200-01-02T12:00:00Z: name one"):
        await reports.run(model_name="m", until=NOON.replace(year=2200))


async def test_an_empty_window_has_no_drift(reports: AsyncDriftReportsRepository) -> None:
    report = await reports.run(**VERSION, until=NOON - 9 * DAY)
    assert (report.features, report.drift_detected, report.current_size) == ([], False, 0)


async def test_labels_drift_too(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository, conn: psycopg.Connection[Any]
) -> None:
    data = {name: TRAINED_ON[name] for name in ("age", "visits", "plan")}
    await AsyncBaselinesRepository(db).register(
        **VERSION, data=data, labels=["yes"] * 500 + ["no"] * 1400 + [None] * 100
    )
    truth = AsyncGroundTruthRepository(db)
    ids = [id for (id,) in conn.execute("SELECT id FROM predictions ORDER BY id LIMIT 300")]
    for label, since, places in (("no", 0, slice(0, 300)), ("yes", 1, slice(100, 250))):
        labeled_at = NOON + since * HOUR
        await truth.insert_many(
            rows=[
                {"prediction_id": id, "actual_label": label, "labeled_at": labeled_at}
                for id in ids[places]
            ]
        )
    found = (await by_feature(reports))["actual_label"]
    assert (found.reference_size, found.current_size) == (1900, 300)
    expected = jensenshannon([150, 150], [1400, 500], 2)
    assert found.jensen_shannon == pytest.approx(expected, abs=1e-12)
    report = await reports.run(**VERSION, until=NOON)
    assert [each["feature"] for each in report.metadata["outputs"]] == ["actual_label"]
