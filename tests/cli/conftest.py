"""The installed command, on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mlops_ledger import Database, ModelVersionRepository
from mlops_ledger.cli import main

COMMAND = Path(sys.executable).parent / "mlops-ledger"
Run = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process and return what it printed."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=input, catch_exceptions=False)

    return invoke


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    """Run a command with --json and return its answer; it must succeed."""

    def invoke(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return invoke


@pytest.fixture
def process(dsn: str, tmp_path: Path) -> Process:
    """Run the installed command as a process of its own."""

    def start(
        *arguments: str, url: str | None = dsn, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        if url is not None:
            environment["DATABASE_URL"] = url
        return subprocess.run(
            [str(COMMAND), *arguments],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


@pytest.fixture
def ledger(dsn: str) -> Iterator[Database]:
    """The database, with version 1 of model m in production and version 2 registered."""
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        for _ in range(2):
            models.insert(model_name="m", metrics={"roc_auc": 0.75}, algorithm="trees")
        models.promote(model_name="m", model_version="1", promoted_by="ann", reason="first")
        yield db
