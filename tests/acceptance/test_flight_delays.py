"""The main job, run as people run it, and its numbers worked out again by other means."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from fix_flights import (
    ACTIONS,
    ALERTS,
    AS_PEOPLE_DO,
    BASELINE,
    DECISIONS,
    DEPLOYMENTS,
    DRIFT_REPORTS,
    FEATURES,
    METRICS,
    MODELS,
    RUNS,
    Row,
    brier_score,
    contents,
    fail,
    forked_job,
    known_in,
    number_of_writes,
    planted,
    predicted_in,
    probabilities,
    psi,
    query,
    replay,
    roc_auc,
    simulated_contents,
    start,
    training_flights,
)
from psycopg.conninfo import make_conninfo

from mlops_ledger import AgentActionsRepository, Database, ModelVersionRepository

pytest.importorskip("sklearn.ensemble")

WEEKS = 10
# Long enough for a promotion; what starts several replays is content with these.
FEW_WEEKS = 5
RELEASE = datetime(2013, 2, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture(scope="module")
def job() -> Iterator[Sequence[str]]:
    """The main job, which starts at once."""
    with forked_job() as command:
        yield command


@pytest.fixture(scope="module")
def stages(
    job: Sequence[str], server_dsn: str, template: str
) -> Iterator[tuple[str, list[list[Row]]]]:
    """A database after all the weeks of the main job, and what it held after a few."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        dsn = make_conninfo(server_dsn, dbname=name)
        try:
            replay(AS_PEOPLE_DO, dsn, FEW_WEEKS)
            early = simulated_contents(dsn)
            replay(job, dsn, WEEKS)
            yield dsn, early
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def replayed(stages: tuple[str, list[list[Row]]]) -> str:
    """The database after all the weeks."""
    return stages[0]


@pytest.fixture(scope="module")
def early(stages: tuple[str, list[list[Row]]]) -> list[list[Row]]:
    """What it held after a few weeks."""
    return stages[1]


@pytest.fixture(scope="module")
def again(job: Sequence[str], replayed: str) -> tuple[list[list[Row]], str]:
    """What it held before the main job was run again, and what that printed."""
    return contents(replayed), replay(job, replayed, WEEKS)


def test_every_week_has_one_run_of_the_version_then_in_production(replayed: str) -> None:
    runs = query(replayed, RUNS)
    assert [run["timestamp"] for run in runs] == [RELEASE + n * WEEK for n in range(1, WEEKS + 1)]
    for run in runs:
        live = [
            d["model_version_id"]
            for d in query(replayed, DEPLOYMENTS)
            if d["deployed_at"] < run["timestamp"] <= (d["retired_at"] or run["timestamp"])
        ]
        assert live == [run["model_version_id"]]
        assert run["lookback_hours"] == 168
        assert run["coverage_pct"] == pytest.approx(
            100 * run["labeled_samples"] / run["num_predictions"]
        )


def test_decisions_follow_their_six_gates_and_their_monitoring_run(replayed: str) -> None:
    initial, *decisions = query(replayed, DECISIONS)
    assert (initial["timestamp"], initial["trigger_reason"]) == (RELEASE, "initial")
    assert initial["production_version_id"] is None
    assert initial["decision_details"]["compared_with"].startswith("share of late flights")
    assert {d["action"] for d in decisions} == {"promote", "reject"}
    runs = {run["id"]: run for run in query(replayed, RUNS)}
    for decision in decisions:
        run = runs[decision["monitoring_run_id"]]
        assert run["timestamp"] == decision["timestamp"]
        assert run["model_version_id"] == decision["production_version_id"]
        [alert] = [
            alert
            for alert in query(replayed, ALERTS)
            if (alert["acknowledged_at"], alert["acknowledged_by"])
            == (decision["timestamp"], decision["decided_by"])
        ]
        trigger = {"num_drifted_features": "drift", "roc_auc_loss": "performance"}
        assert decision["trigger_reason"] == trigger[alert["alert_type"]]
        passed = [gate["passed"] for gate in decision["gate_results"]]
        assert len(passed) == 6
        assert decision["action"] == ("promote" if all(passed) else "reject")


