"""The database under test, in the world of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from mlops_ledger import AsyncDatabase


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[AsyncDatabase]:
    """A database of its own for each test."""
    async with AsyncDatabase(dsn) as database:
        yield database
