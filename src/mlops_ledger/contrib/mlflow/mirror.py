"""Puts the versions of one run into the ledger, for trainers that stay with MLflow's registry."""

from __future__ import annotations

import mlflow

import mlops_ledger as ledger

from ...connection.connections import require_database
from ...errors import InvalidValue, NotFound
from ...rows import ModelVersion
from . import mapping
from .importer import Importer
from .source import Source


def mirror(
    *,
    run_id: str | None = None,
    model_name: str | None = None,
    model_version: str | int | None = None,
    db: ledger.Database | None = None,
) -> list[ModelVersion]:
    """Put the versions that a run made into the ledger, or one version, and return them.

    The MLflow that is read is that of `mlflow.set_tracking_uri` and `mlflow.set_registry_uri`.
    Brings parameters, metrics, datasets, tags, aliases and stage, as `import_mlflow` does, and
    may be repeated. Without `db` it is the database of the environment. Raises NotFound when
    MLflow has no such version; Conflict when the ledger has another version of its number and
    InvalidValue when it takes none like it, after the others were brought.
    """
    if (run_id is None) == (model_name is None or model_version is None):
        raise InvalidValue("run_id", "give either a run_id, or model_name and model_version")
    if db is None:
        with ledger.Database() as opened:
            return mirror(
                run_id=run_id, model_name=model_name, model_version=model_version, db=opened
            )
    db = require_database(db, ledger.Database)
    source = Source(mlflow.get_tracking_uri(), mlflow.get_registry_uri())
    if run_id is None:
        versions = {str(model_name): [source.version(str(model_name), str(model_version))]}
    else:
        versions = source.versions_of_run(run_id)
    if not versions:
        raise NotFound(f"MLflow has no version of run {run_id}")
    importer, found = Importer(db, source), []
    for name, each in versions.items():
        run_ids = [source.run_of(mv) for mv in each]
        runs = {one: run for one in run_ids if one and (run := source.run(one))}
        importer.model(source.model(name), list(zip(each, run_ids, strict=True)), runs, whole=False)
        models = ledger.ModelVersionRepository(db)
        for mv in each:
            row = models.get(model_name=mapping.name(name), model_version=str(mv.version))
            found += [row] if row is not None else []
    if importer.refused:
        raise importer.refused[0]
    return found
