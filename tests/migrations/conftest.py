from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    return path


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a pair of migration files; the down script defaults to nothing."""

    def write_pair(title: str, up: str, down: str = "") -> Path:
        (folder / f"{title}.up.sql").write_text(up)
        (folder / f"{title}.down.sql").write_text(down)
        return folder

    return write_pair
