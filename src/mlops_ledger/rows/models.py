"""Models, which have versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Row):
    """A model; `updated_at` is when it was last changed, or a version of it registered."""

    model_name: str
    description: str | None
    slice_key: str | None
    tags: dict[str, Any]
    created_at: datetime
    created_by: str
    updated_at: datetime
