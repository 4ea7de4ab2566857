"""The ledger on PostgreSQL in Docker: a container of its own, and the project's compose file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.admin.create import initialise
from tools.versions import POSTGRESQL

# Slow, so that the suite's further rounds on the system's servers do not repeat it; one group,
# so that two processes do not pull the image twice.
pytestmark = [pytest.mark.docker, pytest.mark.once]

ROOT = Path(__file__).resolve().parents[2]
IMAGE = f"postgres:{POSTGRESQL[-1]}"
MODEL = "churn"
# What a user sets for both; the password has what URLs and shells treat in their own ways.
SERVER = {
    "POSTGRES_USER": "ann",
    "POSTGRES_PASSWORD": "p@ss:w/r$d %20'",
    "MLOPS_DB_NAME": "ledger",
}

Run = Callable[..., str]


@pytest.fixture(scope="module")
def image() -> str:
    """The image, pulled if it is missing; skips without an engine or a way to get it."""
    # Asked of the command, as docker-py leaks the socket of every attempt that fails.
    if not _succeeds("docker", "version", within=10):
        pytest.skip("no Docker engine answers")
    here = _succeeds("docker", "image", "inspect", IMAGE, within=10)
    if not here and not _succeeds("docker", "pull", "--quiet", IMAGE, within=300):
        pytest.skip(f"the image {IMAGE} is not here and cannot be pulled")
    return IMAGE


@pytest.fixture
def container(image: str) -> Iterator[Settings]:
    """Settings of a database that does not exist yet, on a server in a container."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import testcontainers_config

    # It would pull a second image and hand it the engine's socket; the block below cleans up.
    testcontainers_config.ryuk_disabled = True
    with PostgresContainer(image, password=uuid4().hex, driver=None) as server:
        conninfo = make_conninfo(server.get_connection_url(), dbname="mlops")
        yield Settings(conninfo=conninfo)


@pytest.fixture
def compose() -> Run:
    """Run `docker compose` on the project's file, as a project of the test's own."""
    if not _succeeds("docker", "compose", "version", within=10):
        pytest.skip("docker compose is not installed")
    options = ("--file", str(ROOT / "docker-compose.yml"), "--env-file", os.devnull)
    project = ("--project-name", f"mlops-ledger-test-{uuid4().hex}")

    def run(*arguments: str, **variables: str) -> str:
        return _output("docker", "compose", *options, *project, *arguments, variables=variables)

    return run


def test_a_promotion_in_a_container_is_in_the_timeline(container: Settings) -> None:
    made = initialise(container)
    with Database(container) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name=MODEL, model_version="1", metrics={"roc_auc": 0.9})
        models.promote(model_name=MODEL, model_version="1", promoted_by="ann")
    with psycopg.connect(container.conninfo or "") as connection:
        server = connection.info.server_version // 10000
        timeline = connection.execute(
            "SELECT model_name, slot, model_version, is_live, deployed_by, roc_auc"
            " FROM v_model_timeline"
        ).fetchall()
    assert made.created
    assert server == 18
    assert timeline == [(MODEL, "production", "1", True, "ann", 0.9)]


def test_compose_listens_on_loopback_only_with_the_ledgers_defaults(compose: Run) -> None:
    service = json.loads(compose("config", "--format", "json"))["services"]["postgres"]
    [port] = service["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "5432", 5432)
    ours = Settings.from_environment({"POSTGRES_HOST": "127.0.0.1"})
    theirs = service["environment"]
    assert theirs["POSTGRES_DB"] == ours.database
    assert f"user={theirs['POSTGRES_USER']}" in (ours.conninfo or "").split()


def test_compose_and_ledger_share_their_variables_and_data_outlives_down(
    image: str, compose: Run, tmp_path: Path
) -> None:
    # Port 0 lets the engine choose a free one.
    up = partial(compose, "up", "--detach", "--wait", **SERVER, POSTGRES_PORT="0")

    def ledger(*arguments: str) -> Any:
        port = compose("port", "postgres", "5432").rpartition(":")[2].strip()
        command = (sys.executable, "-m", "mlops_ledger", *arguments, "--json")
        variables = {**SERVER, "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": port}
        return json.loads(_output(*command, cwd=tmp_path, variables=variables))

    try:
        up()
        made = ledger("init")
        assert (made["database"], made["owner"], made["created"]) == ("ledger", "ann", False)
        ledger("models", "register", MODEL, "1")
        ledger("models", "promote", MODEL, "1")
        compose("down")
        up()
        health = ledger("health")
        assert (health["healthy"], health["embedded"]) == (True, False)
        assert ledger("models", "at", MODEL)["model_version"] == "1"
    finally:
        compose("down", "--volumes")


def _output(*command: str, variables: Mapping[str, str], cwd: Path = ROOT) -> str:
    """Run a command with those settings and no others, and return what it printed."""
    names = ("POSTGRES_", "MLOPS_", "DATABASE_URL", "COMPOSE_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _succeeds(*command: str, within: float) -> bool:
    """Whether a command is there and exits with 0 in time (seconds)."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=within, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
