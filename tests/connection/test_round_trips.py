"""How often a call waits for the server."""

from __future__ import annotations

import pytest

from benchmarks.calls import round_trips
from benchmarks.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_warm_call_takes_one_round_trip(dsn: str, case: Case) -> None:
    assert round_trips(case, dsn) == 1