def test_exactly_the_promoted_candidates_were_deployed_without_a_gap(replayed: str) -> None:
    promoted = [d for d in query(replayed, DECISIONS) if d["action"] == "promote"]
    deployments = query(replayed, DEPLOYMENTS)
    assert [(d["decision_id"], d["model_version_id"], d["deployed_at"]) for d in deployments] == [
        (d["id"], d["candidate_version_id"], d["timestamp"]) for d in promoted
    ]
    starts = [d["deployed_at"] for d in deployments]
    assert [d["retired_at"] for d in deployments] == [*starts[1:], None]


def test_running_again_adds_nothing_and_says_so(
    replayed: str, again: tuple[list[list[Row]], str]
) -> None:
    before, printed = again
    assert f"All {WEEKS} weeks were in the ledger already; nothing was added." in printed
    assert contents(replayed) == before


def test_two_replays_at_once_record_everything_once(
    job: Sequence[str], early: list[list[Row]], dsn: str
) -> None:
    both = [start(job, dsn, FEW_WEEKS), start(job, dsn, FEW_WEEKS)]
    assert [(p.communicate()[1], p.returncode) for p in both] == [("", 0), ("", 0)]
    assert simulated_contents(dsn) == early


def test_a_replay_stopped_anywhere_and_started_again_ends_with_the_same_ledger(
    job: Sequence[str], early: list[list[Row]], dsn: str
) -> None:
    # A week is about seven writes of the logger: both kills leave a part of a week behind.
    for writes in (3, 17):
        process = start(job, dsn, FEW_WEEKS)
        while process.poll() is None and number_of_writes(dsn) < writes:
            time.sleep(0.005)
        assert process.poll() is None
        process.kill()
        process.communicate()
        assert len(query(dsn, RUNS)) < FEW_WEEKS
    # This one ends between the alert and the candidate that it calls for.
    with planted(dsn, "retraining_decisions", "trigger_reason = 'initial'"):
        fail(job, dsn, FEW_WEEKS)
        assert len(query(dsn, DECISIONS)) == 1
        assert len(query(dsn, RUNS)) == FEW_WEEKS
    replay(job, dsn, FEW_WEEKS)
    assert simulated_contents(dsn) == early


def test_a_promotion_that_failed_is_made_up_for(job: Sequence[str], dsn: str) -> None:
    with planted(dsn, "model_deployments", "false"):
        fail(job, dsn, 1)
        assert [action["status"] for action in query(dsn, ACTIONS)] == ["approved"]
        assert query(dsn, DEPLOYMENTS) == []
    replay(job, dsn, 1)
    assert [action["status"] for action in query(dsn, ACTIONS)] == ["executed"]
    assert [d["deployed_at"] for d in query(dsn, DEPLOYMENTS)] == [RELEASE]


def test_what_others_have_asked_for_is_left_to_them(job: Sequence[str], dsn: str) -> None:
    with Database(dsn) as db:
        actions = AgentActionsRepository(db)
        asked = {"action_type": "promote", "risk_level": "high", "model_name": "flight-delays"}
        ModelVersionRepository(db).insert(model_name="flight-delays", model_version="trial")
        waiting = actions.insert(**asked, requested_by="ana")
        approved = actions.insert(**asked, requested_by="ana")
        actions.approve(id=approved, reviewed_by="bo")
        replay(job, dsn, 1)
        found = [actions.get(id=each) for each in (waiting, approved)]
    assert [each.status for each in found if each] == ["pending", "approved"]


def test_every_promotion_was_approved_by_somebody_else(replayed: str) -> None:
    actions = {action["id"]: action for action in query(replayed, ACTIONS)}
    deployments = query(replayed, DEPLOYMENTS)
    assert {d["action_id"] for d in deployments} == actions.keys()
    for d in deployments:
        action = actions[d["action_id"]]
        assert (action["status"], action["requested_at"]) == ("executed", d["deployed_at"])
        assert action["model_version_id"] == d["model_version_id"]
        assert action["reviewed_by"] != action["requested_by"]


def test_the_policy_holds_for_psql_users_too(replayed: str) -> None:
    with (
        psycopg.connect(replayed) as connection,
        pytest.raises(psycopg.Error, match="the policy of model flight-delays requires"),
    ):
        connection.execute("SELECT promote('flight-delays', '1')")


