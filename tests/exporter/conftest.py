"""A real exporter process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_exporter import Scraped

COMMAND = Path(sys.executable).parent / "mlops-ledger"


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Callable[..., Scraped]]:
    """Start an exporter of a database."""
    running: list[subprocess.Popen[str]] = []

    def start(dsn: str, *options: str, **variables: str) -> Scraped:
        process = subprocess.Popen(
            [COMMAND, "exporter", "--port", "0", *options],
            env={
                **os.environ,
                "DATABASE_URL": dsn,
                "MLOPS_LEDGER_HOME": str(tmp_path),
                "PYTHONUNBUFFERED": "",
                **variables,
            },
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url
        return Scraped(url)

    yield start
    for process in running:
        process.terminate()
        assert process.wait(20) == 0
        assert process.stdout is not None
        process.stdout.close()
