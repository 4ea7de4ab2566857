"""The state of the database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of server, schema and pool; `problem` says what is wrong when not healthy."""

    healthy: bool
    reachable: bool
    problem: str | None
    latency_ms: float | None
    server_version: str | None
    schema_version: int | None
    expected_schema_version: int
    embedded: bool
    transaction_pooler: bool | None
    pool: dict[str, int]
