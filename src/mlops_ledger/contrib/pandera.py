"""What pandera finds in a data frame, recorded as data quality.

record_validation(db, Schema, frame, model_name="churn", timestamp=until)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._sync.database import Connections
from ..checks.values import timestamp as checked_timestamp
from ..errors import InvalidValue, LedgerError
from .measured import Measured, Recorded

_MISSING_COLUMN = "column_in_dataframe"


def record_validation(
    db: Connections,
    schema: Any,
    frame: Any,
    *,
    model_name: str,
    timestamp: datetime,
    model_version: str | None = None,
) -> Recorded:
    """Validate a pandas or Polars frame by a pandera schema or model, and record what fails.

    `failed_checks` counts the checks that did not pass, `invalid_share.age` is the share of rows, 0
    to 1, that fail a check of the column, 1 for a column that is missing or of the wrong type, and
    `invalid_share` that of all checks. Values are not kept. Nothing is raised for data that are not
    valid; recording the same again changes nothing. Raises InvalidValue for what pandera cannot
    validate, LedgerError without pandera.
    """
    measured = measure(schema, frame, timestamp)
    return measured.record(db, model_name=model_name, model_version=model_version)


def measure(schema: Any, frame: Any, timestamp: datetime) -> Measured:
    """Return the metrics that validating a frame gives."""
    if not hasattr(schema, "validate"):
        raise InvalidValue("schema", "must be a schema or a model of pandera")
    if not hasattr(frame, "columns") or not hasattr(frame, "__len__"):
        raise InvalidValue("frame", "must be a pandas or Polars data frame")
    plain = schema.to_schema() if hasattr(schema, "to_schema") else schema
    at = checked_timestamp("timestamp", timestamp)
    rows, cases = len(frame), _failure_cases(schema, frame)
    checks: dict[str, set[str]] = {}
    invalid: dict[str, set[object] | None] = {}
    everywhere: set[object] | None = set()
    for case in cases:
        column = str(case["failure_case" if case["check"] == _MISSING_COLUMN else "column"])
        of_column = case["schema_context"] == "Column" or case["check"] == _MISSING_COLUMN
        checks.setdefault(column if of_column else "", set()).add(str(case["check"]))
        # A check of the whole column has no row.
        row = None if case["index"] != case["index"] else case["index"]
        everywhere = _with(everywhere, row)
        if of_column:
            invalid[column] = _with(invalid.get(column, set()), row)
    measured, schema_name = Measured("pandera"), {"schema": str(plain.name or "")}
    failed = sum(map(len, checks.values()))
    measured.add("failed_checks", failed, at, "data_quality", **schema_name, rows=rows)
    measured.add("invalid_share", _share(everywhere, rows), at, "data_quality", **schema_name)
    present = [name for name in plain.columns if name in frame.columns]
    for column in dict.fromkeys([*map(str, present), *invalid]):
        measured.add(
            f"invalid_share.{column}",
            _share(invalid.get(column, set()), rows),
            at,
            "data_quality",
            **schema_name,
            failed_checks=sorted(checks.get(column, ())),
        )
    return measured


def _failure_cases(schema: Any, frame: Any) -> list[Mapping[str, Any]]:
    try:
        from pandera.errors import SchemaErrors
    except ModuleNotFoundError:
        raise LedgerError("this needs pandera: pip install pandera") from None
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        found: list[Mapping[str, Any]] = (
            cases.to_dicts() if hasattr(cases, "to_dicts") else cases.to_dict("records")
        )
        return found
    except Exception as error:
        raise InvalidValue("frame", f"cannot be validated: {type(error).__name__}") from error
    return []


def _with(rows: set[object] | None, row: object) -> set[object] | None:
    """Add a row to those that fail, which are None for all."""
    return None if rows is None or row is None else rows | {row}


def _share(failing: set[object] | None, rows: int) -> float | None:
    if failing is None:
        return 1.0
    return len(failing) / rows if rows else None
