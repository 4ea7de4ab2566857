"""What MLflow says in the words of the ledger; what does not fit goes into the report."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from ...checks.predictions import EARLIEST
from ...checks.values import INFINITE
from ...ids import id_for
from .source import attributes

# The stages of MLflow, which has them in capitals.
STAGES: Final = {"staging": "staging", "production": "production", "archived": "archived"}
# Under which key the tags of a version keep what MLflow knows besides.
KEY: Final = "mlflow"
# And there, when MLflow last changed a version, in its milliseconds.
UPDATED: Final = "last_updated_timestamp"
Deviate = Callable[[str, str, str], None]

# What ledger_is_name refuses: control characters, those that nobody sees, and what is none.
_UNNAMED: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
    + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17))
    + "]+"
)
_UNSLUGGED: Final = re.compile(r"[^a-z0-9_.-]+")
_UNTEXT: Final = re.compile("[\x00\ud800-\udfff]")
_LONGEST_NAME: Final = 255
_LONGEST_SLUG: Final = 63
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# As performance_metrics_metric_value_check has it.
_LARGEST: Final = 1e150
_RUN: Final = {
    "name": "run_name",
    "status": "status",
    "user": "user_id",
    "artifact_uri": "artifact_uri",
    "experiment_id": "experiment_id",
}
_VERSION: Final = {
    "stage": "current_stage",
    "status": "status",
    "status_message": "status_message",
    "run_link": "run_link",
    "model_id": "model_id",
}


def text(value: object) -> str:
    """Return a text without the characters that PostgreSQL cannot store."""
    return _UNTEXT.sub("\N{REPLACEMENT CHARACTER}", str(value))


def name(given: str) -> str:
    """Return a name as the ledger takes it; a changed one ends with a digest of the given one."""
    cleaned = _UNNAMED.sub(" ", given).strip()
    if cleaned == given and len(given) <= _LONGEST_NAME:
        return given
    return _with_digest(cleaned, given, _LONGEST_NAME)


def slot(alias: str) -> str:
    """Return an alias as the name of a slot: in small letters, as the ledger has them."""
    cleaned = _UNSLUGGED.sub("-", alias.lower()).lstrip("_.-")
    if cleaned == alias.lower() and len(cleaned) <= _LONGEST_SLUG:
        return cleaned
    return _with_digest(cleaned, alias, _LONGEST_SLUG)


def time(milliseconds: int | None) -> datetime | None:
    """Return a time of MLflow; None for 0, the future, and what cannot be one."""
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds or 0)
    except OverflowError:
        return None
    return at if EARLIEST <= at <= datetime.now(UTC) else None


def tags(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return tags with keys and values that the ledger takes."""
    return {text(key): text(value) for key, value in given.items()}


