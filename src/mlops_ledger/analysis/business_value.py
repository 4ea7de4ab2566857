"""What predictions are worth: a value for each cell of the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from ..checks import values as checks
from ..errors import InvalidValue
from ..notebooks import Row
from ..rows import Performance

CELLS: Final = ("tp", "fp", "tn", "fn")
Cell: TypeAlias = str | tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessValue(Row):
    """What labelled predictions are worth, in the unit of the values of the cells.

    `mean` is `total` per labelled prediction with a class, of which there are `num_predictions`.
    Without a confusion matrix both are None, and `reason` says why. Of summaries, what was written
    from `pending_since` on is not counted yet.
    """

    total: float | None
    mean: float | None
    num_predictions: int
    reason: str | None
    pending_since: datetime | None = None


def business_value(performance: Performance, values: Mapping[Cell, float]) -> BusinessValue:
    """Weigh the confusion matrix of a performance with what each of its cells is worth.

    `values` has numbers, costs are negative ones, for tp, fp, tn and fn, where all classes but
    `positive_label` are negative; or for pairs, (true class, predicted class). A cell without one
    is worth 0. The threshold is that of the performance. Raises InvalidValue for a cell that is
    none, a class that the model does not have, or cells of two classes without a positive one.
    """
    weights = {
        cell: checks.number(f"values.{_name(cell)}", worth) for cell, worth in values.items()
    }
    matrix = performance.confusion_matrix
    if matrix is None:
        reason = performance.reasons.get("confusion_matrix")
        return BusinessValue(
            total=None,
            mean=None,
            num_predictions=0,
            reason=reason,
            pending_since=performance.pending_since,
        )
    _require_known(weights, performance, matrix["labels"])
    counts = {
        (true, predicted): count
        for true, row in zip(matrix["labels"], matrix["matrix"], strict=True)
        for predicted, count in zip(matrix["labels"], row, strict=True)
    }
    total = 0.0
    for pair, count in counts.items():
        cell = _cell(*pair, performance.positive_label)
        total += count * (weights.get(pair, 0.0) + weights.get(cell, 0.0))
    number = int(sum(counts.values()))
    return BusinessValue(
        total=total,
        mean=total / number,
        num_predictions=number,
        reason=None,
        pending_since=performance.pending_since,
    )


def _cell(true: str, predicted: str, positive: str | None) -> str:
    outcome = "p" if predicted == positive else "n"
    return ("t" if (true == positive) == (predicted == positive) else "f") + outcome


def _name(cell: Cell) -> str:
    return cell if isinstance(cell, str) else "/".join(str(each) for each in cell)


def _require_known(
    weights: Mapping[Cell, float], performance: Performance, labels: Sequence[str]
) -> None:
    known = {*(performance.class_names or ()), *labels}
    pairs = [cell for cell in weights if not isinstance(cell, str)]
    if pairs and len(pairs) < len(weights):
        raise InvalidValue("values", "must be all of tp, fp, tn and fn, or all of pairs of classes")
    for cell in weights:
        if isinstance(cell, str) and cell not in CELLS:
            raise InvalidValue("values", f"{cell} is not one of {', '.join(CELLS)}")
        if isinstance(cell, str) and performance.positive_label is None:
            raise InvalidValue("values", "tp, fp, tn and fn need a positive_label: give pairs")
        if not isinstance(cell, str):
            _require_classes(cell, known)


def _require_classes(pair: tuple[str, str], known: set[str]) -> None:
    if len(pair) != 2:
        raise InvalidValue("values", "a pair is (true class, predicted class)")
    for name in pair:
        if name not in known:
            raise InvalidValue("values", f"the model has no class {name}")
