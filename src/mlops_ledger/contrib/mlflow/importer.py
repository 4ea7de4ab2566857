"""Imports an MLflow registry and, when called again, what is new in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

import mlops_ledger as ledger

from ...connection.connections import require_database
from ...errors import Conflict, InvalidValue, LedgerError, NotFound
from ...ids import id_for
from ...rows import Model, ModelVersion
from . import mapping, origin
from .report import Count, MlflowImport
from .slots import ACTOR, Slots, wanted
from .source import Source

Report = Callable[[int, int], None]
# Values that are stored together.
_VALUES: Final = 20_000
_MANY: Final = 1000


class _Undone(Exception):
    """Ends the transaction of a dry run."""


def import_mlflow(
    db: ledger.Database,
    uri: str,
    *,
    registry_uri: str | None = None,
    dry_run: bool = False,
    report: Report = lambda done, total: None,
) -> MlflowImport:
    """Import the models of an MLflow store; what is there already stays.

    `uri` is what MLflow calls a tracking URI: of a database, a folder or a server;
    `registry_uri` is that of the registry if it is another. A model comes whole or not at all.
    A dry run does all of it in one transaction, which it takes back. `report` is told how many
    versions are done, and of how many. Raises NotFound where there is no store, LedgerError when
    MLflow cannot read it.
    """
    db = require_database(db, ledger.Database)
    source = Source(uri, registry_uri)
    if not dry_run:
        return _import(db, source, report)
    done = None
    try:
        with db.transaction() as tx:
            done = _import(tx, source, report)
            raise _Undone
    except _Undone:
        assert done is not None
        return done


def _import(
    db: ledger.Database | ledger.Transaction, source: Source, report: Report
) -> MlflowImport:
    models, versions = source.models(), source.versions()
    run_ids = {
        (mv.name, str(mv.version)): run_id
        for each in versions.values()
        for mv in each
        if (run_id := source.run_of(mv))
    }
    importer, deleted = Importer(db, source), source.deleted()
    runs = importer.runs(set(run_ids.values()))
    done, total = 0, sum(map(len, versions.values()))
    report(done, total)
    for model in models:
        of_model = versions.get(model.name, [])
        importer.model(
            model,
            [(mv, run_ids.get((mv.name, str(mv.version)))) for mv in of_model],
            runs,
            deleted=deleted[model.name],
        )
        done += len(of_model)
        report(done, total)
    return importer.done


class Importer:
    """One import, model by model."""

    def __init__(self, db: ledger.Database | ledger.Transaction, source: Source) -> None:
        self._db = db
        self._source = source
        self.done = MlflowImport()
        self.refused: list[LedgerError] = []

    def runs(self, ids: Collection[str]) -> dict[str, Any]:
        """Return the runs that made versions, and report the others."""
        found = {}
        for run in self._source.runs():
            if run.info.run_id in ids:
                found[run.info.run_id] = run
            else:
                self.done.runs_without_version += 1
        if others := self.done.runs_without_version:
            self.done.deviate("runs", f"{others} made no version", "not imported")
        return found

    def model(
        self,
        model: Any,
        versions: Iterable[tuple[Any, str | None]],
        runs: dict[str, Any],
        *,
        whole: bool = True,
        deleted: Iterable[tuple[str, int]] = (),
    ) -> None:
        """Bring one model with its versions and their runs, or some of them, in one transaction.

        `deleted` are numbers and creation times of versions that MLflow has deleted. A model that
        the ledger does not take is listed, and keeps no other out.
        """
        versions, done = list(versions), self.done
        self.done = MlflowImport()
        try:
            self._model(model, versions, runs, whole, deleted)
        except (InvalidValue, Conflict) as error:
            self.done = MlflowImport(models=Count(refused=1), versions=Count(refused=len(versions)))
            self._deviate(mapping.name(model.name))("model", str(error), "not imported")
            self.refused.append(error)
        done.add(self.done)
        self.done = done

    def _model(
        self,
        model: Any,
        versions: Collection[tuple[Any, str | None]],
        runs: dict[str, Any],
        whole: bool,
        deleted: Iterable[tuple[str, int]],
    ) -> None:
        name = mapping.name(model.name)
        if name != model.name:
            self._deviate(name)(f"model {model.name!r}", "is no name", f"is model {name}")
        if (model.tags or {}).get("mlflow.prompt.is_prompt") == "true":
            self._deviate(name)("prompt", "is no model", "not imported")
            self.refused.append(InvalidValue("model_name", f"{name} is a prompt and no model"))
            return
        with self._db.transaction() as tx:
            self._describe(tx, model, name)
            known = {each.model_version: each for each in _versions(tx, name)}
            brought, refused = {}, set()
            for mv, run_id in versions:
                made = self._version(tx, mv, name, run_id, runs, known, model)
                if made is None:
                    refused.add(str(mv.version))
                else:
                    brought[str(mv.version)] = made
            self.done.versions.refused += len(refused)
            ours = origin.owned(model, known.values(), refused)
            if whole:
                missing = {each for each in known.keys() - brought.keys() if ours(each)}
                self._gone(tx, name, missing, known, deleted)
            self._metrics(tx, name, brought)
            slots = Slots(
                tx, name, lambda number: number in brought or ours(number), self._deviate(name)
            )
            self._places(tx, model, brought, refused, slots, whole)

    def _describe(self, tx: ledger.Transaction, model: Any, name: str) -> None:
        """Register the model, or bring its description and tags in step."""
        models = ledger.ModelsRepository(tx)
        description = mapping.text(model.description) if model.description else None
        tags = mapping.tags(model.tags or {})
        if name != model.name:
            tags["mlflow.name"] = mapping.text(model.name)
        found = models.get(model_name=name)
        if found is None:
            created = mapping.time(model.creation_timestamp)
            models.insert(
                model_name=name,
                description=description,
                tags=tags,
                created_at=created,
                created_by=ACTOR,
            )
            self.done.models.new += 1
            return
        if not origin.is_model(found, model, ACTOR):
            self.done.models.refused += 1
            self._deviate(name)(
                "model", "the ledger has another of that name", "its description and tags stay"
            )
            return
        before = len(self.done.changes)
        if found.description != description and description is not None:
            models.set_description(model_name=name, description=description)
            self.done.changes.append(f"{name}: description")
        if changed := _differing(found, tags):
            models.set_tags(model_name=name, tags=changed)
            self.done.changes.append(f"{name}: tags {', '.join(sorted(changed))}")
        self._count("models", before)

    def _version(
        self,
        tx: ledger.Transaction,
        mv: Any,
        name: str,
        run_id: str | None,
        runs: dict[str, Any],
        known: dict[str, ModelVersion],
        model: Any,
    ) -> tuple[mapping.Version, ModelVersion] | None:
        """Register a version, or bring what may change of it in step."""
        deviate = self._deviate(name, str(mv.version))
        found = known.get(str(mv.version))
        if found is not None and not origin.is_version(found, mv, run_id, model):
            of_run = f", of run {found.mlflow_run_id}" if found.mlflow_run_id else ""
            problem = f"the ledger has another of that number{of_run}"
            deviate("version", problem, "not imported")
            self.refused.append(Conflict(f"{name} {mv.version}: {problem}"))
            return None
        run = None if run_id is None else runs.get(run_id)
        if run_id is not None and run is None:
            deviate(f"run {run_id}", "is gone", "only its id is kept")
        if run is not None and run.info.lifecycle_stage != "active":
            deviate(f"run {run_id}", "is deleted", "kept all the same")
        version = mapping.version(mv, name, run_id, run, deviate)
        version.fields["tags"][mapping.KEY]["origin"] = origin.of(model, mv)
        if found is None:
            key = f"mlflow {name} {mv.version}"
            version.fields["id"] = id_for(key, version.fields["created_at"])
            try:
                found = register(tx, version, deviate)
            except InvalidValue as error:
                deviate("version", str(error), "not imported")
                self.refused.append(error)
                return None
            self.done.versions.new += 1
        else:
            self._update(tx, version, found, deviate)
        return version, found

    def _update(
        self,
        tx: ledger.Transaction,
        version: mapping.Version,
        found: ModelVersion,
        deviate: mapping.Deviate,
    ) -> None:
        models, fields = ledger.ModelVersionRepository(tx), version.fields
        where = {"model_name": found.model_name, "model_version": found.model_version}
        place = " ".join(where.values())
        before = len(self.done.changes)
        # What was set aside when it was registered is set aside now.
        kept = mapping.kept(found.tags).get("metrics", {})
        for metric in set(kept) & set(fields["metrics"]):
            version.set_aside(f"metrics.{metric}")
        if fields["metrics"] != found.metrics or fields["hyperparameters"] != found.hyperparameters:
            deviate("run", "was changed since", "metrics and parameters stay as registered")
        if fields["description"] != found.description:
            models.set_description(**where, description=fields["description"])
            self.done.changes.append(f"{place}: description")
        imported = mapping.kept(found.tags).get("tags", [])
        changed = _differing(found, fields["tags"])
        changed |= {key: None for key in imported if key not in fields["tags"]}
        if changed:
            models.set_tags(**where, tags=changed)
            self.done.changes.append(f"{place}: tags {', '.join(sorted(changed))}")
        self._count("versions", before)

    def _gone(
        self,
        tx: ledger.Transaction,
        name: str,
        missing: Collection[str],
        known: dict[str, ModelVersion],
        deleted: Iterable[tuple[str, int]],
    ) -> None:
        """Take the numbers of versions that MLflow has deleted, so that none is given again."""
        models = ledger.ModelVersionRepository(tx)
        for number in sorted(missing, key=lambda number: known[number].created_at):
            self._deviate(name, number)("version", "MLflow has it no more", "the ledger's stays")
        for number, created in deleted:
            if number in known:
                continue
            self._deviate(name, number)("version", "is deleted in MLflow", "its number stays taken")
            where: dict[str, Any] = {"model_name": name, "model_version": number}
            try:
                with tx.transaction() as savepoint:
                    ledger.ModelVersionRepository(savepoint).withdraw(**where)
            except NotFound:
                models.insert(**where, created_at=mapping.time(created), created_by=ACTOR)
                models.withdraw(**where, withdrawn_by=ACTOR, reason="deleted in MLflow")

    def _metrics(
        self,
        tx: ledger.Transaction,
        name: str,
        brought: dict[str, tuple[mapping.Version, ModelVersion]],
    ) -> None:
        """Store what the runs of versions have logged."""
        by_run: dict[str, list[ModelVersion]] = {}
        runs: dict[str, Any] = {}
        for version, row in brought.values():
            if version.run is not None:
                runs[row.mlflow_run_id or ""] = version.run
                by_run.setdefault(row.mlflow_run_id or "", []).append(row)
        metrics = ledger.PerformanceMetricsRepository(tx)
        rows = (
            line
            for run_id, logged in self._source.histories(runs.values())
            for row in by_run[run_id]
            for line in mapping.series(
                logged,
                name,
                row.id,
                mapping.time(runs[run_id].info.start_time) or row.created_at,
                self._deviate(name, row.model_version),
            )
        )
        while some := list(islice(rows, _VALUES)):
            written = metrics.insert_many(rows=some)
            self.done.metrics_stored += written.stored
            self.done.metrics_duplicates += written.duplicates

    def _places(
        self,
        tx: ledger.Transaction,
        model: Any,
        brought: dict[str, tuple[mapping.Version, ModelVersion]],
        refused: Collection[str],
        slots: Slots,
        whole: bool,
    ) -> None:
        """Bring slots and stages in step."""
        name = slots.model_name
        stages = {number: version.stage for number, (version, _) in brought.items()}
        holders = wanted(
            model,
            [(number, stages[number], brought[number][0].updated_at) for number in brought],
            refused,
            self._deviate(name),
        )
        changes = slots.follow(holders, whole=whole)
        self.done.deployments += len(changes)
        self.done.changes += changes
        models = ledger.ModelVersionRepository(tx)
        for now in _versions(tx, name):
            stage = stages.get(now.model_version)
            if stage in (None, "production", now.stage) or now.stage == "production":
                continue
            models.set_stage(model_name=name, model_version=now.model_version, stage=stage)

    def _deviate(self, model_name: str, model_version: str | None = None) -> mapping.Deviate:
        return partial(self.done.deviate, model_name=model_name, model_version=model_version)

    def _count(self, kind: str, before: int) -> None:
        count = getattr(self.done, kind)
        if len(self.done.changes) > before:
            count.changed += 1
        else:
            count.unchanged += 1


def register(
    db: ledger.Database | ledger.Transaction, version: mapping.Version, deviate: mapping.Deviate
) -> ModelVersion:
    """Register a version; metrics that the database refuses are kept among its tags."""
    while True:
        try:
            with db.transaction() as tx:
                models = ledger.ModelVersionRepository(tx)
                made = models.get(id=models.insert(**version.fields))
                assert made is not None
                return made
        except InvalidValue as error:
            metric = version.set_aside(error.field)
            if metric is None:
                raise
            problem = f"{version.aside[metric]} {error.problem}"
            deviate(f"metric {metric}", problem, "kept among the tags")


def _versions(tx: ledger.Transaction, model_name: str) -> Iterator[ModelVersion]:
    """Yield all versions of a model."""
    models, last = ledger.ModelVersionRepository(tx), None
    while page := models.list_versions(model_name=model_name, limit=_MANY, before=last):
        yield from page
        last = page[-1].id


def _differing(found: Model | ModelVersion, tags: dict[str, Any]) -> dict[str, Any]:
    """Return the tags that the ledger does not have yet."""
    return {key: value for key, value in tags.items() if found.tags.get(key) != value}
