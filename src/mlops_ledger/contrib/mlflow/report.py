"""What an import did, and what of MLflow was changed on the way or has no home."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Something that the ledger keeps otherwise than MLflow, or not at all."""

    model_name: str | None
    model_version: str | None
    subject: str
    problem: str
    outcome: str

    def __str__(self) -> str:
        place = " ".join(filter(None, (self.model_name, self.model_version)))
        return f"{place + ': ' if place else ''}{self.subject}: {self.problem}; {self.outcome}"


@dataclass(slots=True)
class Count:
    """How many of a kind are new, have changed, were there already, or could not be brought."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0

    def add(self, more: Count) -> None:
        """Add what another has counted."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(more, each.name))


@dataclass(slots=True)
class MlflowImport:
    """What an import did; `changes` says in words what differed from the import before."""

    models: Count = field(default_factory=Count)
    versions: Count = field(default_factory=Count)
    deployments: int = 0
    metrics_stored: int = 0
    metrics_duplicates: int = 0
    runs_without_version: int = 0
    changes: list[str] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)

    def add(self, more: MlflowImport) -> None:
        """Add what was done besides."""
        self.models.add(more.models)
        self.versions.add(more.versions)
        self.deployments += more.deployments
        self.metrics_stored += more.metrics_stored
        self.metrics_duplicates += more.metrics_duplicates
        self.changes += more.changes
        self.deviations += more.deviations

    def deviate(
        self,
        subject: str,
        problem: str,
        outcome: str,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
    ) -> None:
        """Add a deviation."""
        self.deviations.append(
            Deviation(
                model_name=model_name,
                model_version=model_version,
                subject=subject,
                problem=problem,
                outcome=outcome,
            )
        )
