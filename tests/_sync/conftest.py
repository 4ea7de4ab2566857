# Generated from tests/_async/conftest.py by tools/unasync.py: edit that file, then run `make sync`.
"""The database under test, in the world of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlops_ledger import Database


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A database of its own for each test."""
    with Database(dsn) as database:
        yield database
