"""Rows are stored the same in a block of many, in a write of their own and by `insert`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import psycopg
from fix_faults import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository, new_id
from mlops_ledger.checks.prediction_fields import COLUMNS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ["hour", "distance", "delay"]
CLASSES = ["early", "late", "2"]
ZONES = (UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=13, minutes=45)))
STORED = ", ".join(
    f"{name}::text" for name in COLUMNS if name not in ("id", "model_version_id")
)  # fmt: skip

numbers = st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 3, np.float64(0.5), None])
features = st.floats(width=32) | st.sampled_from([-0.0, 1, True, None])
shares = st.sampled_from([0.0, -0.0, 0.25, 1, 1.0])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "request_id": st.sampled_from(["r-1", "r-2", "longer", "é", None]),
    "features": st.lists(features, min_size=3, max_size=3)
    | st.fixed_dictionaries(dict.fromkeys(reversed(NAMES), features))
    | st.none(),
    "inputs": st.sampled_from([{"text": "naïve"}, [1.5], None]),
    "prediction": numbers,
    "predicted_label": texts | st.sampled_from([2, 2.0, True, None]),
    "probability": st.sampled_from([0.0, -0.0, 0.5, 1, None]),
    "class_probabilities": st.lists(shares, min_size=3, max_size=3)
    | st.fixed_dictionaries({"late": shares, 2: shares, "early": shares})
    | st.fixed_dictionaries(dict.fromkeys(CLASSES, shares))
    | st.none(),
    "latency_ms": st.floats(0, 1e6) | st.none(),
    "status": st.sampled_from(["success", "error", None]),
    "error_message": texts | st.none(),
    "cache_hit": st.booleans() | st.none(),
    "client_ip": st.sampled_from(["10.0.0.1", "2001:db8::1", None]),
}


@st.composite
def many_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rows of which most have the same fields, and some fields one kind of values."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True))
    rows = []
    for place in range(draw(st.integers(20, 30))):
        row = {name: draw(FIELDS[name]) for name in names}
        if names and draw(st.integers(0, 9)) == 0:
            del row[draw(st.sampled_from(names))]
        at = NOON + timedelta(microseconds=place)
        rows.append({**row, "predicted_at": at.astimezone(draw(st.sampled_from(ZONES)))})
    # Only in columns of one type are values packed together.
    if draw(st.booleans()):
        for name in names:
            kind = type(rows[0].get(name))
            same = [row[name] for row in rows if name in row and type(row[name]) is kind]
            for place, row in enumerate(rows):
                row[name] = same[place % len(same)] if same else None
    return rows


@given(rows=many_rows())
@settings(
    max_examples=examples(15),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_row_is_stored_the_same_whichever_way(
    db: Database, conn: psycopg.Connection, rows: list[dict[str, Any]]
) -> None:
    predictions = PredictionsRepository(db)
    found = []
    for way in ("together", "alone", "insert"):
        one: dict[str, Any] = {"model_name": f"{way} {new_id()}", "model_version": "1"}
        id = ModelVersionRepository(db).insert(**one, feature_names=NAMES, class_names=CLASSES)
        if way == "together":
            predictions.insert_many(rows=rows, **one)
        for row in rows:
            if way == "alone":
                predictions.insert_many(rows=[row], **one)
            elif way == "insert":
                given = {name: value for name, value in row.items() if value is not None}
                predictions.insert(**one, **given)
        query = f"SELECT {STORED} FROM predictions WHERE model_version_id = %s ORDER BY id"  # noqa: S608
        found.append(conn.execute(query, [id]).fetchall())
    together, alone, inserted = found
    assert len(together) == len(rows)
    assert together == alone == inserted
