"""How often drift is found where there is none, and that it is found where there is some."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
)
from mlops_ledger.analysis.binning import bin_numbers
from mlops_ledger.checks.drift import METHODS, Judge

pytestmark = pytest.mark.once
HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
VERSION = {"model_name": "m", "model_version": "1"}
NUMBERS = ("a", "b", "c", "d", "e", "f")
RARER = 1 / np.arange(1, 201) ** 1.2
WINDOWS = 60


@pytest.fixture
def db(dsn: str) -> Any:
    with Database(dsn) as db:
        yield db


def draw(random: np.random.Generator, size: int) -> dict[str, Any]:
    """Numbers of several kinds, of which 2 % are missing, and categories with a long tail."""
    columns = {
        **{name: random.normal(size=size) for name in "abc"},
        **{name: random.lognormal(size=size) for name in "de"},
        "f": random.poisson(3, size).astype(float),
    }
    gone = {name: random.random(size) < 0.02 for name in columns}
    found: dict[str, Any] = {
        name: np.where(gone[name], np.nan, values) for name, values in columns.items()
    }
    found["plan"] = random.choice(["free", "basic", "pro"], size, p=[0.6, 0.3, 0.1]).tolist()
    found["kind"] = random.choice(200, size, p=RARER / RARER.sum()).astype(str).tolist()
    return found


def write(db: Database, data: dict[str, Any], since: datetime, hours: int) -> None:
    size = len(data["kind"])
    columns = {
        "predicted_at": [since + hours * HOUR * n / size for n in range(size)],
        "features": {name: data[name] for name in NUMBERS},
        "inputs": [
            {"kind": kind, "plan": plan}
            for kind, plan in zip(data["kind"], data["plan"], strict=True)
        ],
    }
    PredictionsRepository(db).insert_columns(**VERSION, columns=columns)


def drifted(db: Database, hour: int) -> list[tuple[str, str]]:
    """Return the methods and features that drifted in an hour."""
    since = START + hour * HOUR
    measured = DriftReportsRepository(db).measure(**VERSION, since=since, until=since + HOUR)
    assert len(measured) == len(NUMBERS) + 2
    judged = [
        Judge(method, None).result(each) | {"by": method} for method in METHODS for each in measured
    ]
    return [(each["by"], each["feature"]) for each in judged if each["drifted"]]


def test_windows_of_the_same_distribution_hardly_drift(db: Database) -> None:
    random = np.random.default_rng(5)
    ModelVersionRepository(db).insert(**VERSION, feature_names=NUMBERS)
    BaselinesRepository(db).register(**VERSION, data=draw(random, 8000))
    write(db, draw(random, 300 * WINDOWS), START, WINDOWS)
    # Then 5 % of new values of three kinds, and numbers that moved.
    other = draw(random, 300)
    few = np.arange(300) % 20 == 0
    other["a"] += 0.5
    other["b"] = np.where(few, np.nan, other["b"])
    other["d"] = np.where(few, -999, other["d"])
    other["plan"] = [
        "new" if is_new else plan for plan, is_new in zip(other["plan"], few, strict=True)
    ]
    write(db, other, START + WINDOWS * HOUR, 1)
    SummariesRepository(db).fold()
    found = Counter(method for hour in range(WINDOWS) for method, _ in drifted(db, hour))
    windows = WINDOWS * (len(NUMBERS) + 2)
    for method, spec in METHODS.items():
        most = 0.01 if spec.p_value is None else 0.05
        assert found[method] <= most * windows, (method, found[method] / windows)
    seen = {
        method: {name for by, name in drifted(db, WINDOWS) if by == method} for method in METHODS
    }
    assert seen["jensen_shannon"] >= {"a", "b", "d", "plan"}
    assert seen["chi2"] >= {"a", "b", "d", "plan"}
    assert seen["ks"] >= {"a", "plan"}


@pytest.mark.parametrize("size", [1_000, 8_000])
@pytest.mark.parametrize("window", [30, 100, 300, 1_000, 10_000])
def test_chance_keeps_its_promise(conn: psycopg.Connection[Any], size: int, window: int) -> None:
    random = np.random.default_rng(11)
    query = "SELECT chance FROM ledger_chi2(%s::double precision[], %s::double precision[], 0)"
    found = []
    for _ in range(200):
        binned = bin_numbers("x", "inputs", random.normal(size=size), None, 20)
        bins = np.searchsorted(binned.edges or [], random.normal(size=window), side="right")
        current = np.bincount(bins, minlength=len(binned.counts))
        pairs = [
            (m, float(n)) for m, n in zip(binned.counts, current.tolist(), strict=True) if m or n
        ]
        [(chance,)] = conn.execute(
            query, [list(side) for side in zip(*pairs, strict=True)]
        ).fetchall()
        found.append(chance)
    # 5 % and 1 % of 200, and three standard deviations.
    assert sum(chance < 0.05 for chance in found) <= 19
    assert sum(chance < 0.01 for chance in found) <= 6
