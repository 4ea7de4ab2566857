"""Monitors: rules that raise and resolve alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ..checks.values import page_size
from ..errors import NotFound
from ..rows import Monitor, MonitorResult
from .pages import iterate
from .repository import AsyncRepository


class AsyncMonitorsRepository(AsyncRepository):
    """Keeps the rules that raise alerts, and evaluates them in the database."""

    _file = "monitors"

    async def insert(
        self,
        *,
        name: str,
        source: str,
        metric_name: str,
        operator: str,
        window: timedelta = timedelta(days=8),
        model_name: str | None = None,
        warning_threshold: float | None = None,
        critical_threshold: float | None = None,
        consecutive: int = 1,
        no_data: str = "ok",
        hysteresis: float = 0,
        slice: str = "",
        host: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        created_by: str | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Add a monitor and return its id.

        `source` is monitoring (`metric_name` is a field of the monitoring runs), performance
        (values at stage production, over all data or one `slice`) or system (of one `host`, with
        `attributes`). A value that is `operator` (>, >=, < or <=) a threshold is bad; when the
        newest `consecutive` values within `window` are, an alert is raised. It is resolved when a
        value is good by `hysteresis`. `no_data` says what no value in the window means: ok,
        warning or critical. Raises NotFound for an unknown model, Conflict when the model has a
        monitor of that name.
        """
        return await self._insert_once("insert", locals(), "id: already names another monitor")

    async def add_defaults(
        self,
        *,
        model_name: str,
        window: timedelta = timedelta(days=8),
        created_by: str | None = None,
    ) -> list[Monitor]:
        """Add the usual monitors of a model and return those that were new, by name.

        On drift, number of predictions and label coverage of the monitoring runs, and on the
        performance metrics that the version in production had at registration. Raises NotFound for
        an unknown model.
        """
        return await self._rows("add_defaults", Monitor, locals())

    async def get(self, *, id: UUID) -> Monitor | None:
        """Return one monitor, removed ones too, or None."""
        return await self._row("get", Monitor, locals())

    async def list_monitors(
        self,
        *,
        model_name: str | None = None,
        include_removed: bool = False,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[Monitor]:
        """Return the monitors with what they found last, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return await self._rows("list_monitors", Monitor, locals())

    iter_monitors = iterate(list_monitors)

    async def set_enabled(self, *, id: UUID, enabled: bool) -> None:
        """Have a monitor evaluated, or not; its open alert stays as it is.

        Raises NotFound for an unknown or removed monitor.
        """
        if await self._value("set_enabled", locals()) is None:
            raise NotFound(f"there is no monitor {id}")

    async def remove(self, *, id: UUID, removed_by: str | None = None) -> None:
        """End a monitor and resolve its alert; repeating it changes nothing.

        Raises NotFound for an unknown monitor.
        """
        await self._value("remove", locals())

    async def run(
        self, *, model_name: str | None = None, at: datetime | None = None
    ) -> list[MonitorResult]:
        """Evaluate the monitors of a model, or all, as of a timestamp; now by default.

        Raises, repeats and resolves their alerts. Evaluating the same data again changes nothing,
        nor does going back in time. Raises NotFound for an unknown model.
        """
        return await self._rows("run", MonitorResult, locals())
