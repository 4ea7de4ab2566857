"""The statistics that are written in SQL, against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
import pytest
from scipy import stats

RANDOM = np.random.default_rng(3)


def value(conn: psycopg.Connection[Any], query: str, *arguments: float) -> float:
    [(found,)] = conn.execute(query.encode(), arguments).fetchall()
    return float(found)


def test_the_chi_squared_distribution(conn: psycopg.Connection[Any]) -> None:
    query = "SELECT ledger_chi2_p_value(%s::double precision, %s::integer)"
    for degrees in (1, 2, 3, 7, 20, 51, 200):
        for share in (0, 0.01, 0.3, 0.9, 1, 1.1, 1.7, 3, 10):
            found = value(conn, query, share * degrees, degrees)
            expected = stats.chi2.sf(share * degrees, degrees)
            assert found == pytest.approx(expected, rel=1e-11, abs=1e-14), (degrees, share)
    assert value(conn, query, 1e6, 3) == 0
    assert value(conn, query, 0, 0) == 1


def test_the_distribution_of_kolmogorov(conn: psycopg.Connection[Any]) -> None:
    query = "SELECT ledger_ks_p_value(%s::double precision, 100, 300)"
    for statistic in np.linspace(0, 1, 41):
        expected = stats.kstwobign.sf(statistic * np.sqrt(100 * 300 / 400))
        assert value(conn, query, float(statistic)) == pytest.approx(expected, abs=1e-12)
