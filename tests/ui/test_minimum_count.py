"""Pages of a role that may not read inputs, where summaries have a minimum."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
)

pytest.importorskip("jinja2", reason="needs the extra [ui]")

from starlette.testclient import TestClient

from mlops_ledger.contrib.ui import create_app

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
NAMED = {"model_name": "m", "model_version": "1"}
FEATURE = "/feature?model=m&version=1&feature=plan"
QUALITY = "/quality?model=m"


def test_what_a_reader_does_not_see_is_said(
    owner: Database, connected: tuple[Database, Database]
) -> None:
    ModelVersionRepository(owner).promote(**NAMED, at=SINCE)
    BaselinesRepository(owner).register(**NAMED, data={"plan": ["a", "b", "c", None] * 25})
    PredictionsRepository(owner).insert_many(
        rows=[
            {
                **NAMED,
                "predicted_at": SINCE + n * timedelta(minutes=20),
                "inputs": {"plan": [None, "a", "d"][n % 3]},
            }
            for n in range(144)
        ]
    )
    summaries = SummariesRepository(owner)
    summaries.fold()
    reader, _ = connected
    client = TestClient(create_app(reader, hosts=("testserver",)))
    before = {path: client.get(path) for path in (FEATURE, QUALITY)}
    assert [each.status_code for each in before.values()] == [200, 200]
    assert "days of too few" not in before[QUALITY].text
    # Each of both days has 72: the page of the last week needs nothing else.
    summaries.set_minimum_count(minimum_count=72)
    for path, seen in before.items():
        assert client.get(path).text == seen.text
    hours = f"{FEATURE}&since=2026-03-03T00:00:00Z&until=2026-03-03T12:00:00Z"
    assert client.get(hours).text.count("by days of UTC with at least 72 predictions") == 1
    summaries.set_minimum_count(minimum_count=73)
    refused = client.get(FEATURE)
    assert refused.status_code == 200
    assert "by days of UTC with at least 73 predictions" in refused.text
    # Other days can be chosen; nothing is told of these.
    assert 'name="since"' in refused.text
    assert "Jensen-Shannon" not in refused.text
    assert 'class="then"' not in refused.text
    quality = client.get(QUALITY)
    assert quality.status_code == 200
    assert "days of too few" in quality.text
    # A day of enough is shown, though those around it are not.
    PredictionsRepository(owner).insert_many(
        rows=[{**NAMED, "predicted_at": SINCE, "inputs": {"plan": "a"}}]
    )
    summaries.fold()
    day = client.get(f"{FEATURE}&since=2026-03-02T00:00:00Z&until=2026-03-03T00:00:00Z").text
    assert "window of 73 predictions" in day
    assert day.count("by days of UTC with at least 73 predictions") == 1
    whole = TestClient(create_app(owner, hosts=("testserver",)))
    assert "days of too few" not in whole.get(QUALITY).text
    assert whole.get(hours).status_code == 200
