"""`mlops-ledger labels` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
)
from mlops_ledger.cli import main

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on the test's database."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    return lambda *arguments: CliRunner().invoke(main, ["labels", *arguments])


@pytest.fixture
def labeled(dsn: str) -> UUID:
    """A prediction with a label and a correction."""
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        id = PredictionsRepository(db).insert(
            model_name="m",
            model_version="1",
            predicted_label="late",
            probability=0.75,
            predicted_at=NOON,
        )
        for hours, label in ((1, "ontime"), (2, "late")):
            at = NOON + timedelta(hours=hours)
            GroundTruthRepository(db).insert(prediction_id=id, actual_label=label, labeled_at=at)
    return id


def test_performance_prints_metrics_and_reasons(run: Run, labeled: UUID) -> None:
    window = ("performance", "m", "--until", "2026-01-02T00:00:00Z", "--positive", "late")
    lines = dict(line.split(maxsplit=1) for line in run(*window).output.splitlines())
    assert lines["accuracy"] == "1"
    assert lines["brier_score"] == "0.0625"
    assert lines["label_delay_p50"] == "1h"
    assert lines["roc_auc"] == "(all labels are of one class)"
    found = json.loads(run(*window, "--as-of", "2026-01-01T13:30:00Z", "--json").output)
    assert (found["accuracy"], found["roc_auc"]) == (0, None)


def test_an_unknown_model_is_one_line_and_exit_code_2(run: Run) -> None:
    result = run("performance", "x")
    assert (result.exit_code, result.output) == (2, "error: there is no model x\n")


def test_show_lists_the_corrections(run: Run, labeled: UUID) -> None:
    found = json.loads(run("show", str(labeled), "--json").output)
    assert [label["actual_label"] for label in found] == ["late", "ontime"]
    assert run("show", str(labeled)).output.splitlines()[1].split()[:2] == [
        "2026-01-01T14:00:00Z", "late",
    ]  # fmt: skip


def test_match_says_how_many(run: Run, labeled: UUID) -> None:
    assert run("match").output == "0 matched\n"


def test_series_shows_performance_by_the_hour(run: Run, labeled: UUID) -> None:
    window = ("--since", NOON.isoformat(), "--until", (NOON + timedelta(hours=2)).isoformat())
    done = run("series", "m", *window, "--bucket", "1h", "--json")
    assert done.exit_code == 0, done.output
    first, second = json.loads(done.stdout)
    assert (first["labeled_samples"], first["accuracy"]) == (1, 1)
    assert (second["labeled_samples"], second["accuracy"]) == (0, None)
    assert second["reasons"]["accuracy"] == "no prediction of the window has a label"
    table = run("series", "m", *window, "--bucket", "1h").stdout
    assert "accuracy" in table
    assert "rmse" not in table
    assert run("series", "m").exit_code == 0
    assert run("series", "m", "--bucket", "5m").exit_code == 2
    assert "no model unknown" in run("series", "unknown").output


def test_value_weighs_the_confusion_matrix(run: Run, labeled: UUID) -> None:
    window = ("--until", "2026-01-02T00:00:00Z")
    found = run("value", "m", "tp=50", "fp=-5", "--positive", "late", *window, "--json")
    assert json.loads(found.output) == {
        "total": 50, "mean": 50, "num_predictions": 1, "reason": None, "pending_since": None
    }  # fmt: skip
    pairs = run("value", "m", "late/late=2.5", *window)
    assert dict(line.split(maxsplit=1) for line in pairs.output.splitlines())["total"] == "2.5"
    for wrong, message in (
        ("tp", "must be CELL=NUMBER"),
        ("tp=much", "not a finite number"),
        ("a/b/c=1", r"TRUE/PREDICTED; a / in a name is \/"),
        ("xx=1", "xx is not one of"),
        ("late/lost=1", "no class lost"),
        ("tp=1 tp=2", "names a cell twice"),
    ):
        refused = run("value", "m", *wrong.split(), "--positive", "late", *window)
        assert (refused.exit_code, message in refused.output) == (2, True), refused.output


def test_value_takes_classes_with_a_slash_in_their_name(run: Run, dsn: str) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="k", class_names=["n/a", "yes", "a/b"])
        for predicted, actual in (("yes", "n/a"), ("a/b", "a/b"), ("yes", "a/b")):
            id = PredictionsRepository(db).insert(
                model_name="k", model_version="1", predicted_label=predicted
            )
            GroundTruthRepository(db).insert(prediction_id=id, actual_label=actual)
    cells = (r"n\/a/yes=-5", r"a\/b/a\/b=20", r"a\/b/yes=0.5")
    assert json.loads(run("value", "k", *cells, "--json").stdout)["total"] == 15.5
    refused = run("value", "k", r"n\/a/lost=1")
    assert (refused.exit_code, "no class lost" in refused.stderr) == (2, True)


def test_performance_by_slice(run: Run, labeled: UUID, dsn: str) -> None:
    def edit(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["models", "edit", "m", *arguments])

    by_slice = ("performance", "m", "--by-slice", "--since", "2026-01-01T12:00:00Z",
                "--until", "2026-01-01T13:00:00Z")  # fmt: skip
    assert "the model has none" in run(*by_slice).output
    assert edit("1", "--slice-key", "country").exit_code != 0
    assert json.loads(edit("--slice-key", "country", "--json").output)["slice_key"] == "country"
    with Database(dsn) as db:
        id = PredictionsRepository(db).insert(
            model_name="m",
            model_version="1",
            predicted_label="late",
            inputs={"country": "DE"},
            predicted_at=NOON,
        )
        GroundTruthRepository(db).insert(prediction_id=id, actual_label="ontime")
    found = json.loads(run(*by_slice, "--json").output)
    assert {(row["slice_kind"], row["slice"], row["accuracy"]) for row in found} == {
        ("value", "DE", 0),
        ("missing", None, 1),
    }
    assert "DE" in run(*by_slice).output
    window = ("--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z", "--json")
    one = json.loads(run("performance", "m", "--slice", "DE", *window).output)
    assert (one["labeled_samples"], one["accuracy"]) == (1, 0)
    assert run(*by_slice, "--slice", "DE").exit_code != 0
    with Database(dsn) as db:
        cleared = ModelsRepository(db).set_slice_key(model_name="m", slice_key=None)
        assert cleared.slice_key is None
