"""Which statement is run where: read from the source of the repositories."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    BaselinesRepository,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SummariesRepository,
    SystemMetricsRepository,
)

REPOSITORIES: dict[str, type] = {
    "alerts": AlertsRepository,
    "baselines": BaselinesRepository,
    "model_versions": ModelVersionRepository,
    "monitoring_metrics": MonitoringMetricsRepository,
    "monitors": MonitorsRepository,
    "retraining_decisions": RetrainingDecisionsRepository,
    "agent_actions": AgentActionsRepository,
    "predictions": PredictionsRepository,
    "ground_truth": GroundTruthRepository,
    "drift_reports": DriftReportsRepository,
    "performance_metrics": PerformanceMetricsRepository,
    "summaries": SummariesRepository,
    "system_metrics": SystemMetricsRepository,
}
OTHERS = (
    "audit_log",
    "backup",
    "create",
    "health",
    "names",
    "retention",
    "roles",
    "stats",
    "verify",
)
FILES = (*REPOSITORIES, *OTHERS)
# Methods of a repository that read one row of a known shape.
ROW_READERS = {"_action": "AgentAction", "_alert": "Alert", "_deployment": "Deployment"}


def used() -> Iterator[tuple[str, str, type | None]]:
    """Yield file, statement and row class of each place where a repository runs a statement."""
    for file, repository in REPOSITORIES.items():
        for owner in repository.__mro__:
            module = sys.modules[owner.__module__]
            # A base that several repositories share has no file of its own.
            if getattr(owner, "_file", file) == file and owner is not object:
                for name, row in _statements_of(Path(inspect.getfile(owner))):
                    yield file, name, None if row is None else getattr(module, row)


def _statements_of(source: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "load(self._file)":
            if isinstance(node.slice, ast.Constant):
                yield node.slice.value, None
            continue
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        method, first = node.func.attr, node.args[0]
        if not isinstance(first, ast.Constant) or not method.startswith("_"):
            continue
        if method in {"_rows", "_row"}:
            yield first.value, ast.unparse(node.args[1])
        elif method == "_page":
            for name in (first.value, f"{first.value}__of_versions"):
                yield name, ast.unparse(node.args[1])
        elif method in ROW_READERS:
            yield first.value, ROW_READERS[method]
        else:
            yield first.value, None
            if method == "_insert_once":
                yield f"{first.value}__repeated", None


def calls(repository: type) -> Iterator[ast.Call]:
    """Yield the calls in the module of a repository and in those of its bases."""
    for base in repository.__mro__[:-1]:
        tree = ast.parse(Path(inspect.getfile(base)).read_text("utf-8"))
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))
