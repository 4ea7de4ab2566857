"""mlops-ledger models."""

from __future__ import annotations

import re

import pytest


def test_register_promote_and_ask(run, answer) -> None:
    assert run("models", "register", "m").stdout == "registered m version 1\n"
    made = answer(
        "models", "register", "m", "2026-01", "--stage", "staging", "--algorithm", "trees",
        "--metrics", '{"roc_auc": 0.75}', "--hyperparameters", '{"depth": 3}', "--feature", "hour",
        "--feature", "day", "--training-samples", "100", "--dataset-version", "v1",
        "--artifact-uri", "s3://a", "--mlflow-run-id", "r1", "--tag", "team=ops", "--by", "ann",
    )  # fmt: skip
    assert (made["model_version"], made["stage"], made["roc_auc"]) == ("2026-01", "staging", 0.75)
    assert (made["feature_names"], made["tags"]) == (["hour", "day"], {"team": "ops"})
    assert (made["training_samples"], made["created_by"]) == (100, "ann")
    assert (made["dataset_version"], made["artifact_uri"]) == ("v1", "s3://a")
    assert (made["mlflow_run_id"], made["hyperparameters"]) == ("r1", {"depth": 3})
    live = answer("models", "promote", "m", "2026-01", "--by", "bob", "--reason", "better")
    assert (live["slot"], live["deployed_by"], live["reason"]) == ("production", "bob", "better")
    assert live["retired_at"] is None
    assert answer("models", "at", "m") == live


def test_what_a_version_predicts_is_declared(run, answer) -> None:
    made = answer("models", "register", "m", "--class", "late", "--class", "ontime",
                  "--positive", "late")  # fmt: skip
    assert (made["task"], made["class_names"], made["positive_label"]) == (
        "binary", ["late", "ontime"], "late",
    )  # fmt: skip
    assert answer("models", "register", "m", "--task", "regression")["task"] == "regression"
    assert run("models", "register", "m", "--task", "ranking").exit_code == 2
    assert run("models", "register", "m", "--class", "a", "--positive", "b").exit_code != 0


def test_what_a_version_predicts_is_declared_later(run, answer) -> None:
    answer("models", "register", "m", "1")
    given = ("models", "declare-task", "m", "1", "--class", "late", "--class", "ontime")
    assert run(*given).stdout == "m version 1 is binary\n"
    again = answer(*given)
    assert (again["class_names"], again["positive_label"]) == (["late", "ontime"], "ontime")
    other = run("models", "declare-task", "m", "1", "--task", "regression")
    assert other.exit_code != 0
    assert "has declared another already" in other.stderr
    assert run("models", "declare-task", "m", "7", "--task", "regression").exit_code != 0
    assert "task: is needed" in run("models", "declare-task", "m", "1").stderr


def test_a_registration_is_mended(run, answer, ledger) -> None:
    answer("models", "register", "m", "7", "--algorithm", "tress")
    assert answer("models", "correct", "m", "7", "--algorithm", "trees")["algorithm"] == "trees"
    given = ("models", "withdraw", "m", "7", "--by", "ann", "--reason", "a trial")
    assert run(*given).stdout == "withdrew m version 7\n"
    assert (answer(*given)["withdrawn_by"], answer(*given)["reason"]) == ("ann", "a trial")
    again = run("models", "register", "m", "7")
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "was withdrawn" in again.stderr
    live = run("models", "withdraw", "m", "1")
    assert live.exit_code == 2
    assert "referred to by rows of model_deployments (1)" in live.stderr
    assert run("models", "correct", "m", "1", "--algorithm", "trees").exit_code == 2


def test_list_shows_a_row_for_each_version(run, answer, ledger) -> None:
    lines = run("models", "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["model_name", "model_version", "stage"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["m", "2", "development"],
        ["m", "1", "production"],
    ]
    assert lines[0].index("stage") == lines[1].index("development") == lines[2].index("production")
    assert [row["model_version"] for row in answer("models", "list")] == ["2", "1"]


def test_list_can_be_narrowed(run, answer, ledger) -> None:
    run("models", "register", "other", "--tag", "team=ops")
    assert [row["model_name"] for row in answer("models", "list", "--tag", "team=ops")] == ["other"]
    assert len(answer("models", "list", "--model", "m")) == 2
    assert len(answer("models", "list", "--stage", "Production")) == 1
    assert len(answer("models", "list", "--limit", "1")) == 1
    assert run("models", "list", "--model", "unknown").exit_code == 2
    assert run("models", "list", "--stage", "staging").stdout == "(none)\n"


