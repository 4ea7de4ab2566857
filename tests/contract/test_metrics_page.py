"""The page of metrics defines each that performance() answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ledger.rows.ground_truth import MEASURED

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
AVERAGES = ("_macro", "_micro", "_weighted")


def test_every_metric_is_defined() -> None:
    page = PAGE.read_text("utf-8")
    named = {next((f"…{end}" for end in AVERAGES if name.endswith(end)), name) for name in MEASURED}
    assert {name for name in named if f"`{name}`" not in page} == set()
