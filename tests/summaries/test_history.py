"""What retention deletes stays in the summaries, to the last count."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
)
from mlops_ledger.admin.retention import Retention

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TOTALS = """
    SELECT grain, v.model_name, starts_at, sum(num_predictions), sum(num_errors),
           round(sum(probability_sum)::numeric, 9),
           (SELECT sum(n) FROM summary_histograms h, unnest(h.counts) n
            WHERE h.model_version_id = s.model_version_id AND h.grain = s.grain
              AND h.starts_at = s.starts_at)
    FROM summaries s JOIN model_versions v ON v.id = s.model_version_id
    GROUP BY grain, v.model_name, s.model_version_id, starts_at ORDER BY 1, 2, 3"""


@pytest.fixture
def db(dsn: str) -> Any:
    """Four days of predictions of two models, six an hour."""
    with Database(dsn) as database:
        for name in ("m", "other"):
            ModelVersionRepository(database).insert(model_name=name, model_version="1")
            write(database, name, range(4 * 24 * 6))
        yield database


def write(db: Database, model_name: str, places: range) -> None:
    rows = [
        {
            "predicted_at": TODAY - 4 * DAY + place * HOUR / 6,
            "probability": place % 100 / 100,
            "latency_ms": place,
            "status": "error" if place % 10 == 0 else "success",
            "request_id": str(place % 5),
        }
        for place in places
    ]
    PredictionsRepository(db).insert_many(rows=rows, model_name=model_name, model_version="1")


def totals(db: Database, conn: psycopg.Connection[Any]) -> list[Any]:
    SummariesRepository(db).fold()
    return conn.execute(TOTALS).fetchall()


@pytest.mark.parametrize("is_folded", [True, False])
@pytest.mark.parametrize("model_name", [None, "m"])
def test_a_clean_up_changes_no_summary(
    db: Database, conn: psycopg.Connection[Any], is_folded: bool, model_name: str | None
) -> None:
    if is_folded:
        before = totals(db, conn)
    Retention(db).cleanup(before=TODAY - 2 * DAY + 5.5 * HOUR, model_name=model_name)
    if not is_folded:
        before = totals(db, conn)
    assert sum(row[3] for row in before) == 2 * 2 * 4 * 24 * 6
    assert totals(db, conn) == before
    SummariesRepository(db).rebuild()
    assert conn.execute(TOTALS).fetchall() == before


def test_late_rows_add_to_what_was_deleted(db: Database, conn: psycopg.Connection[Any]) -> None:
    before = totals(db, conn)
    Retention(db).cleanup(before=TODAY - 2 * DAY + 5 * HOUR)
    write(db, "m", range(0, 300, 50))
    late = totals(db, conn)
    assert sum(row[3] for row in late) == sum(row[3] for row in before) + 2 * 6
    Retention(db).cleanup(before=TODAY - 2 * DAY + 5 * HOUR)
    assert totals(db, conn) == late


def test_what_is_erased_goes_from_the_summaries(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    before = sum(row[3] for row in totals(db, conn))
    erased = PredictionsRepository(db).erase(request_id="3")
    assert erased == 2 * 4 * 24 * 6 // 5
    assert sum(row[3] for row in totals(db, conn)) == before - 2 * erased


def test_a_partition_dropped_by_hand_stays_counted(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    before = totals(db, conn)
    conn.execute(f"DROP TABLE predictions_p{TODAY - 3 * DAY:%Y_%m_%d}")  # type: ignore[call-overload]
    SummariesRepository(db).rebuild()
    assert totals(db, conn) == before


def test_rows_written_during_a_clean_up_are_not_lost(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    before = totals(db, conn)
    done = threading.Event()
    written = 0

    def keep_writing() -> None:
        nonlocal written
        while not done.is_set():
            write(db, "m", range(0, 4 * 24 * 6, 30))
            written += len(range(0, 4 * 24 * 6, 30))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    for _ in range(2):
        Retention(db).cleanup(before=TODAY - 3 * DAY + 7 * HOUR, model_name="m")
    done.set()
    writer.join()
    assert written > 0
    after = totals(db, conn)
    assert sum(row[3] for row in after) == sum(row[3] for row in before) + 2 * written


def test_labels_can_come_while_a_partition_goes(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    [(id,)] = conn.execute("SELECT id FROM predictions ORDER BY id LIMIT 1").fetchall()
    GroundTruthRepository(db).insert(prediction_id=id, actual_label="late")
    freed = Retention(db).cleanup(before=TODAY - 3 * DAY)
    assert [step.table_name for step in freed if step.partition] == ["predictions", "ground_truth"]
