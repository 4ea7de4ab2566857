# Generated from src/mlops_ledger/_async/baselines.py by tools/unasync.py: edit that file, then run `make sync`.
"""Baselines: what the data of a version looked like when it was trained."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ..checks.predictions import KnownVersion
from ..checks.values import integer, page_size
from ..errors import Conflict, InvalidValue, LedgerError, NotFound
from ..ids import new_id
from ..rows import Baseline, BaselineFeature
from ..statements import load
from .repository import Repository


class BaselinesRepository(Repository):
    """Keeps what later windows of predictions are compared with."""

    _file = "baselines"

    def register(
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
        try:
            from ..binning import MOST_BINS, bin_features, bin_output
        except ImportError:
            raise LedgerError("a baseline needs NumPy: pip install numpy") from None
        if not 2 <= integer(32)("num_bins", num_bins) <= MOST_BINS:
            raise InvalidValue("num_bins", f"must be between 2 and {MOST_BINS}")
        version = self._row("version", KnownVersion, locals())
        if version is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        num_rows, found = bin_features(data, version.feature_names, categorical, num_bins)
        outputs = (
            ("probabilities", probabilities, None, "probability"),
            ("predictions", predictions, "predicted_label", "prediction"),
            ("labels", labels, "actual_label", "actual_value"),
        )
        for argument, column, text_column, number_column in outputs:
            if column is not None:
                if len(column) != num_rows:
                    raise InvalidValue(argument, f"must have {num_rows} values, as data has rows")
                found.append(bin_output(argument, column, text_column, number_column, num_bins))
        values = {
            "id": new_id() if id is None else id,
            "model_name": model_name,
            "model_version_id": version.id,
            "num_rows": num_rows,
            "created_by": created_by,
        }
        with self._db.transaction() as tx:
            return BaselinesRepository(tx)._register(values, found)

    def get(self, *, id: UUID) -> Baseline | None:
        """Return one baseline, or None."""
        return self._row("get", Baseline, locals())

    def latest(self, *, model_name: str, model_version: str) -> Baseline | None:
        """Return the newest baseline of a version, which counts, or None."""
        return self._row("latest", Baseline, locals())

    def list_baselines(
        self, *, model_name: str | None = None, limit: int = 100, before: UUID | None = None
    ) -> list[Baseline]:
        """Return the baselines, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return self._rows("list_baselines", Baseline, locals())

    def list_features(self, *, id: UUID) -> list[BaselineFeature]:
        """Return the bins of a baseline: of its features, then of scores and labels."""
        return self._rows("list_features", BaselineFeature, locals())

    def _register(self, values: dict[str, Any], found: list[Any]) -> UUID:
        """Write a baseline with its bins, unless an earlier try has written it."""
        if self._value("register", values) is None:
            repeated: UUID | None = self._value("register__repeated", values)
            if repeated is None:
                raise Conflict("id: already names another baseline")
            return repeated
        statement = load(self._file)["add_feature"]
        with self._db.connection() as connection:
            rows = [
                statement.bind({"baseline_id": values["id"], "series": series, **asdict(binned)})
                for series, binned in enumerate(found, 1)
            ]
            connection.cursor().executemany(statement.text, rows)
        return UUID(str(values["id"]))
