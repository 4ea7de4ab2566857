"""mlops-ledger decisions and mlops-ledger monitoring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
)

NOW = datetime.now(UTC)
GATES = [
    {"gate": "roc_auc", "passed": True, "value": 0.76, "threshold": 0.75},
    {"gate": "brier", "passed": False, "value": 0.13},
]


@pytest.fixture
def decided(ledger):
    """A rejection with two gates, and a pending decision after it."""
    decisions = RetrainingDecisionsRepository(ledger)
    rejected = decisions.insert(
        model_name="m",
        trigger_reason="drift",
        action="reject",
        gate_results=GATES,
        reasoning="worse",
        timestamp=NOW - timedelta(hours=1),
    )
    decisions.insert(model_name="m", trigger_reason="manual", action="pending")
    return rejected


@pytest.fixture
def monitored(ledger):
    """Three runs on the last two days, one of them with drift."""
    monitoring = MonitoringMetricsRepository(ledger)
    version = ModelVersionRepository(ledger).get(model_name="m", model_version="1").id
    for hours, ratio in ((40, 0.25), (30, 0.75), (2, 0.5)):
        monitoring.insert(
            model_name="m",
            model_version_id=version,
            timestamp=NOW - timedelta(hours=hours),
            lookback_hours=24,
            num_predictions=12_345,
            feature_drift_ratio=ratio,
            dataset_drift_detected=ratio > 0.5,
        )


def test_decisions_are_listed_newest_first(run, answer, decided) -> None:
    assert [row["action"] for row in answer("decisions", "list")] == ["pending", "reject"]
    assert [row["id"] for row in answer("decisions", "list", "--action", "reject")] == [
        str(decided)
    ]
    assert run("decisions", "list", "--model", "unknown").exit_code == 2
    assert len(answer("decisions", "list", "--limit", "1")) == 1
    lines = run("decisions", "list").stdout.splitlines()
    assert len(lines) == 3
    assert lines[2].split()[0] == str(decided)


def test_a_decision_is_shown_with_its_gates(run, answer, decided) -> None:
    shown = run("decisions", "show", str(decided)).stdout
    fields, gates = shown.split("\n\n")
    assert "worse" in fields
    assert [line.split() for line in gates.splitlines()] == [
        ["gate", "passed", "value", "threshold", "higher_is_better"],
        ["roc_auc", "yes", "0.76", "0.75"],
        ["brier", "no", "0.13"],
    ]
    assert answer("decisions", "show", str(decided))["gate_results"] == GATES


def test_a_decision_is_shown_with_the_actions_asked_for_on_it(run, answer, decided) -> None:
    asked = answer("actions", "request", "promote", "--risk", "low", "--decision", str(decided))
    run("actions", "approve", asked["id"], "--by", "ben")
    last = run("decisions", "show", str(decided)).stdout.splitlines()[-1].split()
    assert last[:3] == [asked["id"], "promote", "approved"]
    [action] = answer("decisions", "show", str(decided))["actions"]
    assert (action["id"], action["decision_id"]) == (asked["id"], str(decided))


def test_recent_runs_are_listed(run, answer, monitored) -> None:
    assert [row["feature_drift_ratio"] for row in answer("monitoring", "recent")] == [
        0.5,
        0.75,
        0.25,
    ]
    assert len(answer("monitoring", "recent", "--model", "m", "--limit", "2")) == 2
    assert run("monitoring", "recent", "--model", "unknown").exit_code == 2
    lines = run("monitoring", "recent").stdout.splitlines()
    assert len(lines) == 4
    assert "12345" in lines[1]


def test_the_trend_is_in_buckets(run, answer, monitored) -> None:
    first, second = answer("monitoring", "trend", "m", "--days", "2")
    assert (first["runs"], first["drifted_runs"], first["mean_feature_drift_ratio"]) == (2, 1, 0.5)
    assert (second["runs"], second["max_feature_drift_ratio"]) == (1, 0.5)
    assert len(answer("monitoring", "trend", "m", "--days", "2", "--bucket-hours", "48")) == 1
    assert answer("monitoring", "trend", "m", "--until", "2020-01-01T00:00Z") == []
    assert len(run("monitoring", "trend", "m", "--days", "2").stdout.splitlines()) == 3
