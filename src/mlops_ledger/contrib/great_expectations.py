"""What Great Expectations 1 found, recorded as data quality. Needs nothing but the result.

result = validation_definition.run(batch_parameters={"dataframe": batch})
record_validation(db, result, model_name="churn")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from .._sync.database import Connections
from ..checks.values import timestamp as checked_timestamp
from ..errors import InvalidValue
from .measured import Measured, Recorded, json_of


def record_validation(
    db: Connections,
    result: Any,
    *,
    model_name: str,
    model_version: str | None = None,
    timestamp: datetime | None = None,
) -> Recorded:
    """Record the result of a validation or a checkpoint, as an object, its dict or its JSON.

    `failed_expectations` counts the expectations of a suite that were not met, those that could not
    be evaluated among them. Each expectation is a metric, such as
    `expect_column_values_to_be_between.age`: the share of unexpected values, 0 to 1, or the number
    that was observed. Unexpected values themselves are not kept. `timestamp` is that of the
    validation by default. Recording a result again changes nothing. Raises InvalidValue for
    anything else.
    """
    measured = measure(result, timestamp)
    return measured.record(db, model_name=model_name, model_version=model_version)


def measure(result: Any, timestamp: datetime | None = None) -> Measured:
    """Return the metrics that a result is."""
    measured = Measured("great_expectations")
    for each in _validations(result):
        _add(measured, each, timestamp)
    return measured


def _validations(result: Any) -> list[Mapping[str, Any]]:
    runs = getattr(result, "run_results", None)
    if runs is None and isinstance(result, Mapping):
        runs = result.get("run_results")
    found = [result] if runs is None else list(runs.values())
    dicts = [each.to_json_dict() if hasattr(each, "to_json_dict") else each for each in found]
    return [json_of("result", each) for each in dicts]


def _add(measured: Measured, result: Mapping[str, Any], timestamp: datetime | None) -> None:
    expectations, meta = result.get("results"), result.get("meta") or {}
    if not isinstance(expectations, list):
        raise InvalidValue("result", "must be a validation result of Great Expectations")
    given = timestamp or meta.get("validation_time")
    if given is None:
        raise InvalidValue("timestamp", "is needed: the result does not say when it was made")
    at = checked_timestamp("timestamp", given)
    suite = {"suite": str(result.get("suite_name") or "")}
    failed = sum(not each["success"] for each in expectations)
    total = {"evaluated_expectations": len(expectations)}
    measured.add("failed_expectations", failed, at, "data_quality", **suite, **total)
    names = [_name(each["expectation_config"]) for each in expectations]
    repeated = {name for name, count in Counter(names).items() if count > 1}
    for name, each in zip(names, expectations, strict=True):
        config = each["expectation_config"]
        own = f"{name} {_fingerprint(config)}" if name in repeated else name
        value, unit = _value(each.get("result") or {})
        if value is None and _has_raised(each):
            measured.left_out[f"{own} {at.isoformat()}"] = "could not be evaluated: it raised"
            continue
        details = {"success": bool(each["success"]), "unit": unit, **suite}
        measured.add(own, value, at, "data_quality", **details)


def _name(config: Mapping[str, Any]) -> str:
    kwargs = config.get("kwargs") or {}
    columns = [kwargs[key] for key in ("column", "column_A", "column_B") if kwargs.get(key)]
    kind = config.get("type") or config.get("expectation_type")
    return ".".join(map(str, [kind, *columns, *(kwargs.get("column_list") or ())]))


def _fingerprint(config: Mapping[str, Any]) -> str:
    """Tell apart expectations of the same kind about the same columns."""
    kwargs = {key: value for key, value in config["kwargs"].items() if key != "batch_id"}
    packed = orjson.dumps(kwargs, default=str, option=orjson.OPT_SORT_KEYS)
    return blake2b(packed, digest_size=4).hexdigest()


def _value(result: Mapping[str, Any]) -> tuple[object, str]:
    if "unexpected_percent" in result:
        percent = result["unexpected_percent"]
        return (None if percent is None else percent / 100), "unexpected_share"
    return result.get("observed_value"), "observed_value"


def _has_raised(each: Mapping[str, Any]) -> bool:
    """Say whether an expectation raised; exceptions are one, or one for each of its metrics."""
    info = each.get("exception_info") or {}
    found = [info, *(value for value in info.values() if isinstance(value, Mapping))]
    return any(one.get("raised_exception") for one in found)