def test_show_prints_the_fields_that_have_a_value(run, answer, ledger) -> None:
    fields = dict(
        line.split(None, 1) for line in run("models", "show", "m", "1").stdout.splitlines()
    )
    assert (fields["model_version"], fields["stage"], fields["roc_auc"]) == (
        "1",
        "production",
        "0.75",
    )
    assert "accuracy" not in fields
    assert answer("models", "show", "m", "1")["accuracy"] is None


def test_rollback_retire_and_timeline(run, answer, ledger) -> None:
    answer("models", "promote", "m", "2")
    back = answer("models", "rollback", "m", "--by", "eve", "--reason", "slow")
    assert (back["model_version"], back["deployed_by"], back["reason"]) == ("1", "eve", "slow")
    ended = answer("models", "retire", "m", "--by", "eve", "--reason", "gone")
    assert (ended["retired_by"], ended["retired_reason"]) == ("eve", "gone")
    history = answer("models", "timeline", "--model", "m")
    assert [row["model_version"] for row in history] == ["1", "2", "1"]
    assert len(run("models", "timeline").stdout.splitlines()) == 4
    assert answer("models", "timeline", "--slot", "eu") == []


def test_at_answers_the_past_and_exits_with_1_for_nothing(run, ledger) -> None:
    empty = run("models", "at", "m", "2020-01-01T00:00Z")
    assert (empty.exit_code, empty.stdout) == (
        1,
        "nothing of model m was in slot production then\n",
    )
    none = run("models", "at", "m", "2020-01-01T00:00Z", "--json")
    assert (none.exit_code, none.stdout) == (1, "null\n")
    found = run("models", "at", "m")
    assert found.exit_code == 0
    assert "model_version" in found.stdout


def test_at_takes_its_time_as_other_commands_do(run, answer, ledger) -> None:
    past = "2020-01-01T00:00Z"
    assert run("models", "at", "m", "--at", past).exit_code == 1
    assert answer("models", "at", "m", "--at", "now") == answer("models", "at", "m", "now")
    both = run("models", "at", "m", past, "--at", past)
    assert (both.exit_code, both.stdout) == (2, "")
    assert "give the time once" in both.stderr


def test_a_time_in_a_refusal_is_written_as_in_tables(run) -> None:
    run("models", "register", "m", "1")
    run("models", "register", "m", "2")
    run("models", "promote", "m", "1", "--slot", "eu")
    refused = run("models", "promote", "m", "2", "--slot", "eu", "--at", "2026-01-01").stderr
    assert re.search(r"changed since, at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\. ", refused), (
        refused
    )


def test_a_promotion_may_lie_in_the_past(run, answer) -> None:
    run("models", "register", "m")
    live = answer(
        "models", "promote", "m", "1", "--at", "2026-01-01T12:00:00+02:00", "--slot", "eu"
    )
    assert live["deployed_at"] == "2026-01-01T10:00:00Z"
    assert answer("models", "at", "m", "2026-01-01T10:00Z", "--slot", "eu") == live


@pytest.mark.parametrize("group", ["models", "decisions", "monitoring", "db", "migrate"])
def test_a_group_lists_its_commands(run, group) -> None:
    listed = run(group, "--help")
    assert listed.exit_code == 0
    assert "Commands:" in listed.stdout


def test_a_model_can_be_described_before_its_first_version(run, answer) -> None:
    assert run("models", "add", "m", "--description", "parcels").stdout == "registered model m\n"
    assert run("models", "add", "m").exit_code == 2
    made = answer("models", "show", "m")
    assert (made["description"], made["tags"]) == ("parcels", {})
    changed = answer("models", "edit", "m", "--description", "", "--tag", "team=ops")
    assert (changed["description"], changed["tags"]) == (None, {"team": "ops"})
    run("models", "register", "m", "--description", "first")
    version = answer("models", "edit", "m", "1", "--description", "one", "--tag", "reviewed=yes")
    assert (version["description"], version["tags"]) == ("one", {"reviewed": "yes"})
    assert run("models", "edit", "unknown", "--description", "x").exit_code == 2
    assert [row["model_name"] for row in answer("models")] == ["m"]


def test_what_models_and_status_count_is_said_where_it_is_read(run, answer) -> None:
    run("models", "register", "m")
    assert answer("models")[0]["predictions_24h"] == 0
    for command in ("models", "status"):
        assert "  preds_24h  " in run(command).stdout
        assert "preds_24h" in (said := " ".join(run(command, "--help").stdout.split()))
        assert "in the last 24 full hours" in said