def test_alerts_open_and_close_with_the_values_they_watch(replayed: str) -> None:
    values: dict[str, dict[datetime, float]] = defaultdict(dict)
    for run in query(replayed, RUNS):
        for name in ("num_drifted_features", "coverage_pct"):
            values[name][run["timestamp"]] = run[name]
    for metric in query(replayed, METRICS):
        values[metric["metric_name"]][metric["timestamp"]] = metric["metric_value"]
    bad = {
        "num_drifted_features": lambda value: value >= 5,
        "coverage_pct": lambda value: value < 90,
        "roc_auc_loss": lambda value: value > 0.05,
    }
    # Coverage is judged once the labels of a window are due, here a week later.
    late = {"coverage_pct": WEEK}
    found = [(name, at) for name in bad for at, v in values[name].items() if bad[name](v)]
    expected = {(name, at + late.get(name, 0 * WEEK)) for name, at in found}
    end = RELEASE + (WEEKS + 1) * WEEK
    alerts = query(replayed, ALERTS)
    assert expected == {
        (alert["alert_type"], at)
        for alert in alerts
        for at in values[alert["alert_type"]]
        if alert["first_seen"] <= at < (alert["resolved_at"] or end)
    }
    assert {alert["status"] for alert in alerts} >= {"resolved"}


def test_the_report_shows_the_scores_and_the_three_views(
    replayed: str, again: tuple[list[list[Row]], str]
) -> None:
    _, printed = again
    for decision in query(replayed, "SELECT * FROM v_decision_history"):
        assert all(gate in printed for gate in decision["failed_gates"])
    for row in query(replayed, "SELECT count(*) FROM predictions GROUP BY model_version_id"):
        assert str(row["count"]) in printed
    for name in ("v_model_timeline", "v_decision_history", "v_recent_monitoring"):
        assert name in printed
    for alert in query(replayed, ALERTS):
        assert alert["title"] in printed
    [head] = query(
        replayed, "SELECT seq, encode(hash, 'hex') AS hash FROM audit_log ORDER BY seq DESC LIMIT 1"
    )
    assert f"The audit log is whole; its head is {head['seq']}:{head['hash']}." in printed
    assert 'mlops-ledger db psql -c "SELECT * FROM v_model_timeline' in printed


# What follows compares the ledger with the raw files.


def test_every_flight_of_a_week_is_logged_once_as_it_was_predicted(replayed: str) -> None:
    since, until = RELEASE + 5 * WEEK, RELEASE + 6 * WEEK
    [version] = [v for v in query(replayed, MODELS) if v["promoted_at"] == since]
    logged = {
        row["request_id"]: row
        for row in query(replayed, "SELECT * FROM v_predictions")
        if since <= row["predicted_at"] < until
    }
    flights = predicted_in(since, until)
    assert len(logged) == len(flights)
    for f, p in zip(flights, probabilities(version, flights), strict=True):
        row = logged[f["request_id"]]
        assert row["model_version_id"] == version["id"]
        assert row["predicted_at"] == f["predicted_at"]
        features = {name: float(value) for name, value in row["features"].items()}
        assert features | row["inputs"] == pytest.approx(f["features"], nan_ok=True)
        assert row["probability"] == pytest.approx(p)
        assert row["predicted_label"] == ("late" if row["probability"] >= 0.5 else "on time")


def test_exactly_the_flights_that_landed_have_labels(replayed: str) -> None:
    labels = {
        row["request_id"]: (row["actual_label"], row["labeled_at"])
        for row in query(
            replayed,
            """SELECT request_id, actual_label, labeled_at
               FROM ground_truth JOIN predictions ON id = prediction_id""",
        )
        if row["labeled_at"] <= RELEASE + 6 * WEEK
    }
    landed = known_in(RELEASE, RELEASE + 6 * WEEK, RELEASE + 6 * WEEK)
    assert labels == {
        f["request_id"]: ("late" if f["late"] else "on time", f["landed_at"]) for f in landed
    }
    [waiting] = query(replayed, "SELECT count(*) FROM ground_truth_waiting")
    assert waiting["count"] == 0


