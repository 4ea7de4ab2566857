"""Judges what a probe found: is the server there, is the schema the one we expect."""

from __future__ import annotations

from collections.abc import Mapping

from .connection.config import Settings
from .connection.connections import Probe
from .errors import NotMigrated, SchemaError
from .migrations import latest_version
from .rows import Health, ReplicaHealth


def require_schema(probe: Probe) -> None:
    """Raise SchemaError unless the database has the schema of this release."""
    if problem := _schema_problem(probe):
        raise (NotMigrated if probe.schema_version is None else SchemaError)(problem)


def assess(
    settings: Settings,
    probe: Probe | None,
    problem: str | None,
    pool: Mapping[str, int],
    replica: ReplicaHealth | None,
) -> Health:
    """Write down a probe, or the problem that kept it from answering."""
    if probe is not None:
        problem = _schema_problem(probe)
    return Health(
        healthy=problem is None,
        reachable=probe is not None,
        problem=problem,
        latency_ms=round(probe.latency * 1000, 3) if probe else None,
        server_version=probe.found.server_version if probe else None,
        schema_version=probe.schema_version if probe else None,
        expected_schema_version=latest_version(),
        embedded=settings.embedded,
        transaction_pooler=probe.pooled if probe else None,
        pool=dict(pool),
        replica=replica,
    )


def unreachable_replica(problem: str) -> ReplicaHealth:
    """Write down why a standby has not answered."""
    return ReplicaHealth(
        reachable=False, problem=problem, is_standby=None, bytes_behind=None, seconds_behind=None
    )


def _schema_problem(probe: Probe) -> str | None:
    found, expected = probe.schema_version, latest_version()
    if found is None:
        return "the database was never migrated: run mlops-ledger init"
    if found < expected:
        return (
            f"the schema is older (version {found}) than this release expects ({expected}): "
            "run mlops-ledger migrate up"
        )
    if found > expected:
        return (
            f"the schema is newer (version {found}) than this release knows ({expected}): "
            "upgrade mlops-ledger"
        )
    return None
