"""The statistics that are written in SQL, against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
import pytest
from fix_pooled import pooled
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
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


def test_the_binomial_distribution(conn: psycopg.Connection[Any]) -> None:
    query = "SELECT ledger_binomial_p_value(%s, %s, %s)"
    for successes, trials, share in (
        *((1.0, 1.0, 0.5), (2.0, 2.0, 1e-3), (15.0, 15.0, 0.036), (5.0, 90.0, 0.01)),
        *((30.0, 16000.0, 3e-4), (7.0, 9.0, 0.5), (60.0, 9000.0, 5e-4), (700.0, 1000.0, 0.5)),
        *((950.0, 960.0, 0.5), (980.0, 980.0, 0.5), (200.0, 3e8, 5e-8), (3.0, 9.0, 0.5)),
    ):
        expected = stats.binomtest(int(successes), int(trials), share, "greater").pvalue
        assert value(conn, query, successes, trials, share) == pytest.approx(expected, rel=1e-10)
    assert value(conn, query, 0, 5, 0.1) == 1
    assert value(conn, query, 3000, 3000, 0.5) == 0
    # Without a term for each row: half of a large window may be missing.
    conn.execute("SET LOCAL statement_timeout = '20s'")
    assert value(conn, query, 2e9, 2e9 + 4, 0.3) == 0


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 60), st.integers(0, 10_000))


def judged(conn: psycopg.Connection[Any], reference: Any, current: Any, once: int = 0) -> Any:
    """Test counts: the bins, the statistic, its p-value and chance."""
    query = (
        "SELECT bins, chi2, p_value, chance FROM"
        " ledger_chi2(%s::double precision[], %s::double precision[], %s::double precision)"
    )
    return conn.execute(query, [list(reference), list(current), once]).fetchone()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(COUNTS, COUNTS).filter(any), min_size=1, max_size=24), st.integers(0, 9))
@example([(10_000, 10_000)], 0)
@example([(8_000, 0), (0, 10_000)], 0)
@example([(8_000, 1)], 0)
@example([(4_000, 0), (4_000, 0), (0, 1)], 0)
@example([(0, 15), (400, 14), (7_600, 271)], 2)
@example([(3, 0), (0, 3)], 0)
def test_chi_squared_is_that_of_scipy_on_pooled_bins(
    conn: psycopg.Connection[Any], counts: list[tuple[int, int]], once: int
) -> None:
    reference, current = zip(*counts, strict=True)
    m, n = sum(reference), sum(current)
    if not m or not n:
        return
    bins, chi2, p_value, chance = judged(conn, reference, current, once)
    table = pooled(reference, current)
    assert bins == len(table)
    if len(table) == 1:
        assert (chi2, p_value) == (None, None)
    else:
        expected = stats.chi2_contingency(table, correction=False)
        assert chi2 == pytest.approx(expected.statistic, rel=1e-12, abs=1e-12)
        assert p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)
    share = min(m, n) / (m + n)
    sparse = [(r, c) for r, c in counts if r * min(m, n) < 5 * m]
    alone = []
    for r, c in sparse:
        few, size = c if n <= m else r, r + c + (once if r == 0 else 0)
        if few >= 2 and few > 1 + size * share:
            alone.append(stats.binomtest(few, size, share, "greater").pvalue)
    tests = 3 + sum(r > 0 for r, _ in sparse)
    found = [p for p in (p_value, *(tests * p for p in alone)) if p is not None]
    expected = pytest.approx(min(1, 2 * min(found)), rel=1e-8, abs=1e-14) if found else None
    assert chance == expected


# Twenty bins of a baseline of 8,000 rows, with one below them and one above.
EVEN = np.array([0, *[400] * 20, 0])


@pytest.mark.parametrize("size", [100, 300, 1000])
def test_what_is_new_is_found_in_small_windows(conn: psycopg.Connection[Any], size: int) -> None:
    window = np.array([0, *[0.95 * size / 20] * 20, 0.05 * size]).round()
    # Above the largest value, missing or a new category: bins that the baseline does not have.
    assert judged(conn, EVEN, window)[3] < 1e-4
    # A constant that is missing now and then.
    assert judged(conn, [0, 8000], [0.05 * size, 0.95 * size])[3] < 1e-4
    # Categories that a baseline had once make others likely.
    assert judged(conn, [0, 8000], [4, size - 4])[3] < 0.02
    assert judged(conn, [0, 8000], [4, size - 4], once=400)[3] in (None, 1)


def test_one_row_is_no_evidence(conn: psycopg.Connection[Any]) -> None:
    assert judged(conn, [0, 8000], [1, 0]) == (1, None, None, None)
    assert judged(conn, EVEN, np.eye(22)[3]) == (1, None, None, None)
    bins, _, p_value, chance = judged(conn, EVEN, [1, *[15] * 20, 1])
    assert bins == 20
    assert chance == min(1, 2 * p_value)
