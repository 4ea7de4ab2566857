"""Metrics of hosts and processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMetric(Row):
    """A value that was measured on a host."""

    id: UUID
    timestamp: datetime
    host: str
    metric_name: str
    metric_value: float
    unit: str | None
    attributes: dict[str, Any]
