"""Baselines: what the data of a version looked like when it was trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from ..checks.predictions import KnownVersion
from ..checks.values import integer, page_size, timestamp
from ..checks.windows import require_order
from ..errors import Conflict, InvalidValue, LedgerError, NotFound
from ..ids import new_id
from ..rows import Baseline, BaselineFeature, SeenPrediction
from ..statements import load
from .pages import iterate
from .repository import AsyncRepository

_SAMPLE: Final = 100_000
# The series of labels, which come from another table than all else.
LABELS: Final = 32_000
# Where the values of an argument are stored: classes, and numbers.
_COLUMNS: Final[Mapping[str, tuple[str | None, str]]] = {
    "probabilities": (None, "probability"),
    "predictions": ("predicted_label", "prediction"),
    "labels": ("actual_label", "actual_value"),
}


class AsyncBaselinesRepository(AsyncRepository):
    """Keeps what later windows of predictions are compared with."""

    _file = "baselines"

    async def register(
        self,
        *,
        model_name: str,
        model_version: str,
        data: Any,
        categorical: Collection[str] = (),
        probabilities: Any = None,
        predictions: Any = None,
        labels: Any = None,
        num_bins: int = 20,
        created_by: str | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Put the data that a version was trained on into bins and return the id of these.

        `data` is a mapping of columns or a pandas, Polars or Arrow table, a column for each
        feature; needs NumPy. Numbers get at most `num_bins` (2 to 200) bins between quantiles of
        theirs; columns of text and those in `categorical` get one for each of the 50 most frequent
        categories; of texts that hardly repeat the length counts. Every number that the version
        does not name is refused, unless it names none: then features are in `inputs`.
        `probabilities` are those of the positive class, `predictions` and `labels` classes as text
        or numbers. The newest baseline of a version counts, for its later windows. Repeating a
        call with the same `id` registers nothing twice. Raises NotFound for an unknown version,
        InvalidValue naming the column that does not fit.
        """
        binning = _binning(num_bins)
        version = await self._known(model_name, model_version)
        num_rows, found = binning.bin_features(data, version.feature_names, categorical, num_bins)
        outputs = {"probabilities": probabilities, "predictions": predictions, "labels": labels}
        for argument, column in outputs.items():
            if column is not None and binning.length_of(argument, column) != num_rows:
                raise InvalidValue(argument, f"must have {num_rows} values, as data has rows")
        found += _outputs(binning, outputs, num_bins)
        model_version_id, window_start, window_end = version.id, None, None
        id = new_id() if id is None else id
        async with self._db.transaction() as tx:
            return await AsyncBaselinesRepository(tx)._register(locals(), found)

    async def from_window(
        self,
        *,
        model_name: str,
        model_version: str,
        since: datetime,
        until: datetime,
        categorical: Collection[str] = (),
        num_bins: int = 20,
        created_by: str | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Register what a version saw with since <= predicted_at < until as its baseline.

        Of more than 100,000 predictions it takes about so many, chosen by their ids. Labels are
        those known now. Otherwise as `register`. Raises NotFound for an unknown version or a window
        without predictions.
        """
        binning = _binning(num_bins)
        version = await self._known(model_name, model_version)
        model_version_id = version.id
        window_start, window_end = timestamp("since", since), timestamp("until", until)
        require_order(window_start, window_end)
        count = await self._value("from_window__count", locals())
        one_in = max(1, count // _SAMPLE)
        rows = await self._rows("from_window__rows", SeenPrediction, locals())
        data = binning.columns_of(rows, version.feature_names)
        found = []
        if rows and data:
            _, found = binning.bin_features(
                data, version.feature_names, categorical, num_bins, are_seen=True
            )
        found += _outputs(binning, _seen(rows), num_bins)
        num_rows = len(rows)
        if not found:
            raise NotFound("the window has no predictions with features, scores or labels")
        id = new_id() if id is None else id
        async with self._db.transaction() as tx:
            return await AsyncBaselinesRepository(tx)._register(locals(), found)

    async def get(self, *, id: UUID) -> Baseline | None:
        """Return one baseline, or None."""
        return await self._row("get", Baseline, locals())

    async def latest(self, *, model_name: str, model_version: str) -> Baseline | None:
        """Return the newest baseline of a version, which counts, or None."""
        return await self._row("latest", Baseline, locals())

    async def list_baselines(
        self, *, model_name: str | None = None, limit: int = 100, before: UUID | None = None
    ) -> list[Baseline]:
        """Return the baselines, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return await self._rows("list_baselines", Baseline, locals())

    iter_baselines = iterate(list_baselines)

    async def list_features(self, *, id: UUID) -> list[BaselineFeature]:
        """Return the bins of a baseline: of its features, then of scores and labels."""
        return await self._rows("list_features", BaselineFeature, locals())

    async def _known(self, model_name: str, model_version: str) -> KnownVersion:
        version = await self._row("version", KnownVersion, locals())
        if version is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        return version

    async def _register(self, values: dict[str, Any], found: list[Any]) -> UUID:
        """Write a baseline with its bins, unless an earlier try has written it."""
        if await self._value("register", values) is None:
            repeated: UUID | None = await self._value("register__repeated", values)
            if repeated is None:
                raise Conflict("id: already names another baseline")
            return repeated
        statement = load(self._file)["add_feature"]
        async with self._db.connection() as connection:
            rows = [
                statement.bind(
                    {
                        "baseline_id": values["id"],
                        "series": LABELS if binned.column_name.startswith("actual_") else series,
                        **asdict(binned),
                    }
                )
                for series, binned in enumerate(found, 1)
            ]
            await connection.cursor().executemany(statement.text, rows)
        return UUID(str(values["id"]))


def _binning(num_bins: object) -> ModuleType:
    """Return what needs NumPy."""
    try:
        from ..analysis import binning
    except ImportError:
        raise LedgerError("a baseline needs NumPy: pip install numpy") from None
    if not 2 <= integer(32)("num_bins", num_bins) <= binning.MOST_BINS:
        raise InvalidValue("num_bins", f"must be between 2 and {binning.MOST_BINS}")
    return binning


def _outputs(binning: ModuleType, columns: Mapping[str, Any], num_bins: int) -> list[Any]:
    found = {
        argument: binning.bin_output(argument, column, *_COLUMNS[argument], num_bins)
        for argument, column in columns.items()
        if column is not None
    }
    if "labels" in found:
        # Windows are compared by the labels that there are.
        found["labels"] = replace(found["labels"], num_missing=0)
    return list(found.values())


def _seen(rows: list[SeenPrediction]) -> dict[str, Any]:
    """Return the scores, predictions and labels that predictions have, classes before numbers."""
    found: dict[str, Any] = {}
    for argument, names in _COLUMNS.items():
        for name in names:
            column = [None if name is None else getattr(row, name) for row in rows]
            if argument not in found and any(cell is not None for cell in column):
                found[argument] = column
    return found
