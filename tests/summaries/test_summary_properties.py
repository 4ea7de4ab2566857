"""Whatever happens in whatever order, the summaries count what was written and not erased."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.admin.retention import Retention

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=4)
HOUR = timedelta(hours=1)
ONE: dict[str, Any] = {"model_name": "m", "model_version": "1"}
HOURS = """
    SELECT s.starts_at, sum(s.num_predictions)::int,
           (SELECT coalesce(sum(n), 0) FROM summary_histograms h, unnest(h.counts) n
            WHERE h.starts_at = s.starts_at AND h.grain = s.grain AND h.series = 0)::int
    FROM summaries s WHERE s.grain = %s GROUP BY s.grain, s.starts_at
    HAVING sum(s.num_predictions) > 0"""


class History:
    """What was done to a ledger, and what its summaries must say."""

    def __init__(self, db: Database, chance: random.Random) -> None:
        self.db, self.chance = db, chance
        # Predictions that are still there, and how many an hour has and had.
        self.rows: list[dict[str, Any]] = []
        self.hours: Counter[datetime] = Counter()

    def write(self) -> None:
        """Store predictions of any hours, some late, one by one or many at once."""
        rows = []
        for _ in range(self.chance.choice((1, 1, 5, 40))):
            at = START + self.chance.random() * timedelta(days=4)
            rows.append(
                {"id": new_id(at), "predicted_at": at, "features": [self.chance.random()],
                 "probability": self.chance.random(), "request_id": str(self.chance.randrange(30))}
            )  # fmt: skip
        predictions = PredictionsRepository(self.db)
        if len(rows) == 1:
            predictions.insert(**ONE, **rows[0])
        else:
            # A write that is repeated counts once.
            key = new_id()
            for _ in range(2):
                predictions.insert_many(rows=rows, idempotency_key=key, **ONE)
        self.rows += rows
        self.hours.update(_hour(row) for row in rows)

    def label(self) -> None:
        """Label some predictions, or correct their labels."""
        some = self.chance.sample(self.rows, min(5, len(self.rows)))
        GroundTruthRepository(self.db).insert_many(
            rows=[
                {"prediction_id": row["id"], "actual_value": self.chance.randrange(2)}
                for row in some
            ]
        )

    def erase(self) -> None:
        """Erase a request."""
        request = str(self.chance.randrange(30))
        PredictionsRepository(self.db).erase(request_id=request)
        self.hours.subtract(_hour(row) for row in self.rows if row["request_id"] == request)
        self.rows = [row for row in self.rows if row["request_id"] != request]

    def fold(self) -> None:
        """Fold a part of the time."""
        since = START + self.chance.randrange(96) * HOUR
        SummariesRepository(self.db).fold(since=since, until=since + 20 * HOUR)

    def clean_up(self) -> None:
        """Delete what is old: it stays counted."""
        before = START + self.chance.randrange(60) * HOUR
        Retention(self.db).cleanup(before=before)
        self.rows = [row for row in self.rows if row["predicted_at"] >= before]

    def rebuild(self) -> None:
        """Recount everything."""
        SummariesRepository(self.db).rebuild()

    def register(self) -> None:
        """Change the bins."""
        BaselinesRepository(self.db).register(
            **ONE, data={"x": [self.chance.random() for _ in range(50)]}, labels=[0, 1] * 25
        )


STEPS = (
    *(History.write,) * 5, *(History.label,) * 3, *(History.fold,) * 3, *(History.erase,) * 2,
    History.clean_up, History.rebuild, History.register,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_the_summaries_are_what_happened(
    dsn: str, conn: psycopg.Connection[Any], seed: int
) -> None:
    chance = random.Random(seed)
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(**ONE, feature_names=["x"])
        history = History(db, chance)
        for _ in range(40):
            chance.choice(STEPS)(history)
        SummariesRepository(db).fold()
    hours = +history.hours
    days: Counter[datetime] = Counter()
    for hour, count in hours.items():
        days[hour.replace(hour=0)] += count
    for grain, expected in (("hour", hours), ("day", days)):
        found = conn.execute(HOURS, [grain]).fetchall()
        assert {at: n for at, n, _ in found} == expected
        assert {at: n for at, _, n in found} == expected


def _hour(row: dict[str, Any]) -> datetime:
    at: datetime = row["predicted_at"]
    return at.replace(minute=0, second=0, microsecond=0)
