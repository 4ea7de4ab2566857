"""The ledger in a FastAPI service, on a real database and on none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Any
from uuid import uuid4

import psycopg
import pytest
from fix_faults import migrated, own_server, stop
from fix_roles import KINDS, drop_roles
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncPredictionLogger,
    Database,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
)
from mlops_ledger.admin.roles import Roles
from tools.scratch import scratch_database

pytest.importorskip("fastapi", reason="needs the extra [fastapi]")

from fastapi import Body, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from mlops_ledger import errors
from mlops_ledger.contrib.fastapi import (
    LiveModel,
    add_exception_handlers,
    analytics_router,
    database,
    health_router,
    ledger_lifespan,
    live_model,
    live_prediction_logger,
    prediction_logger,
)
from mlops_ledger.contrib.fastapi.analytics import _ROUTES

SECRET = "SECRET-that-was-sent"
MODEL = {"model_name": "m/1"}
Given = Annotated[AsyncPredictionLogger, Depends(prediction_logger("m/1", "1"))]
Live = Annotated[
    AsyncPredictionLogger,
    Depends(live_prediction_logger("m/1", initial_version="1", refresh=0)),
]
Loaded = Annotated[LiveModel[str], Depends(live_model("m/1", lambda version: f"model {version}"))]


def service(settings: Settings, *, making: bool = False) -> FastAPI:
    app = FastAPI(lifespan=ledger_lifespan(settings, initialise=making))
    app.include_router(analytics_router())
    app.include_router(health_router())
    add_exception_handlers(app)

    async def predict(text: Annotated[str, Body(embed=True)], log: Given) -> bool:
        return await log(inputs={"text": text}, predicted_label="positive") is not None

    async def predict_live(log: Live) -> None:
        await log(predicted_label="negative")

    async def fail(kind: str, db: Annotated[AsyncDatabase, Depends(database)]) -> None:
        failure = getattr(errors, kind)
        sent = [f"features.{SECRET}", "is wrong"] if kind == "InvalidValue" else [SECRET]
        raise failure(*sent)

    async def numbers(given: dict[str, int]) -> None: ...

    app.add_api_route("/predict", predict, methods=["POST"])
    app.add_api_route("/predict/live", predict_live, methods=["POST"])
    app.add_api_route("/fail/{kind}", fail)
    app.add_api_route("/numbers", numbers, methods=["POST"])
    return app


def register(settings: Settings) -> None:
    with Database(settings) as db:
        versions = ModelVersionRepository(db)
        versions.insert(model_name="m/1", model_version="1")
        versions.promote(model_name="m/1", model_version="1", promoted_by="test")


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings of a database in which version 1 of a model is live; its own spool."""
    found = Settings(conninfo=dsn, home=tmp_path)
    register(found)
    return found


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of a service with five predictions, of which one has its ground truth."""
    with Database(settings) as db:
        now = datetime.now(UTC)
        rows = [
            {
                **MODEL,
                "model_version": "1",
                "predicted_label": "negative" if n == 4 else "positive",
                "probability": 0.9,
                "request_id": f"r{n}",
                "inputs": {"text": SECRET},
                "user_agent": SECRET,
                "client_ip": "203.0.113.7",
                "predicted_at": now - timedelta(minutes=n),
            }
            for n in range(5)
        ]
        PredictionsRepository(db).insert_many(rows=rows)
        GroundTruthRepository(db).insert(request_id="r0", actual_label="positive")
    with TestClient(service(settings), raise_server_exceptions=False) as client:
        yield client


def read(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    assert "203.0.113.7" not in answer.text
    return answer.json()


def test_the_window_is_summed_up(client: TestClient) -> None:
    found = read(client, "/analytics/summary", **MODEL)
    assert found["count"] == 5
    assert found["label_distribution"] == {"positive": 4, "negative": 1}
    assert read(client, "/analytics/summary", until="2020-01-01T00:00:00Z")["count"] == 0
    for path in ("label", "sentiment"):
        found = read(client, f"/analytics/{path}-distribution")
        assert [(each["label"], each["share"]) for each in found["labels"]] == [
            ("positive", 0.8),
            ("negative", 0.2),
        ]


def test_recent_pages_by_key(client: TestClient) -> None:
    seen, before = [], {}
    while before is not None:
        found = read(client, "/analytics/recent", limit=2, **before)
        seen += [each["request_id"] for each in found["items"]]
        before = found["next_before"] and {"before": found["next_before"]}
    assert seen == ["r0", "r1", "r2", "r3", "r4"]
    assert not {"inputs", "feature_values", "user_agent", "client_ip"} & found["items"][0].keys()
    assert client.get("/analytics/recent", params={"limit": 1001}).status_code == 422


def test_performance_and_drift(client: TestClient) -> None:
    found = read(client, "/analytics/performance", **MODEL)
    assert (found["labeled_samples"], found["accuracy"]) == (1, 1.0)
    assert read(client, "/analytics/drift", **MODEL) == {"items": [], "next_before": None}


def test_models_and_their_history(client: TestClient, settings: Settings) -> None:
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="another")
    first = read(client, "/models", limit=1)
    assert (first["items"][0]["model_name"], first["next_after"]) == ("another", "another")
    second = read(client, "/models", after="another")
    assert [each["live_version"] for each in second["items"]] == ["1"]
    [entry] = read(client, "/models/m/1/timeline")["items"]
    assert entry["is_live"]
    assert read(client, "/models/m/1/production")["model_version"] == "1"
    for path in ("production?at=2020-01-01T00:00:00Z", "production?slot=none"):
        assert client.get(f"/models/m/1/{path}").status_code == 404
    for path in ("timeline", "production"):
        answer = client.get(f"/models/{SECRET}/{path}")
        assert answer.status_code == 404
        assert SECRET not in answer.text
    assert read(client, "/models/another/timeline")["items"] == []
    with Database(settings) as db:
        ModelsRepository(db).insert(model_name="without versions")
    assert read(client, "/models/without versions/timeline")["items"] == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("InvalidValue", 422),
        ("NotFound", 404),
        ("PromotionRefused", 409),
        ("PermissionDenied", 403),
        ("ConnectionLost", 503),
        ("TimedOut", 503),
        ("EmbeddedServerError", 503),
        ("SchemaError", 503),
        ("AppendOnly", 500),
    ],
)
def test_an_exception_is_answered_without_what_it_names(
    client: TestClient, kind: str, status: int
) -> None:
    answer = client.get(f"/fail/{kind}")
    assert answer.status_code == status
    assert SECRET not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/analytics/summary", {"since": SECRET}),
        ("/analytics/summary", {"since": "2026-01-01T00:00:00"}),
        ("/analytics/summary", {"until": "0001-01-01T00:00:00Z"}),
        ("/analytics/summary", {"since": "0001-01-01T00:00:00+14:00"}),
        ("/analytics/summary", {"since": "2999-01-01T00:00:00Z"}),
        ("/analytics/summary", {"model_version": "1"}),
        ("/analytics/recent", {"before": SECRET}),
        ("/analytics/recent", {"status": SECRET}),
        ("/analytics/recent", {"model_name": f"{SECRET}\0"}),
        ("/models/m/1/production", {"at": "9999-12-31T23:59:59-14:00"}),
        ("/models", {"after": "\0"}),
    ],
)
def test_what_cannot_be_asked_is_422(client: TestClient, path: str, query: dict[str, str]) -> None:
    answer = client.get(path, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["fields"]
    assert SECRET not in answer.text


def test_an_answer_that_takes_too_long_is_503_and_its_query_ends(
    settings: Settings, conn: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI(lifespan=ledger_lifespan(settings))
    app.include_router(analytics_router(timeout=0.5))
    add_exception_handlers(app)
    with TestClient(app) as client:
        assert client.get("/models").status_code == 200
        with conn.transaction():
            conn.execute("LOCK TABLE model_versions")
            answer = client.get("/models")
            assert (answer.status_code, answer.json()["error"]) == (503, "TimedOut")
            assert int(answer.headers["Retry-After"]) > 0
            # It is not the server that ended the statement, which may wait for longer.
            assert "no answer within 0.5 s" in caplog.text
            waiting = conn.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'model_versions'::regclass "
                "AND NOT granted"
            ).fetchone()
            assert waiting == (0,)
        assert client.get("/models").status_code == 200


def test_a_key_that_was_sent_does_not_come_back(client: TestClient) -> None:
    answer = client.post("/numbers", json={SECRET: SECRET})
    assert answer.json()["fields"] == [{"field": "body.?", "problem": "int parsing"}]


@pytest.mark.parametrize(("path", "answer", "title", "example"), _ROUTES)
def test_the_documented_answers_are_of_their_shape(
    path: str, answer: Any, title: str, example: Any
) -> None:
    shape = service(Settings(conninfo="host=127.0.0.1"))
    route = next(each for each in analytics_router().routes if each.path == path)
    model = TypeAdapter(route.response_model)
    assert model.dump_python(model.validate_python(example), mode="json").keys() == example.keys()
    described = shape.openapi()["paths"][path.replace(":path", "")]["get"]
    assert {"200", "404", "422", "503"} <= described["responses"].keys()


def test_predictions_of_the_live_version(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    with TestClient(service(settings)) as client:
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/ready").status_code == 200
        assert [client.head(path).status_code for path in ("/health", "/ready")] == [200, 200]
        assert set(client.get("/openapi.json").json()["paths"]["/health"]) == {"get"}
        with Database(settings) as db:
            ModelVersionRepository(db).insert(model_name="m/1", model_version="2")
            ModelVersionRepository(db).promote(model_name="m/1", model_version="2")
        client.post("/predict/live")
        for _ in range(100):
            if client.get("/models/m/1/production").json()["model_version"] == "2":
                client.post("/predict/live")
    found = conn.execute(
        "SELECT count(*) FILTER (WHERE v.model_version = '2'), count(*)"
        " FROM predictions p JOIN model_versions v ON v.id = p.model_version_id"
    ).fetchone()
    assert found is not None
    assert found[0] > 0
    assert found[1] == 101


def test_each_start_answers_with_what_is_live_in_its_ledger(
    settings: Settings, server_dsn: str, template: str, tmp_path: Path
) -> None:
    async def answer(live: Loaded) -> str:
        return live.model

    def ask(of: Settings) -> str:
        app = FastAPI(lifespan=ledger_lifespan(of))
        app.add_api_route("/", answer)
        with TestClient(app) as client:
            return client.get("/").json()

    with scratch_database(server_dsn, template) as dsn:
        other = Settings(conninfo=dsn, home=tmp_path)
        register(other)
        with Database(other) as db:
            versions = ModelVersionRepository(db)
            versions.insert(model_name="m/1", model_version="2")
            versions.promote(model_name="m/1", model_version="2", promoted_by="test")
        assert [ask(each) for each in (settings, other)] == ["model 1", "model 2"]


def test_a_service_starts_without_its_database_and_loses_nothing(tmp_path: Path) -> None:
    with own_server() as server:
        settings = Settings(conninfo=migrated(server), home=tmp_path)
        register(settings)
        stop(server, "fast")
        app = service(settings)
        with TestClient(app) as client:
            for _ in range(301):
                answer = client.post("/predict", json={"text": SECRET})
                assert (answer.status_code, answer.json()) == (200, True)
            health = client.get("/health")
            assert health.status_code == 200
            assert health.json()["reason"].startswith("the database cannot be reached")
            assert health.json()["predictions"]["waiting"] == 301
            assert client.get("/ready").status_code == 503
            assert client.head("/health").status_code == 200
            away = client.head("/ready")
            assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
            assert client.get("/analytics/recent").status_code == 503
            server.start()
        # What was left in the spool arrives with the next start.
        with TestClient(app) as client:
            client.post("/predict", json={"text": SECRET})
        with psycopg.connect(settings.conninfo) as connection:
            deadline = datetime.now(UTC) + timedelta(seconds=60)
            count = 0
            while count < 302 and datetime.now(UTC) < deadline:
                [count] = connection.execute("SELECT count(*) FROM predictions").fetchone()
                connection.rollback()
        assert count == 302


def test_a_user_without_rights_is_no_healthy_service(dsn: str, tmp_path: Path) -> None:
    register(Settings(conninfo=dsn))
    prefix = f"t{uuid4().hex[:12]}_"
    with Database(dsn) as db:
        Roles(db).create(prefix=prefix)
    with psycopg.connect(dsn, autocommit=True) as admin:
        user = sql.Identifier(f"{prefix}user")
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'").format(user))
        conninfo = make_conninfo(dsn, user=f"{prefix}user", password="secret")
        settings = Settings(conninfo=conninfo, home=tmp_path)
        with TestClient(service(settings)) as client:
            reason = "the database cannot be reached, or refuses the user of the service"
            assert client.get("/health").json()["reason"] == reason
            assert client.get("/ready").status_code == 503
        reader = sql.Identifier(f"{prefix}reader")
        admin.execute(sql.SQL("GRANT {} TO {}").format(reader, user))
        with TestClient(service(settings)) as client:
            assert client.get("/health").json()["status"] == "ok"
            assert client.post("/predict", json={"text": SECRET}).status_code == 200
            deadline = monotonic() + 60
            while (found := client.get("/health").json())["status"] == "ok":
                assert monotonic() < deadline
            assert found["reason"].startswith("predictions wait")
            # Others may be answered all the same.
            assert client.get("/ready").json()["status"] == "ok"
        drop_roles(admin, *(prefix + kind for kind in ("user", *KINDS)))


def test_a_service_makes_its_database(empty_database: str, tmp_path: Path) -> None:
    settings = Settings(conninfo=empty_database, home=tmp_path)
    with TestClient(service(settings)) as client:
        assert client.get("/health").json()["reason"].startswith("the database was never migrated")
        assert client.get("/models").status_code == 503
    with TestClient(service(settings, making=True)) as client:
        assert client.get("/ready").json()["status"] == "ok"