def test_a_monitoring_run_worked_out_again_gives_the_recorded_numbers(replayed: str) -> None:
    now = RELEASE + 6 * WEEK
    [run] = [run for run in query(replayed, RUNS) if run["timestamp"] == now]
    [version] = [v for v in query(replayed, MODELS) if v["id"] == run["model_version_id"]]
    flights = predicted_in(now - WEEK, now)
    p = probabilities(version, flights)
    labelled = [
        (f, q) for f, q in zip(flights, p, strict=True) if f["landed_at"] and f["landed_at"] <= now
    ]
    entropy = statistics.fmean(-q * math.log2(q) - (1 - q) * math.log2(1 - q) for q in p)
    assert version["training_samples"] == len(training_flights(version))
    assert run["num_predictions"] == len(flights)
    assert run["labeled_samples"] == len(labelled)
    assert run["positive_rate"] == pytest.approx(sum(q >= 0.5 for q in p) / len(p))
    assert run["probability_mean"] == pytest.approx(statistics.fmean(p))
    assert run["probability_std"] == pytest.approx(statistics.pstdev(p))
    assert run["entropy"] == pytest.approx(entropy)
    seen, scores = [f for f, _ in labelled], [q for _, q in labelled]
    metrics = {
        metric["metric_name"]: metric["metric_value"]
        for metric in query(replayed, METRICS)
        if metric["timestamp"] == now
    }
    assert metrics["roc_auc"] == pytest.approx(roc_auc(seen, scores))
    assert metrics["brier_score"] == pytest.approx(brier_score(seen, scores))
    assert metrics["accuracy"] == pytest.approx(
        statistics.fmean((q >= 0.5) == f["late"] for f, q in labelled)
    )
    assert metrics["roc_auc_loss"] == pytest.approx(version["roc_auc"] - metrics["roc_auc"])


def test_drift_worked_out_again_gives_the_recorded_numbers(replayed: str) -> None:
    now = RELEASE + 6 * WEEK
    [run] = [run for run in query(replayed, RUNS) if run["timestamp"] == now]
    [version] = [v for v in query(replayed, MODELS) if v["id"] == run["model_version_id"]]
    reference, current = training_flights(version), predicted_in(now - WEEK, now)
    bins = {
        row["feature"]: row
        for row in query(replayed, BASELINE)
        if row["version"] == run["model_version_id"]
    }
    assert set(bins) == set(FEATURES)
    expected = {name: psi(bins[name], reference, current) for name in FEATURES}
    [report] = query(replayed, f"{DRIFT_REPORTS} OFFSET 5 LIMIT 1")
    assert report["monitoring_run_id"] == run["id"]
    scores = {feature["feature"]: feature["score"] for feature in report["features"]}
    assert scores == pytest.approx(expected, rel=0, abs=1e-9)
    assert (report["reference_size"], report["current_size"]) == (len(reference), len(current))
    drifted = {name for name, value in expected.items() if value >= 0.25}
    assert set(run["drifted_features"]) == drifted
    assert run["feature_drift_ratio"] == pytest.approx(len(drifted) / len(expected))


def test_gates_worked_out_again_give_the_recorded_values(replayed: str) -> None:
    decision = query(replayed, DECISIONS)[1]
    versions = {v["id"]: v for v in query(replayed, MODELS)}
    candidate = versions[decision["candidate_version_id"]]
    production = versions[decision["production_version_id"]]
    now = decision["timestamp"]
    held_out = known_in(now - 2 * WEEK, now, now)
    assert not {id(f) for f in held_out} & {id(f) for f in training_flights(candidate)}
    new, old = probabilities(candidate, held_out), probabilities(production, held_out)
    by_airport: dict[str, list[float]] = defaultdict(list)
    for f, p, q in zip(held_out, new, old, strict=True):
        increase = (p - f["late"]) ** 2 - (q - f["late"]) ** 2
        by_airport[f["features"]["origin"]].append(increase)
    values = {gate["gate"]: gate["value"] for gate in decision["gate_results"]}
    thresholds = {gate["gate"]: gate["threshold"] for gate in decision["gate_results"]}
    assert values["labelled_flights"] == len(held_out)
    assert values["label_coverage_pct"] == pytest.approx(
        100 * len(held_out) / len(predicted_in(now - 2 * WEEK, now))
    )
    assert values["roc_auc"] == pytest.approx(roc_auc(held_out, new))
    assert thresholds["roc_auc"] == pytest.approx(roc_auc(held_out, old))
    assert values["brier_score"] == pytest.approx(brier_score(held_out, new))
    assert thresholds["brier_score"] == pytest.approx(0.99 * brier_score(held_out, old))
    assert values["worst_airport_brier_increase"] == pytest.approx(
        max(statistics.fmean(v) for v in by_airport.values())
    )
