"""Triggers: they look at the ledger while no worker is taken up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncAlertsRepository,
    AsyncDatabase,
    LedgerError,
    Unavailable,
)

from .base import as_id
from .compat import get_connection_async
from .hook import settings_of
from .waiting import first_alert, review_of


class LedgerTrigger(BaseTrigger):
    """Looks every `poll_interval` seconds; waits for a database that cannot be reached."""

    def __init__(self, mlops_ledger_conn_id: str, poll_interval: float, **looked_for: Any) -> None:
        super().__init__()
        self.mlops_ledger_conn_id = mlops_ledger_conn_id
        self.poll_interval = poll_interval
        self.looked_for = looked_for

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes the same trigger from."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {
            "mlops_ledger_conn_id": self.mlops_ledger_conn_id,
            "poll_interval": self.poll_interval,
            **self.looked_for,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: what was found, or the error that ends the wait."""
        try:
            connection = await get_connection_async(self.mlops_ledger_conn_id)
            db = AsyncDatabase(settings_of(connection))
            try:
                yield TriggerEvent({"found": await self._wait(db)})
            finally:
                await db.close()
        except LedgerError as error:
            yield TriggerEvent({"error": str(error)})

    async def _wait(self, db: AsyncDatabase) -> dict[str, Any]:
        while True:
            try:
                if (found := await self.look(db)) is not None:
                    return found
            except Unavailable as error:
                self.log.warning("waiting for the ledger: %s", error)
            await asyncio.sleep(self.poll_interval)

    async def look(self, db: AsyncDatabase) -> dict[str, Any] | None:
        """Return what the sensor waits for, or None while it is not there."""
        raise NotImplementedError


class ApprovalTrigger(LedgerTrigger):
    """Waits until an action is reviewed."""

    async def look(self, db: AsyncDatabase) -> dict[str, Any] | None:
        """Return what became of the action."""
        action_id = self.looked_for["action_id"]
        id = as_id("action_id", action_id)
        assert id is not None
        return review_of(await AsyncAgentActionsRepository(db).get(id=id), action_id)


class AlertTrigger(LedgerTrigger):
    """Waits until an alert is active."""

    async def look(self, db: AsyncDatabase) -> dict[str, Any] | None:
        """Return the worst of the alerts."""
        found = await AsyncAlertsRepository(db).list_active(
            model_name=self.looked_for["model_name"],
            severity=self.looked_for["severity"],
            limit=1000,
        )
        return first_alert(found, self.looked_for["alert_type"])
