"""The histogram of labels counts the latest label of each prediction, however it came."""

from __future__ import annotations

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
)

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
HOUR = timedelta(hours=1)
ONE: dict[str, Any] = {"model_name": "m", "model_version": "1"}
COUNTS = """
    SELECT u.bin::int, sum(u.n)::int
    FROM summary_histograms h
    CROSS JOIN unnest(h.bins, h.counts) u (bin, n)
    JOIN baseline_features f ON f.baseline_id = h.baseline_id AND f.series = h.series
    WHERE f.column_name = 'actual_label' AND h.grain = %s GROUP BY 1"""


@pytest.mark.parametrize("many", [False, True])
def test_labels_are_counted_as_they_stand(
    dsn: str, conn: psycopg.Connection[Any], many: bool
) -> None:
    with Database(dsn) as db:
        truth, summaries = GroundTruthRepository(db), SummariesRepository(db)
        predictions = PredictionsRepository(db)
        ModelVersionRepository(db).insert(**ONE, feature_names=["x"])
        BaselinesRepository(db).register(
            **ONE, data={"x": [1.0] * 20}, labels=["late"] * 15 + ["ontime"] * 5
        )
        [(categories,)] = conn.execute(
            "SELECT categories FROM baseline_features WHERE column_name = 'actual_label'"
        ).fetchall()
        made = [
            predictions.insert(**ONE, features=[1.0], predicted_at=NOON, request_id=str(number))
            for number in range(3)
        ]

        def label(number: int, actual_label: str, hours: int) -> None:
            row = {
                "prediction_id": made[number],
                "actual_label": actual_label,
                "labeled_at": NOON + hours * HOUR,
            }
            if many:
                truth.insert_many(rows=[row])
            else:
                truth.insert(**row)

        def counted() -> dict[str, int]:
            summaries.fold()
            hours, days = (dict(conn.execute(COUNTS, [g]).fetchall()) for g in ("hour", "day"))
            assert hours == days
            return {"new" if bin == 0 else categories[bin - 1]: n for bin, n in hours.items()}

        assert counted() == {}
        label(0, "late", 1)
        label(1, "ontime", 1)
        assert counted() == {"late": 1, "ontime": 1}
        # A correction counts in the place of what it corrects, an older label does not.
        label(0, "ontime", 3)
        label(0, "late", 2)
        assert counted() == {"ontime": 2}
        label(2, "cancelled", 1)
        assert counted() == {"ontime": 2, "new": 1}
        predictions.erase(request_id="0")
        assert counted() == {"ontime": 1, "new": 1}
