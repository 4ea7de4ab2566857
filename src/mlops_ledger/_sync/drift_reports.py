# Generated from src/mlops_ledger/_async/drift_reports.py by tools/unasync.py: edit that file, then run `make sync`.
"""Drift reports: how the data of a window differ from a reference, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..checks.values import look_back, page_size
from ..rows import DriftReport, FeatureTrend
from .repository import Repository


class DriftReportsRepository(Repository):
    """Records drift reports and answers which features drift."""

    _file = "drift_reports"

    def insert(
        self,
        *,
        model_name: str,
        timestamp: datetime,
        drift_detected: bool,
        lookback_hours: float | None = None,
        window_start: datetime | None = None,
        window_end: datetime | None = None,
        model_version_id: UUID | None = None,
        drift_score: float | None = None,
        method: str | None = None,
        threshold: float | None = None,
        features: Sequence[Mapping[str, Any]] | None = None,
        drifted_features: Sequence[str] | None = None,
        n_drifted_features: int | None = None,
        n_features: int | None = None,
        reference_size: int | None = None,
        current_size: int | None = None,
        reference_start: datetime | None = None,
        reference_end: datetime | None = None,
        report_ref: str | None = None,
        summary_ref: str | None = None,
        monitoring_run_id: UUID | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Record a comparison, made at `timestamp`, of a window of data with a reference.

        The window is `lookback_hours` long, or begins at `window_start`; it ends at `window_end`,
        or at `timestamp`. `features` holds a {"feature", "drifted", "method", "statistic",
        "p_value", "score", "threshold"} for every feature compared, the first two of which are
        needed; then the names and the counts need not be given, and must not contradict it.
        Sizes are in rows. Without `model_version_id` the report is about the version of the
        monitoring run, or the one in production at `timestamp`.

        A version has one report per timestamp, lookback and method: recording it again with the
        same content returns the same id, other content raises Conflict. Raises NotFound for an
        unknown model, version or run, InvalidValue for a value that is refused.
        """
        return self._insert_once(
            "insert",
            locals(),
            "this version already has a report with that timestamp, lookback_hours and method, "
            "or the id names one, and its content is different",
        )

    def get(self, *, id: UUID) -> DriftReport | None:
        """Return one report, or None."""
        return self._row("get", DriftReport, locals())

    def latest(self, *, model_name: str | None = None) -> DriftReport | None:
        """Return the newest report of a model, or of all of them; None when there is none."""
        reports = self.list_reports(model_name=model_name, limit=1)
        return reports[0] if reports else None

    def history(
        self,
        *,
        model_name: str,
        days: float = 30,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[DriftReport]:
        """Return the reports of the last days, newest first; at most `limit` (1 to 1000)."""
        until = datetime.now(UTC) if until is None else until
        return self.list_reports(
            model_name=model_name, since=look_back(until, days), until=until, limit=limit
        )

    def list_reports(
        self,
        *,
        model_name: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[DriftReport]:
        """Return the reports with since <= timestamp < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return self._rows("list_reports", DriftReport, locals())

    def feature_trend(
        self,
        *,
        model_name: str,
        feature: str,
        days: float = 30,
        until: datetime | None = None,
    ) -> list[FeatureTrend]:
        """Return what the reports of the last days say of a feature, oldest first.

        Reports without the feature are left out; of more than 1000 the newest are returned.
        """
        until = datetime.now(UTC) if until is None else until
        since = look_back(until, days)
        return self._rows("feature_trend", FeatureTrend, locals())
