"""What there is to spread a ledger over, and why it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import ClusterError


@dataclass(frozen=True, slots=True)
class DistributedTable:
    """A table that can be spread over workers; `bytes` and `partitions` are on all of them."""

    table_name: str
    is_distributed: bool
    bytes: int | None
    partitions: int
    period: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A coordinator of Citus with its workers, or a server without: then `citus` is None.

    Workers are host:port. Of `unreachable`, that is what nobody reaches; otherwise "a from b".
    """

    citus: str | None
    workers: list[str] | None
    unreachable: list[str] | None
    foreign_messages: list[str] | None
    owner: str
    owner_may_log_in: bool
    needs_quotes: bool

    def require_ready(self) -> None:
        """Raise ClusterError, naming the remedy, unless the tables can be spread over it."""
        if self.citus is None:
            raise ClusterError(
                "the database has no Citus: install it on every node, and there "
                "CREATE EXTENSION citus; see docs/how-to/grow-past-one-machine.md"
            )
        for problem in self.problems():
            raise ClusterError(problem)

    def problems(self) -> Iterator[str]:
        """Yield what keeps Citus from the ledger, each with its remedy; none without Citus."""
        if self.citus is None:
            return
        if self.needs_quotes:
            yield "the name of the schema needs quotes, which Citus does not keep: rename it"
        if not self.workers:
            yield "the cluster has no active worker: SELECT citus_add_node('host', 5432) for each"
        if self.unreachable:
            yield (
                f"cannot be reached: {', '.join(self.unreachable)}: start it, and let pg_hba.conf "
                "and .pgpass admit the user between the nodes"
            )
        if self.foreign_messages:
            yield (
                f"{', '.join(self.foreign_messages)}: the messages are not in English, and what a "
                "worker refuses is known by them alone: ALTER SYSTEM SET lc_messages = 'C' there, "
                "and reload"
            )
        if not self.owner_may_log_in:
            yield (
                f"the owner {self.owner} may not log in, and does so from the coordinator to the "
                f"workers: ALTER ROLE {self.owner} LOGIN, and admit it in pg_hba.conf from the "
                "nodes alone"
            )
