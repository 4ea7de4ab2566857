"""A server for the tests that stop and kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fix_faults import migrated, own_server

from mlops_ledger.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def victim() -> Iterator[EmbeddedServer]:
    """A server that may be killed."""
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def victim_dsn(victim: EmbeddedServer) -> str:
    """A migrated database on it."""
    return migrated(victim)
