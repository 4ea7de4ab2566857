"""MLflow's filters and orders as SQL: a search reads a page and not the whole registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils
from psycopg import sql
from psycopg.rows import class_row, dict_row

from mlops_ledger import Database, Transaction, rows
from mlops_ledger.contrib.mlflow.mapping import KEY, UPDATED

from .errors import raised

# MLflow's own comparisons know no escapes either.
_CONDITIONS: Final = {
    **{sign: f"{{}} {sign} {{}}" for sign in ("=", ">", ">=", "<", "<=")},
    "!=": "{} <> {}",
    "LIKE": "{} LIKE {} ESCAPE ''",
    "ILIKE": "{} ILIKE {} ESCAPE ''",
    "IN": "{} = ANY ({})",
    "NOT IN": "{} <> ALL ({})",
}
_NUMBER: Final = "CASE WHEN model_version ~ '^[0-9]+$' THEN model_version::numeric END"
_MILLISECONDS: Final = "trunc(extract(epoch FROM {}) * 1000)"
_CREATED: Final = _MILLISECONDS.format("created_at")
_MODEL: Final = {
    "name": "model_name",
    "creation_timestamp": _CREATED,
    "last_updated_timestamp": _MILLISECONDS.format("updated_at"),
}
_VERSION: Final = {
    "name": "model_name",
    "version_number": _NUMBER,
    "run_id": "mlflow_run_id",
    "source_path": "artifact_uri",
    "creation_timestamp": _CREATED,
    # As entities.model_version() has it.
    "last_updated_timestamp": f"greatest({_CREATED}, {_MILLISECONDS.format('promoted_at')},"
    f" CASE jsonb_typeof(tags #> '{{{KEY},{UPDATED}}}')"
    f" WHEN 'number' THEN trunc((tags #>> '{{{KEY},{UPDATED}}}')::numeric) END)",
}
_IS_PROMPT: Final = "mlflow.prompt.is_prompt"
_SLOTS: Final = (
    "ARRAY(SELECT d.slot FROM v_deployments d WHERE d.model_version_id = v.id"
    " AND d.retired_at IS NULL ORDER BY d.slot) AS aliases"
)
Versions = list[tuple[rows.ModelVersion, list[str]]]


def search_models(
    db: Database | Transaction,
    filter_string: str | None,
    order_by: Iterable[str],
    limit: int,
    offset: int,
) -> list[rows.Model]:
    """Return a page of the models that match."""
    utils = SearchModelUtils
    order = [utils.parse_order_by_for_search_registered_models(one) for one in order_by]
    query = sql.SQL("SELECT {} FROM models WHERE {} ORDER BY {} LIMIT {} OFFSET {}").format(
        _columns(rows.Model),
        _where(filter_string, utils, _MODEL),
        _order(order, _MODEL, (("name", True),)),
        sql.Literal(limit),
        sql.Literal(offset),
    )
    with db.connection() as connection:
        return connection.cursor(row_factory=class_row(rows.Model)).execute(query).fetchall()


def search_versions(
    db: Database | Transaction,
    filter_string: str | None,
    order_by: Iterable[str],
    limit: int,
    offset: int,
) -> Versions:
    """Return a page of the versions that match, each with its slots."""
    utils = SearchModelVersionUtils
    order = [utils.parse_order_by_for_search_model_versions(one) for one in order_by]
    query = sql.SQL("SELECT {} FROM model_versions v WHERE {} ORDER BY {} LIMIT {} OFFSET {}")
    return _versions(
        db,
        query.format(
            _columns(rows.ModelVersion, sql.SQL(_SLOTS)),
            _where(filter_string, utils, _VERSION),
            _order(order, _VERSION, (("name", True), ("version_number", False))),
            sql.Literal(limit),
            sql.Literal(offset),
        ),
    )


def latest_versions(db: Database | Transaction, names: list[str]) -> dict[str, Versions]:
    """Return the version with the highest number of each stage of some models, by model."""
    query = sql.SQL(
        "SELECT DISTINCT ON (model_name, stage) {} FROM model_versions v"
        " WHERE model_name = ANY ({})"
        " ORDER BY model_name, stage, {} DESC NULLS LAST, created_at DESC"
    ).format(_columns(rows.ModelVersion, sql.SQL(_SLOTS)), sql.Literal(names), sql.SQL(_NUMBER))
    found: dict[str, Versions] = {name: [] for name in names}
    for row, slots in _versions(db, query):
        found[row.model_name].append((row, slots))
    return found


def slots_of(db: Database | Transaction, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the version in each slot of some models that holds one, by model."""
    query = sql.SQL(
        "SELECT model_name, slot, model_version FROM v_deployments"
        " WHERE model_name = ANY ({}) AND retired_at IS NULL"
    ).format(sql.Literal(names))
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    with db.connection() as connection:
        for name, slot, version in connection.execute(query):
            found[name][slot] = version
    return found


