"""mlops-ledger import evidently, great-expectations and whylogs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops_ledger import Database, DriftReportsRepository

DATA = Path(__file__).parents[1] / "data"
M = ("--model", "m", "--version", "1")


def test_a_run_of_evidently_is_imported_once(ledger: Database, answer: Any, tmp_path: Path) -> None:
    runs = json.loads((DATA / "results_evidently.json").read_text("utf-8"))
    (tmp_path / "run.json").write_text(json.dumps(runs["performance"]))
    options = ("--at", "2026-01-02T00:00:00Z", "--lookback", "1d")
    first, second = (answer("import", "evidently", "run.json", *M, *options) for _ in range(2))
    assert first["metrics"]["stored"] == second["metrics"]["duplicates"] > 10
    assert first["drift_report_ids"] == second["drift_report_ids"]
    [report] = DriftReportsRepository(ledger).list_reports(model_name="m")
    assert (report.method, report.lookback_hours) == ("evidently", 24)


def test_what_a_validation_has_no_number_for_is_said(ledger: Database, run: Any) -> None:
    done = run("import", "great-expectations", str(DATA / "results_great_expectations.json"), *M)
    assert done.stdout == "6 metrics stored, 0 were there; drift reports: 0\n"
    assert "in_set.nowhere 2026-" in done.stderr
    assert "could not be evaluated: it raised" in done.stderr


def test_what_is_no_result_is_one_line(ledger: Database, run: Any, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[")
    for library in ("evidently", "great-expectations", "whylogs"):
        done = run("import", library, "odd.json", *M)
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1
