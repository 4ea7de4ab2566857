"""mlops-ledger alerts and mlops-ledger monitors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import MonitoringMetricsRepository

ADD = ("monitors", "add", "feature_drift_ratio", "--model", "m", "--operator", ">=")

MISTAKES = [
    (("alerts", "show", "01890a5d-ac96-774b-bcce-b302099a8057"), "there is no alert"),
    (("alerts", "resolve"), "give either ALERT_ID or --key"),
    (("alerts", "snooze", "01890a5d-ac96-774b-bcce-b302099a8057"), "--for, --until and --end"),
    (("alerts", "list", "--open", "--status", "all"), "either --open or --status"),
    (("alerts", "raise", "drift", "x", "--model", "unknown"), "there is no model unknown"),
    (("monitors", "add", "x"), "give a NAME and --operator"),
    (("monitors", "add", "x", "--defaults", "m"), "--defaults MODEL goes with --window"),
    (("monitors", "add", "--defaults", "m", "--warning", "3"), "goes with --window"),
    ((*ADD, "--warning", "much"), "'much' is not a finite number"),
    ((*ADD, "--warning", "nan"), "is not a finite number"),
    (ADD, "--critical: or --warning is needed"),
    ((*ADD, "--warning", "1", "--metric", "x"), "--metric: must be a number that"),
    (("monitors", "run", "--model", "unknown"), "there is no model unknown"),
    (
        ("monitors", "remove", "01890a5d-ac96-774b-bcce-b302099a8057"),
        "there is no monitor 01890a5d",
    ),
]


@pytest.fixture
def drifted(ledger):
    """A run of just now in which half of the features had drifted."""
    MonitoringMetricsRepository(ledger).insert(
        model_name="m",
        timestamp=datetime.now(UTC),
        lookback_hours=24,
        num_predictions=100,
        feature_drift_ratio=0.5,
    )


def test_an_alert_lives_from_raise_to_resolve(run, answer, ledger) -> None:
    raising = ("alerts", "raise", "drift", "drift in 3 features", "--model", "m")
    one = run(*raising, "--severity", "critical", "--data", '{"ratio": 0.3}').stdout.strip()
    assert run(*raising).stdout.strip() == one
    lines = run("alerts", "list").stdout.splitlines()
    assert lines[1].split()[:4] == [one, "critical", "active", "m"]
    taken = run("alerts", "acknowledge", one, "--by", "ann", "--notes", "mine")
    assert taken.stdout == "acknowledged by ann: drift in 3 features\n"
    assert answer("alerts", "list") == []
    assert [row["id"] for row in answer("alerts", "list", "--open")] == [one]
    late = run("alerts", "acknowledge", one, "--by", "bob")
    assert late.exit_code == 2
    assert f"alert {one} was already acknowledged by ann at " in late.stderr
    over = run("alerts", "resolve", "--key", "drift:m", "--by", "bob")
    assert over.stdout == "resolved by bob: drift in 3 features\n"
    assert run("alerts", "resolve", "--key", "drift:m").stdout == "nothing is open\n"
    assert answer("alerts", "list", "--open") == []
    [found] = answer("alerts", "list", "--status", "resolved", "--severity", "critical")
    assert (found["occurrences"], found["notes"]) == (2, "mine")
    assert answer("alerts", "list", "--status", "all", "--before", one) == []


def test_an_alert_is_shown_with_its_occurrences(run, answer, ledger) -> None:
    one = run("alerts", "raise", "drift", "first").stdout.strip()
    run("alerts", "raise", "drift", "second", "--severity", "info")
    fields, occurrences = run("alerts", "show", one).stdout.split("\n\n")
    assert "second" in fields
    assert [line.split()[-2:] for line in occurrences.splitlines()[1:]] == [
        ["info", "second"],
        ["warning", "first"],
    ]
    shown = answer("alerts", "show", one)
    assert shown["alert"]["occurrences"] == len(shown["occurrences"]) == 2
    assert answer("alerts", "stats")[0]["occurrences"] == 2


def test_an_alert_is_snoozed_and_woken(run, answer, ledger) -> None:
    one = run("alerts", "raise", "drift", "drift").stdout.strip()
    assert run("alerts", "snooze", one, "--for", "12h").stdout.startswith("snoozed until 2")
    assert answer("alerts", "list") == []
    assert run("alerts", "snooze", one, "--end").stdout == "no longer snoozed\n"
    assert len(answer("alerts", "list")) == 1
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    snoozed = answer("alerts", "snooze", one, "--until", until)
    assert datetime.fromisoformat(snoozed["snoozed_until"]) == datetime.fromisoformat(until)
    assert answer("alerts", "acknowledge", one, "--by", "ann")["acknowledged_by"] == "ann"
    assert answer("alerts", "resolve", one, "--by", "bob")["status"] == "resolved"
    assert answer("alerts", "resolve", "--key", "drift") is None


def test_a_mistake_is_refused_in_one_line(run, ledger) -> None:
    for arguments, complaint in MISTAKES:
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert complaint in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_monitor_is_added_run_disabled_and_removed(run, answer, drifted) -> None:
    one = run(*ADD, "--warning", "0.3", "--critical", "0.6").stdout.strip()
    first = run("monitors", "run")
    assert first.exit_code == 1
    assert first.stdout.splitlines()[1].split()[:6] == [
        "m",
        "feature_drift_ratio",
        "warning",
        "0.5",
        ">=",
        "0.3",
    ]
    assert "raised" in first.stdout
    again = run("monitors", "run", "--model", "m", "--json")
    assert again.exit_code == 1
    assert '"done": "none"' in again.stdout
    assert [row["state"] for row in answer("monitors", "list", "--model", "m")] == ["warning"]
    assert run("monitors", "disable", one).stdout == "disabled\n"
    assert answer("monitors", "run") == []
    assert run("monitors", "enable", one).stdout == "enabled\n"
    assert run("monitors", "remove", one, "--by", "ann").stdout == "removed\n"
    assert answer("monitors", "list") == []
    assert [row["removed_by"] for row in answer("monitors", "list", "--removed")] == ["ann"]
    assert answer("alerts", "list", "--open") == []


def test_the_defaults_are_added_once(run, answer, drifted) -> None:
    added = answer("monitors", "add", "--defaults", "m", "--window", "2d")
    assert {row["name"] for row in added} == {
        "feature_drift_ratio",
        "num_predictions",
        "coverage_pct",
        "roc_auc",
    }
    assert answer("monitors", "add", "--defaults", "m") == []
    assert run("monitors", "run", "--model", "m").exit_code == 1