def _versions(db: Database | Transaction, query: sql.Composed) -> Versions:
    with db.connection() as connection:
        found = connection.cursor(row_factory=dict_row).execute(query).fetchall()
    return [(rows.ModelVersion(**row), slots) for row in found for slots in [row.pop("aliases")]]


def _columns(kind: type[Any], *more: sql.Composable) -> sql.Composable:
    return sql.SQL(", ").join([*(sql.Identifier(each.name) for each in fields(kind)), *more])


def _where(filter_string: str | None, utils: Any, columns: Mapping[str, str]) -> sql.Composable:
    if "\0" in (filter_string or ""):
        raise raised("the filter has a NUL character", "INVALID_PARAMETER_VALUE")
    conditions = [
        _condition(each, utils, columns) for each in utils.parse_search_filter(filter_string)
    ]
    return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")


def _condition(
    comparison: Mapping[str, Any], utils: Any, columns: Mapping[str, str]
) -> sql.Composable:
    """Return one comparison; as in MLflow, what is not there matches none."""
    kind, key, comparator = comparison["type"], comparison["key"], comparison["comparator"].upper()
    column: sql.Composable
    value = comparison["value"]
    # MLflow's checks, which raise for a comparator that does not go with the field.
    if utils.is_numeric_attribute(kind, key, comparator):
        column, value = sql.SQL(columns[key]), _whole(key, value)
    elif utils.is_string_attribute(kind, key, comparator):
        column = sql.SQL(columns[key])
    elif utils.is_tag(kind, comparator) and key != KEY:
        column = sql.SQL("tags ->> {}").format(sql.Literal(key))
        if key == _IS_PROMPT:
            column = sql.SQL("coalesce({}, 'false')").format(column)
    else:
        return sql.SQL("false")
    if comparator in ("IN", "NOT IN"):
        value = list(value)
    return sql.SQL(_CONDITIONS[comparator]).format(column, sql.Literal(value))


def _whole(key: str, value: object) -> int:
    try:
        if isinstance(value, (int, str)):
            return int(value)
    except ValueError:
        pass
    raise raised(
        f"Invalid value for numeric attribute '{key}': {value!r}", "INVALID_PARAMETER_VALUE"
    )


def _order(
    parsed: list[tuple[str, str, bool]],
    columns: Mapping[str, str],
    ties: tuple[tuple[str, bool], ...],
) -> sql.Composable:
    """Return what rows are ordered by; `ties` make that complete, so that pages fit together."""
    for kind, *_ in parsed:
        if kind != "attribute":
            raise raised(f"Invalid order_by entity: {kind}", "INVALID_PARAMETER_VALUE")
    terms = [(key, ascending) for _, key, ascending in parsed]
    terms += [tie for tie in ties if tie[0] not in {key for key, _ in terms}]
    ordered = [
        sql.SQL(
            columns[key]
            + (' COLLATE "C"' if key == "name" else "")
            + (" ASC" if ascending else " DESC")
            + " NULLS LAST"
        )
        for key, ascending in terms
    ]
    # Versions whose names are no numbers.
    if "version_number" in columns:
        ordered.append(sql.SQL('model_version COLLATE "C"'))
    return sql.SQL(", ").join(ordered)
