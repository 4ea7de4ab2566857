"""Drift that Evidently computed, from runs of version 0.7.23 that tests/data/evidently.json has."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_ledger import Database, DriftReportsRepository, ModelVersionRepository
from mlops_ledger.contrib.evidently import drift_fields
from mlops_ledger.errors import InvalidValue

RECORDED = json.loads((Path(__file__).parents[1] / "data/evidently.json").read_text("utf-8"))
RUNS: dict[str, dict[str, Any]] = RECORDED["runs"]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _run(**changes: Any) -> dict[str, Any]:
    """Return the first run with another result of its first column."""
    run = copy.deepcopy(RUNS["default"])
    result = run["metrics"][1]
    result["value"] = changes.pop("value", result["value"])
    result["config"] |= changes
    return run


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_a_drift_report(dsn: str, name: str) -> None:
    fields = drift_fields(RUNS[name])
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m", model_version="1")
        reports = DriftReportsRepository(db)
        reports.insert(
            model_name="m", model_version="1", timestamp=NOON, lookback_hours=24, **fields
        )
        [found] = reports.list_reports(model_name="m")
    assert found.drifted_features == ["age"]
    assert found.n_features == 3
    assert found.method == "evidently"
    assert found.drift_score == pytest.approx(1 / 3)
    assert found.drift_detected == (name == "low share")
    of_p_values = name in ("default", "low share", "p-values")
    for feature in fields["features"]:
        assert ("p_value" in feature, "score" in feature) == (of_p_values, not of_p_values)


@pytest.mark.parametrize(
    ("method", "drifted"),
    [("K-S p_value", True), ("ks", True), ("z", False), ("psi", True), ("ed", False)],
)
def test_a_value_at_the_threshold_is_drift_where_evidently_says_so(
    method: str, drifted: bool
) -> None:
    run = _run(method=method, value=0.05, threshold=0.05)
    run["metrics"][0]["value"]["count"] = float(drifted)
    assert drift_fields(run)["features"][0]["drifted"] == drifted


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({}, "dict"),
        ([], "dict"),
        ({"metrics": []}, "DriftedColumnsCount"),
        (_run(method="custom function 'f'"), "custom function 'f' of column age is not known"),
        (_run(value=None), "column age has no drift score"),
        (_run(value=0.9), "do not add up"),
        (_run(value=float("nan")), "do not add up"),
    ],
)
def test_what_is_not_understood_is_refused(run: Any, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        drift_fields(run)
