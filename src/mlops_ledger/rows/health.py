"""The state of the database."""

from __future__ import annotations

from dataclasses import dataclass

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaHealth(Row):
    """The standby of MLOPS_READ_URL; `problem` says why the primary answers reads instead.

    `bytes_behind` is what it has not replayed of what the primary has written; `seconds_behind`
    is the age of the last transaction that it has replayed, 0 when it has replayed all. Both are
    None when one of the servers cannot be asked.
    """

    reachable: bool
    problem: str | None
    is_standby: bool | None
    bytes_behind: int | None
    seconds_behind: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Row):
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
    replica: ReplicaHealth | None
