"""Models of every kind with labels, and what their summaries must say."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.rows import PerformanceBucket

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=4)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
APPROXIMATE = ("roc_auc", "average_precision", "lift")
SAME = [
    field.name
    for field in fields(PerformanceBucket)
    if field.type == "float | None"
    and not field.name.startswith(APPROXIMATE)
    and field.name != "coverage_pct"
]
Row = Callable[[random.Random], dict[str, Any]]
Made = tuple[dict[str, Any], Row, Row]


def _score(chance: random.Random) -> float:
    return chance.choice(
        (chance.random(), chance.randrange(101) / 100, chance.random() ** 8, 0.0, 1.0, 0.5, 1e-200)
    )


KINDS: dict[str, Made] = {
    "scores": (
        {},
        lambda c: {"probability": _score(c)},
        lambda c: {"actual_value": c.randrange(2)},
    ),
    "rare": (
        {"class_names": ["no", "yes"], "positive_label": "yes"},
        lambda c: {"probability": c.random() ** 20},
        lambda c: {"actual_label": "yes" if c.random() < 0.1 else "no"},
    ),
    "named": (
        {"class_names": ["no", "yes"], "positive_label": "yes"},
        lambda c: {
            "probability": _score(c) if c.random() < 0.8 else None,
            "predicted_label": c.choice(("yes", "no", None)),
            "prediction": c.choice((0, 1, None, 0.3)),
        },
        lambda c: c.choice(({"actual_label": "yes"}, {"actual_label": "no"}, {"actual_value": 1})),
    ),
    "undeclared": (
        {},
        lambda c: {"prediction": c.randrange(2), "probability": _score(c)},
        lambda c: {"actual_value": c.randrange(2)},
    ),
    "texts": (
        {},
        lambda c: {"predicted_label": c.choice("ab"), "probability": _score(c)},
        lambda c: {"actual_label": c.choice("ab")},
    ),
    "many": (
        {},
        lambda c: {"predicted_label": c.choice("abcde")},
        lambda c: {"actual_label": c.choice("abcdef")},
    ),
    "digits": (
        {},
        lambda c: {"prediction": c.randrange(4), "class_probabilities": None},
        lambda c: {"actual_value": c.randrange(6)},
    ),
    "vectors": (
        {"class_names": ["a", "b", "c"]},
        lambda c: {"class_probabilities": c.choice(([0.2, 0.5, 0.3], [0.6, 0.1, 0.3]))},
        lambda c: {"actual_label": c.choice("abc")},
    ),
    "numbers": (
        {"task": "regression"},
        lambda c: {"prediction": 1e6 + c.gauss(0, 3)},
        lambda c: {"actual_value": 1e6 + c.gauss(0, 3)},
    ),
    "intervals": (
        {"task": "regression"},
        lambda c: {
            "prediction": c.choice((2.0, 3.0, None)),
            "confidence_lower": c.choice((0.0, 1.0, 2.0, None)),
            "confidence_upper": c.choice((2.0, 3.0, 4.0, None)),
        },
        lambda c: {"actual_value": float(c.randrange(6))},
    ),
    "small numbers": (
        {},
        lambda c: {"prediction": c.gauss(0, 1)},
        lambda c: {"actual_value": c.choice((0.0, c.gauss(0, 1)))},
    ),
}


class Record:
    """A model with predictions and labels, and what its summaries must say."""

    def __init__(self, db: Database, kind: str, chance: random.Random) -> None:
        self.db, self.chance = db, chance
        version, self.predicted, self.actual = KINDS[kind]
        self.name = str(new_id())
        self.one: dict[str, Any] = {"model_name": self.name, "model_version": "1"}
        self.truth, self.summaries = GroundTruthRepository(db), SummariesRepository(db)
        ModelVersionRepository(db).insert(**self.one, **version)
        self.ids: list[Any] = []

    def write(self, number: int = 60) -> None:
        """Store predictions of a few hours, in no order."""
        rows = []
        for _ in range(number):
            at = START + self.chance.choice((5, 6, 30, 31, 77)) * HOUR + self.chance.random() * HOUR
            rows.append(
                {
                    "id": new_id(at),
                    "predicted_at": at,
                    "request_id": f"{self.name}{self.chance.randrange(40)}",
                    **self.predicted(self.chance),
                }
            )
        PredictionsRepository(self.db).insert_many(rows=rows, **self.one)
        self.ids += [row["id"] for row in rows]

    def label(self, size: int | None = None) -> None:
        """Label some predictions, or correct their labels, with later and earlier times, twice."""
        rows = [
            {"prediction_id": self.chance.choice(self.ids), **self.actual(self.chance),
             "labeled_at": TODAY - self.chance.random() * DAY}
            for _ in range(size or self.chance.choice((1, 10, 50)))
        ] if self.ids else []  # fmt: skip
        for _ in range(2):
            self.truth.insert_many(rows=rows)

    def erase(self) -> None:
        """Erase a request."""
        PredictionsRepository(self.db).erase(request_id=f"{self.name}{self.chance.randrange(40)}")

    def fold(self) -> None:
        """Fold a part of the time."""
        since = START + self.chance.randrange(70) * HOUR
        self.summaries.fold(**self.one, since=since, until=since + 20 * HOUR)

    def series(self, bucket: timedelta, **asked: Any) -> list[PerformanceBucket]:
        """Return what the summaries say, once all is folded."""
        self.summaries.fold(**self.one)
        return self.truth.performance_series(
            model_name=self.name, since=START, until=TODAY, bucket=bucket, **asked
        )

    def check(self, bucket: timedelta, **asked: Any) -> int:
        """Compare each bucket with the rows; return how many numbers there were."""
        compared = 0
        for found in self.series(bucket, **asked):
            if bucket == HOUR and not found.num_predictions:
                continue
            raw = self.truth.performance(
                model_name=self.name,
                since=found.bucket,
                until=min(found.bucket + bucket, TODAY),
                **asked,
            )
            assert found.num_predictions == raw.num_predictions
            assert found.labeled_samples == raw.labeled_samples
            assert found.coverage_pct == raw.coverage_pct
            if raw.labeled_samples:
                assert (found.task, found.positive_label) == (raw.task, raw.positive_label)
            for name in SAME:
                mine, theirs = getattr(found, name), getattr(raw, name)
                if name == "log_loss" and raw.task == "multiclass":
                    theirs = None
                if name == "brier_score" and raw.task == "multiclass":
                    theirs = None
                if theirs is None:
                    assert mine is None, name
                    assert name in found.reasons
                    continue
                assert mine == pytest.approx(theirs, rel=1e-12, abs=1e-12), name
                assert name not in found.reasons
                compared += 1
            for name in APPROXIMATE:
                mine, theirs = getattr(found, name), getattr(raw, name)
                assert (mine is None) == (theirs is None) == (name in found.reasons)
                if mine is not None:
                    assert abs(mine - theirs) <= getattr(found, f"{name}_error") + 1e-12
                    compared += 1
        return compared
