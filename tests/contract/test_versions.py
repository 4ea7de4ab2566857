"""The supported versions are stated once; what names them agrees."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.versions import POSTGRESQL, PYTHON, diagonal

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def test_the_pages_name_the_supported_versions() -> None:
    page = (ROOT / "docs/how-to/run-on-your-postgresql.md").read_text("utf-8")
    assert f"PostgreSQL {POSTGRESQL[0]} to {POSTGRESQL[-1]}" in page
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"({POSTGRESQL[0]} or later)" in readme
    assert f"Python {PYTHON[0]} or later" in readme


def test_docker_starts_the_newest() -> None:
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert re.findall(r"image: postgres:(\d+)", compose) == [str(POSTGRESQL[-1])]


def test_the_package_takes_the_oldest_python() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'requires-python = ">={PYTHON[0]}"' in project


def test_the_workflow_covers_each_version() -> None:
    pairs = diagonal()
    assert list(dict.fromkeys(pair["postgresql"] for pair in pairs)) == POSTGRESQL
    assert list(dict.fromkeys(pair["python"] for pair in pairs)) == PYTHON
    assert len(pairs) == max(len(POSTGRESQL), len(PYTHON))
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert "python -m tools.versions --diagonal" in workflow
