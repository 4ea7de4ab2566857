"""Reads an MLflow registry and its tracking store; nothing in them is changed."""

from __future__ import annotations

import math
import re
import socket
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
from mlflow.exceptions import MlflowException
from mlflow.version import VERSION

from ...errors import InvalidValue, LedgerError, NotFound

_DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")
_PORTS: Final = {"http": 80, "https": 443}
# Seconds in which a server is to take a connection.
_ANSWER: Final = 10
_PAGE: Final = 1000
# Runs whose metrics are read together.
_RUNS: Final = 50
_SESSIONS: Final = "ManagedSessionMaker"
# What a store answers to an id that it has not, and an old one to a question it does not know.
_ABSENT: Final = (
    "RESOURCE_DOES_NOT_EXIST",
    "INVALID_PARAMETER_VALUE",
    "ENDPOINT_NOT_FOUND",
    "NOT_FOUND",
    "NOT_IMPLEMENTED",
)
_LOGGED_MODEL: Final = re.compile(r"models:/(m-[^/@]+)/?")


class Logged(NamedTuple):
    """A value of a metric."""

    key: str
    timestamp: int
    step: int
    value: float


class Source:
    """An MLflow registry and tracking store, seen through MLflow's own client."""

    def __init__(self, uri: str, registry_uri: str | None = None) -> None:
        uris = [uri, *([] if registry_uri is None else [registry_uri])]
        self._secrets = [secret for each in uris if (secret := _parts(each).password)]
        with self._explained():
            uri = _readable(uri)
            registry_uri = uri if registry_uri is None else _readable(registry_uri)
            self._client = MlflowClient(uri, registry_uri)

    def models(self) -> list[Any]:
        """Return the registered models, by name."""
        with self._explained():
            found = list(_pages(self._client.search_registered_models, _PAGE))
        return sorted(found, key=lambda model: str(model.name))

    def model(self, name: str) -> Any:
        """Return one registered model; raises NotFound when there is none of that name."""
        with self._explained():
            return self._client.get_registered_model(name)

    def versions(self) -> dict[str, list[Any]]:
        """Return the versions of each model, in the order of their numbers."""
        with self._explained():
            return _by_model(_pages(self._client.search_model_versions, _PAGE))

    def versions_of_run(self, run_id: str) -> dict[str, list[Any]]:
        """Return the versions that a run made."""
        with self._explained():
            query = f"run_id='{run_id}'"
            return _by_model(self._client.search_model_versions(query))

    def version(self, name: str, version: str) -> Any:
        """Return one version; raises NotFound when there is none."""
        with self._explained():
            return self._client.get_model_version(name, version)

    def run_of(self, version: Any) -> str | None:
        """Return the run that made a version.

        MLflow 3 registers a logged model, which knows its run, in place of the run.
        """
        if version.run_id:
            return str(version.run_id)
        logged = getattr(version, "model_id", None)
        if not logged and (match := _LOGGED_MODEL.match(version.source or "")):
            logged = match[1]
        if not logged or not hasattr(self._client, "get_logged_model"):
            return None
        found = self._found(self._client.get_logged_model, logged)
        return (found and found.source_run_id) or None

    def run(self, run_id: str) -> Any:
        """Return one run; None when it is gone for good."""
        return self._found(self._client.get_run, run_id)

    def _found(self, get: Callable[[str], Any], key: str) -> Any:
        """Return what a store has; None when it says that there is none, not when it fails."""
        with self._explained():
            try:
                return get(key)
            except MlflowException as error:
                if error.error_code not in _ABSENT:
                    raise
                return None

    def runs(self) -> Iterator[Any]:
        """Yield all runs, also the deleted ones."""
        with self._explained():
            search = self._client.search_experiments
            experiments = _pages(lambda **page: search(view_type=ViewType.ALL, **page), _PAGE)
            ids = [each.experiment_id for each in experiments]
            if ids:
                yield from _pages(
                    lambda **page: self._client.search_runs(
                        ids, run_view_type=ViewType.ALL, **page
                    ),
                    _PAGE,
                )

    def histories(self, runs: Collection[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Yield what each run has logged, by the id of the run."""
        store, runs = self._client._tracking_client.store, list(runs)
        # Only a store in a database has sessions, and answers for many runs at once.
        read = self._logged_in_database if hasattr(store, _SESSIONS) else self._logged
        for start in range(0, len(runs), _RUNS):
            with self._explained():
                yield from read(runs[start : start + _RUNS])

    def _logged(self, runs: list[Any]) -> Iterator[tuple[str, list[Any]]]:
        for run in runs:
            run_id = run.info.run_id
            histories = (
                self._client.get_metric_history(run_id, key) for key in sorted(run.data.metrics)
            )
            yield run_id, list(chain.from_iterable(histories))

    def _logged_in_database(self, runs: list[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Read columns: of each value MLflow would make two objects, most of an import's time."""
        from mlflow.store.tracking.dbmodels.models import SqlMetric
        from sqlalchemy import select

        columns = (SqlMetric.key, SqlMetric.timestamp, SqlMetric.step, SqlMetric.value)
        query = (
            select(SqlMetric.run_uuid, SqlMetric.is_nan, *columns)
            .where(SqlMetric.run_uuid.in_([run.info.run_id for run in runs]))
            .order_by(SqlMetric.run_uuid, *columns)
        )
        with self._client._tracking_client.store.ManagedSessionMaker() as session:
            for run_id, rows in groupby(session.execute(query), itemgetter(0)):
                yield (
                    run_id,
                    [
                        Logged(key, at, step, math.nan if is_nan else value)
                        for _, is_nan, key, at, step, value in rows
                    ],
                )

    def deleted(self) -> dict[str, list[tuple[str, int]]]:
        """Return number and creation time of the versions that were deleted, by model.

        Only a registry in a database remembers them, and it gives their numbers no second time.
        """
        store = self._client._get_registry_client().store
        found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        if not hasattr(store, _SESSIONS):
            return found
        from mlflow.store.model_registry.dbmodels.models import SqlModelVersion as Versions
        from sqlalchemy import select

        query = (
            select(Versions.name, Versions.version, Versions.creation_time)
            .where(Versions.current_stage == STAGE_DELETED_INTERNAL)
            .order_by(Versions.name, Versions.version)
        )
        with self._explained(), store.ManagedSessionMaker() as session:
            for name, version, created in session.execute(query):
                found[name].append((str(version), created))
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise what MLflow and its database say as one line without passwords."""
        try:
            yield
        except MlflowException as error:
            kind = NotFound if error.error_code == "RESOURCE_DOES_NOT_EXIST" else LedgerError
            raise kind(f"MLflow: {self._line(error)}") from None
        except LedgerError:
            raise
        except Exception as error:
            # Its database's, its server's, or those of YAML, files and what a damaged one leads to.
            raise LedgerError(f"MLflow cannot be read: {self._line(error)}") from None

    def _line(self, error: Exception) -> str:
        line = str(error).partition("\n")[0]
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise InvalidValue("uri", f"is none: {error}") from None
    return parts


def _readable(uri: str) -> str:
    """Return the URI of a store that is there: MLflow makes one where none is."""
    parts = _parts(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in _DATABASES:
        return _readable_database(uri, scheme)
    if scheme in ("", "file") and not (parts.path and _is_store(Path(parts.path))):
        raise NotFound(f"there is no MLflow store at {uri!r}")
    if scheme in _PORTS and not getproxies().get(scheme):
        _reach(parts, scheme)
    return uri


def _is_store(folder: Path) -> bool:
    """Say whether a folder has experiments or models, each in a folder with a file of its own."""
    return (folder / "models").is_dir() or any(folder.glob("*/meta.yaml"))


def _reach(parts: SplitResult, scheme: str) -> None:
    """Raise LedgerError where nothing answers: MLflow's client would try for many minutes."""
    at = (parts.hostname or "", parts.port or _PORTS[scheme])
    try:
        socket.create_connection(at, timeout=_ANSWER).close()
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or error
        raise LedgerError(
            f"MLflow cannot be read: nothing answers at {at[0]}:{at[1]}: {problem}"
        ) from None


def _readable_database(uri: str, scheme: str) -> str:
    if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
        raise LedgerError(
            "a database of MLflow needs the extra: pip install 'mlops-ledger[mlflow]'"
        )
    from sqlalchemy import create_engine, inspect

    if scheme == "sqlite":
        path = Path(uri.partition(":///")[2].partition("?")[0])
        if not path.is_file():
            raise NotFound(f"there is no MLflow store at {uri}")
    if uri.startswith("postgresql://") and find_spec("psycopg2") is None:
        if VERSION.startswith("2."):
            raise LedgerError("MLflow 2 reads PostgreSQL with psycopg2: install psycopg2-binary")
        uri = uri.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(uri)
    try:
        if not inspect(engine).has_table("experiments"):
            raise NotFound("the database holds no MLflow store")
    finally:
        engine.dispose()
    return uri


def _pages(search: Callable[..., Any], size: int) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=size, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _by_model(versions: Iterable[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for version in versions:
        found[version.name].append(version)
    for each in found.values():
        each.sort(key=lambda version: int(version.version))
    return dict(found)


def attributes(entity: object, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of an MLflow entity that have a value, by the names given for them."""
    found = {name: getattr(entity, attribute, None) for name, attribute in names.items()}
    return {name: value for name, value in found.items() if value not in (None, "")}
