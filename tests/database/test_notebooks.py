"""Rows, timelines and reports in a notebook: tables, and no text of the record acts in them."""

from __future__ import annotations

import pickle
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from mlops_ledger import (
    AlertsRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    rows,
)
from mlops_ledger.notebooks import Row

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"
AT = datetime(2026, 1, 31, tzinfo=UTC)


class Cells(HTMLParser):
    """The elements of a table, and the text of its cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs == []
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


def shown(value: Any) -> Cells:
    found = Cells(value._repr_html_())
    assert set(found.tags) <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    return found


@pytest.fixture
def db(dsn: str) -> Database:
    """A model in which every text is hostile."""
    database = Database(Settings(conninfo=dsn))
    versions = ModelVersionRepository(database)
    named = {"model_name": "m", "model_version": "1"}
    versions.insert(**named, algorithm=EVIL, metrics={"roc_auc": 0.75, EVIL: 1.0}, created_at=AT)
    versions.promote(**named, reason=f"{EVIL}\u202e", at=AT)
    DriftReportsRepository(database).insert(
        **named, timestamp=AT, lookback_hours=24, drift_detected=True,
        features=[
            {"feature": EVIL, "drifted": True},
            {"feature": "age", "drifted": False, "score": 0.5},
        ],
    )  # fmt: skip
    PredictionsRepository(database).insert_many(
        rows=[{**named, "predicted_label": EVIL, "request_id": str(n)} for n in range(70)]
    )
    return database


def test_one_row_is_a_table_of_its_fields(db: Database) -> None:
    version = ModelVersionRepository(db).get(model_name="m", model_version="1")
    assert version is not None
    cells = shown(version).cells
    assert cells[cells.index("algorithm") + 1] == EVIL
    assert cells[cells.index("roc_auc") + 1] == "0.75"
    assert cells[cells.index("created_at") + 1] == "2026-01-31 00:00:00 UTC"
    # What has no value is left out.
    assert "mlflow_run_id" not in cells


def test_a_timeline_is_a_table_of_its_rows(db: Database) -> None:
    timeline = ModelVersionRepository(db).timeline(model_name="m")
    found = shown(timeline)
    assert found.cells[0] == "TimelineEntry"
    assert found.tags.count("tr") == 2
    assert f"{EVIL}\\u202e" in found.cells
    assert "retired_at" not in found.cells


def test_a_report_has_a_table_of_its_features(db: Database) -> None:
    report = DriftReportsRepository(db).latest(model_name="m")
    assert report is not None
    found = shown(report)
    assert found.tags.count("table") == 2
    at = found.cells.index(EVIL) - 1
    assert found.cells[at : at + 6] == ["yes", EVIL, "–", "no", "age", "0.5"]
    # What is empty is left out.
    assert "metadata" not in found.cells


def test_documents_within_a_list_or_a_document_are_text(db: Database) -> None:
    reports = DriftReportsRepository(db)
    found = shown(reports.list_reports(model_name="m"))
    assert found.tags.count("table") == 1
    assert [cell for cell in found.cells if '"score": 0.5' in cell]
    features = [{"feature": "age", "drifted": False, "details": {"bins": {"a": [1, {"b": 2}]}}}]
    reports.insert(
        model_name="m", timestamp=AT, lookback_hours=1, drift_detected=False, features=features
    )
    report = reports.latest(model_name="m")
    assert report is not None
    found = shown(report)
    assert found.tags.count("table") == 2
    assert '{"bins": {"a": [1, {"b": 2}]}}' in found.cells


def test_a_long_time_is_told_in_seconds(db: Database) -> None:
    timeline = ModelVersionRepository(db).timeline(model_name="m")
    assert re.search(r"<td>\d+ days?, \d+:\d\d:\d\d</td>", timeline._repr_html_())


def test_a_long_list_says_how_much_it_leaves_out(db: Database) -> None:
    recent = PredictionsRepository(db).list_recent(model_name="m", limit=70)
    found = shown(recent)
    assert found.tags.count("tr") == 61
    assert found.cells[-1] == "and 10 more"
    assert shown(AlertsRepository(db).list_alerts()).cells == ["no rows"]


def test_a_list_is_a_list(db: Database) -> None:
    timeline = ModelVersionRepository(db).timeline(model_name="m")
    assert isinstance(timeline, list)
    assert timeline == list(timeline)
    assert repr(timeline) == repr(list(timeline))
    assert pickle.loads(pickle.dumps(timeline)) == timeline


def test_every_row_has_a_table() -> None:
    shapes = [getattr(rows, name) for name in rows.__all__ if name != "PredictionFields"]
    assert [each for each in shapes if not issubclass(each, Row)] == []
