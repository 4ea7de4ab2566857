"""The example service: with its ledger, without it, and under real servers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest

from mlops_ledger import Database, ModelVersionRepository, Settings

pytest.importorskip("vaderSentiment", reason="needs the extra [service]")

from fastapi.testclient import TestClient

from examples.sentiment_service import app as service
from examples.sentiment_service.model import MODEL_NAME
from examples.sentiment_service.register import register

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SECRET = "SECRET wonderful thing"
CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
)


@pytest.fixture
def settings(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the environment, of a database in which the versions are registered."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("MLOPS_SPOOL_DIR", str(tmp_path / "spool"))
    found = Settings.from_environment()
    with Database(found) as db:
        assert register(db) == register(db) == "1"
    return found


def test_what_is_answered_is_recorded_with_its_truth(
    settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    with TestClient(service.app) as client:
        first, again = (client.post("/predict", json={"text": SECRET}).json() for _ in range(2))
        assert first == {**again, "prediction_id": first["prediction_id"]}
        assert (first["label"], first["model_version"]) == ("positive", "1")
        batch = client.post("/batch", json={"texts": ["dreadful", SECRET]}).json()
        assert [each["label"] for each in batch["answers"]] == ["negative", "positive"]
        truth = {"prediction_id": first["prediction_id"], "label": "negative"}
        assert sum(client.post("/feedback", json=truth).json().values()) == 1
        assert 'logger="1"' in client.get("/metrics").text
    found = conn.execute(
        "SELECT inputs ->> 'text', predicted_label, cache_hit, latency_ms >= 0, batch_id"
        " FROM predictions ORDER BY id"
    ).fetchall()
    assert found == [
        (SECRET, "positive", False, True, None),
        (SECRET, "positive", True, True, None),
        ("dreadful", "negative", False, True, batch["batch_id"]),
        (SECRET, "positive", True, True, batch["batch_id"]),
    ]
    with TestClient(service.app) as client:
        right = client.get("/analytics/performance", params={"model_name": MODEL_NAME}).json()
        assert (right["labeled_samples"], right["accuracy"]) == (1, 0.0)
        paths = [path for path, each in client.get("/openapi.json").json()["paths"].items()]
        assert len(paths) > 12
        shown = "".join(client.get(path, params={"model_name": MODEL_NAME}).text for path in paths)
        assert SECRET.split()[0] not in shown


def test_a_promotion_changes_the_version_that_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "live", service.follow(refresh=0))
    with TestClient(service.app) as client, Database(settings) as db:
        assert client.post("/predict", json={"text": "good"}).json()["model_version"] == "1"
        ModelVersionRepository(db).promote(model_name=MODEL_NAME, model_version="2")
        until = monotonic() + 60
        seen = "1"
        while seen == "1" and monotonic() < until:
            seen = client.post("/predict", json={"text": "good"}).json()["model_version"]
        assert seen == "2"


def test_the_first_version_answers_while_the_ledger_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/gone")
    monkeypatch.setenv("MLOPS_SPOOL_DIR", str(tmp_path))
    monkeypatch.setattr(service, "live", service.follow())
    with TestClient(service.app) as client:
        answer = client.post("/predict", json={"text": "good"})
        assert (answer.status_code, answer.json()["model_version"]) == (200, "1")
        truth = {"prediction_id": answer.json()["prediction_id"], "label": "positive"}
        assert client.post("/feedback", json=truth).status_code == 503
        assert client.get("/health").json()["predictions"]["waiting"] == 1


def test_no_request_breaks_it_under_gunicorn(settings: Settings) -> None:
    command = "gunicorn --worker-class asgi --workers 2 --preload --bind 127.0.0.1:{port}"
    with serving(command) as address:
        found = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
                *("--phases", "fuzzing", "--max-examples", "2", "--seed", "1"),
                *("--checks", CHECKS, "--wait-for-schema", "300", "--no-color"),
            ],
            capture_output=True,
            text=True,
            cwd=settings.spool.parent,
        )
    assert found.returncode == 0, found.stdout


@contextmanager
def serving(command: str) -> Iterator[str]:
    """Run the service under a server; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = command.format(port=port).split()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments, "examples.sentiment_service.app:app"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