def kept(tags: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the tags of a version keep of MLflow; nothing if the tag is no such."""
    found = tags.get(KEY)
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Version:
    """A version of MLflow as the arguments of `insert`, with its run."""

    fields: dict[str, Any]
    run: Any
    stage: str
    updated_at: datetime | None
    # What did not fit into the metrics of a version.
    aside: dict[str, Any]

    def set_aside(self, field: str) -> str | None:
        """Keep a metric that the database refuses among the tags; return its name."""
        kind, _, metric = field.partition(".")
        if kind != "metrics" or metric not in self.fields["metrics"]:
            return None
        self.aside[metric] = self.fields["metrics"].pop(metric)
        self.fields["tags"][KEY]["metrics"] = self.aside
        return metric


def version(mv: Any, model_name: str, run_id: str | None, run: Any, deviate: Deviate) -> Version:
    """Put a version and its run together."""
    created = time(mv.creation_timestamp)
    updated = time(mv.last_updated_timestamp)
    run_started = None if run is None else time(run.info.start_time)
    if created is None:
        deviate("creation time", f"{mv.creation_timestamp} is none", "another time is taken")
        created = run_started or updated or datetime.now(UTC)
    own = tags(mv.tags or {})
    if KEY in own:
        deviate(f"tag {KEY}", "is the ledger's own key", "not imported")
        del own[KEY]
    beside: dict[str, Any] = attributes(mv, _VERSION)
    beside["tags"] = sorted(own)
    if updated is not None:
        beside[UPDATED] = mv.last_updated_timestamp
    if run is not None:
        beside["run"] = _run(run)
    metrics, aside = _metrics(run, deviate)
    if aside:
        beside["metrics"] = aside
    data = None if run is None else run.data
    user = str(mv.user_id or (run and run.info.user_id) or "mlflow")
    datasets = beside.get("run", {}).get("datasets", [])
    fields = {
        "model_name": model_name,
        "model_version": str(mv.version),
        "mlflow_run_id": run_id,
        "description": text(mv.description) if mv.description else None,
        "algorithm": text(data.tags["estimator_name"])
        if data and "estimator_name" in data.tags
        else None,
        "metrics": metrics,
        "hyperparameters": tags(data.params) if data else {},
        "dataset_version": datasets[0]["name"] if datasets else None,
        "dataset_digest": datasets[0]["digest"] if datasets else None,
        "artifact_uri": text(mv.source) if mv.source else None,
        "tags": {**own, KEY: beside},
        "created_at": created,
        "created_by": name(user),
    }
    if fields["created_by"] != user:
        deviate(f"user {user}", "is no name", f"is {fields['created_by']}")
    stage = STAGES.get((mv.current_stage or "").lower(), "development")
    return Version(fields=fields, run=run, stage=stage, updated_at=updated, aside=aside)


def series(
    values: Iterable[Any], model_name: str, version_id: UUID, at: datetime, deviate: Deviate
) -> Iterator[dict[str, Any]]:
    """Yield the metrics of a run as rows of the ledger; `at` is for those without a time."""
    refused: dict[tuple[str, str], int] = {}
    moved: dict[str, int] = {}
    names: dict[str, str] = {}
    for value in values:
        if (problem := _problem(value.value)) is not None:
            refused[value.key, problem] = refused.get((value.key, problem), 0) + 1
            continue
        if value.key not in names:
            names[value.key] = name(value.key)
            if names[value.key] != value.key:
                deviate(f"metric {value.key}", "is no name", f"stored as {names[value.key]}")
        metadata = {} if names[value.key] == value.key else {"mlflow_key": text(value.key)}
        timestamp = time(value.timestamp)
        if timestamp is None:
            moved[value.key] = moved.get(value.key, 0) + 1
            metadata["mlflow_timestamp"] = value.timestamp
            timestamp = at
        content = (version_id, value.key, value.step, value.timestamp, value.value)
        yield {
            "id": id_for(f"mlflow {text(content)}", timestamp),
            "timestamp": timestamp,
            "model_name": model_name,
            "model_version_id": version_id,
            "metric_name": names[value.key],
            "metric_value": value.value,
            "step": value.step,
            "stage": "training",
            "metadata": metadata,
        }
    for (key, problem), count in refused.items():
        deviate(f"metric {key}", f"{count} values are {problem}", "not in the series")
    for key, count in moved.items():
        deviate(f"metric {key}", f"{count} values have no usable time", "stored at that of the run")


def _run(run: Any) -> dict[str, Any]:
    """Return what the tags of a version keep of its run."""
    found = {key: text(value) for key, value in attributes(run.info, _RUN).items()}
    for end in ("start_time", "end_time"):
        at = time(getattr(run.info, end))
        if at is not None:
            found[end] = at.isoformat()
    if run.info.lifecycle_stage != "active":
        found["lifecycle_stage"] = run.info.lifecycle_stage
    inputs = getattr(run, "inputs", None)
    used = [
        {
            "name": text(each.dataset.name),
            "digest": text(each.dataset.digest),
            "source_type": text(each.dataset.source_type),
            "source": text(each.dataset.source),
            **{tag.key.removeprefix("mlflow.data."): text(tag.value) for tag in each.tags},
        }
        for each in (inputs.dataset_inputs if inputs else ())
    ]
    # What it was trained on comes first.
    used.sort(key=lambda each: each.get("context") != "training")
    return {**found, "tags": tags(run.data.tags), **({"datasets": used} if used else {})}


def _metrics(run: Any, deviate: Deviate) -> tuple[dict[str, float], dict[str, Any]]:
    """Divide the last values of a run's metrics into those that are numbers and the others."""
    metrics: dict[str, float] = {}
    aside: dict[str, Any] = {}
    for key, value in ({} if run is None else run.data.metrics).items():
        if not math.isfinite(value) or abs(value) >= INFINITE:
            aside[text(key)] = _word(value)
            deviate(f"metric {key}", f"the last value is {_word(value)}", "kept among the tags")
        else:
            metrics[text(key)] = value
    return metrics, aside


def _problem(value: float) -> str | None:
    """Say why a value cannot be in a series, if so."""
    if not math.isfinite(value) or abs(value) >= INFINITE:
        return _word(value)
    return f"beyond {_LARGEST:g}" if abs(value) > _LARGEST else None


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    # MLflow keeps infinity as the largest double.
    return "Infinity" if value > 0 else "-Infinity"


def _with_digest(cleaned: str, given: str, longest: int) -> str:
    """Shorten a name and end it so that two given names never become one."""
    digest = blake2b(given.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{cleaned[: longest - 9].rstrip()}-{digest}".lstrip("-")
