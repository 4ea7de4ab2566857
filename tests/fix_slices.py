"""Models of every kind whose performance is told by slice."""

from __future__ import annotations

import random
from typing import Any

import pytest
from fix_outcomes import APPROXIMATE, SAME, START, TODAY, Record

from mlops_ledger import Database, ModelsRepository
from mlops_ledger.rows import Performance

VALUES = ("DE", "fr", "", "naïve ☃", "DE ", "null")


class Sliced(Record):
    """A model whose predictions have a country, mostly."""

    def __init__(
        self, db: Database, kind: str, chance: random.Random, key: str = "country"
    ) -> None:
        super().__init__(db, kind, chance)
        ModelsRepository(db).set_slice_key(model_name=self.name, slice_key=key)
        predicted = self.predicted

        def with_country(c: random.Random) -> dict[str, Any]:
            inputs = c.choice(
                ({"country": c.choice(VALUES)}, {"country": None}, {"other": 1}, None)
            )
            return {**predicted(c), "inputs": inputs}

        self.predicted = with_country

    def by_slice(self, **asked: Any) -> list[Performance]:
        self.summaries.fold(**self.one)
        window: dict[str, Any] = {"since": START, "until": TODAY}
        return self.truth.performance_by_slice(model_name=self.name, **{**window, **asked})

    def check_slices(self, **asked: Any) -> int:
        """Compare each slice with its rows; return how many numbers there were."""
        compared = 0
        found = self.by_slice(**asked)
        window: dict[str, Any] = {"since": START, "until": TODAY, **asked}
        whole = self.truth.performance(model_name=self.name, **window, source="rows")
        for name in ("num_predictions", "labeled_samples"):
            assert sum(getattr(row, name) for row in found) == getattr(whole, name)
        for row in found:
            assert row.slice_key == "country"
            if row.slice_kind != "value":
                continue
            raw = self.truth.performance(
                model_name=self.name, **window, slice=row.slice, source="rows"
            )
            assert (raw.slice_key, raw.slice_kind, raw.slice) == ("country", "value", row.slice)
            assert raw.source == "rows"
            summed = self.truth.performance(
                model_name=self.name, **window, slice=row.slice, source="summaries"
            )
            # Read one by one, the parts of a sum may come in another order.
            assert (summed.source, summed.reasons) == (row.source, row.reasons)
            agree(summed, row)
            compared += agree(row, raw)
        return compared


def agree(mine: Performance, raw: Performance) -> int:
    """Compare one slice told by two ways; return how many numbers there were."""
    compared = 0
    for name in ("num_predictions", "labeled_samples", "classes", "confusion_matrix"):
        assert getattr(mine, name) == getattr(raw, name), name
    for name in SAME:
        one, other = getattr(mine, name), getattr(raw, name)
        if raw.task == "multiclass" and name in ("log_loss", "brier_score"):
            continue
        assert (one is None) == (other is None), name
        if one is not None:
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12), name
            compared += 1
    for name in APPROXIMATE:
        one, other = getattr(mine, name), getattr(raw, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert abs(one - other) <= getattr(mine, f"{name}_error") + 1e-12
            compared += 1
    return compared
