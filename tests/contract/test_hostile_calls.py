"""Whatever a caller gives to a public method, only the package's exceptions come out of it.

Every argument of every method is tried with every odd value, and so is every field of a row and
every column of a table, with all other arguments right.
"""

from __future__ import annotations

import inspect
import reprlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from fix_odd_calls import ODD, ODD_COLUMNS
from fix_odd_values import NOON, SOME_ID
from fix_right_calls import methods, right

from mlops_ledger import (
    Database,
    InvalidValue,
    LedgerError,
    ModelVersionRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
    events,
    id_for,
    new_id,
)
from mlops_ledger.checks.prediction_fields import COLUMNS
from tools.registry import repositories

REPOSITORIES = repositories()

pytestmark = pytest.mark.once

TRUTH: Final = ("prediction_id", "actual_label", "actual_value", "labeled_at", "source")


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    with Database(dsn) as database:
        ModelVersionRepository(database).insert(
            model_name="m", feature_names=["a", "b"], class_names=["0", "1"]
        )
        yield database


def escapes(call: Callable[[], object]) -> str | None:
    """Make a call; describe what came out of it other than the package's exceptions."""
    try:
        call()
    except LedgerError:
        return None
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [each for each in frames if "mlops_ledger" in each.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "the call"
        return f"{type(error).__name__} in {place}: {str(error)[:80]!a}"
    return None


def shown(value: object) -> str:
    return ascii(reprlib.repr(value))[:100]


@pytest.mark.parametrize("table", sorted(REPOSITORIES))
def test_no_argument_lets_another_exception_out(db: Database, table: str) -> None:
    repository = REPOSITORIES[table](db)
    problems = []
    for name, parameters in methods(repository):
        base = {each.name: right(each) for each in parameters if each.default is each.empty}
        for parameter in parameters:
            for value in ODD:
                if parameter.name == "progress" and callable(value):
                    continue  # what a function of the caller raises is the caller's own
                arguments = base | {parameter.name: value}
                if found := escapes(lambda: getattr(repository, name)(**arguments)):  # noqa: B023
                    problems.append(f"{name}({parameter.name}={shown(value)}): {found}")
    assert not problems, "\n".join(problems)


def rows_with(fields: Iterable[str], base: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for value in ODD:
        yield f"row {shown(value)}", [base, value]
        for field in fields:
            yield f"{field}={shown(value)}", [base, base | {field: value}]


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(days=1)], ids=["empty", "reversed"])
@pytest.mark.parametrize("table", sorted(REPOSITORIES))
def test_a_window_that_does_not_end_after_it_begins_is_refused(
    db: Database, table: str, until: datetime
) -> None:
    repository = REPOSITORIES[table](db)
    for name, parameters in methods(repository):
        if {"since", "until"} <= {each.name for each in parameters}:
            base = {each.name: right(each) for each in parameters if each.default is each.empty}
            with pytest.raises(InvalidValue, match="until: must be after since"):
                found = getattr(repository, name)(**base | {"since": NOON, "until": until})
                # An iterator asks when its first item is.
                next(found)


FIELDS: Final = ("features", *COLUMNS, "model_name", "model_version", "nothing")


def test_no_row_of_a_prediction_lets_another_exception_out(db: Database) -> None:
    repository = PredictionsRepository(db)
    problems = [
        f"{name}: {found}"
        for name, rows in rows_with(FIELDS, {"prediction": 1.0})
        if (
            found := escapes(
                lambda: repository.insert_many(rows=rows, model_name="m", model_version="1")  # noqa: B023
            )
        )
    ]
    assert not problems, "\n".join(problems)


def test_no_column_of_predictions_lets_another_exception_out(db: Database) -> None:
    repository = PredictionsRepository(db)
    problems = []
    for value in [*ODD, *ODD_COLUMNS]:
        for field in FIELDS:
            columns = {"prediction": [1.0, 2.0], field: value}
            if found := escapes(
                lambda: repository.insert_columns(
                    columns=columns,  # noqa: B023
                    model_name="m",
                    model_version="1",
                )
            ):
                problems.append(f"{field}={shown(value)}: {found}")
    assert not problems, "\n".join(problems)


def test_no_label_and_no_metric_lets_another_exception_out(db: Database) -> None:
    base: dict[str, dict[str, Any]] = {
        "ground_truth": {"prediction_id": SOME_ID, "actual_label": "1"},
        "performance_metrics": {"model_name": "m", "metric_name": "rmse", "metric_value": 1},
        "system_metrics": {"host": "h", "metric_name": "load", "metric_value": 1},
    }
    problems = []
    for table, row in base.items():
        repository: Any = REPOSITORIES[table](db)
        for name, rows in rows_with([*row, *TRUTH, "timestamp", "metadata", "id"], row):
            if found := escapes(lambda: repository.insert_many(rows=rows)):  # noqa: B023
                problems.append(f"{table}, {name}: {found}")
    assert not problems, "\n".join(problems)


def test_no_logged_value_lets_another_exception_out(db: Database, dsn: str, tmp_path: Path) -> None:
    problems = []
    with PredictionLogger(dsn, model_name="m", model_version="1", spool_dir=tmp_path) as log:
        for value in ODD:
            if found := escapes(lambda: log.many(value)):  # type: ignore[arg-type]  # noqa: B023
                problems.append(f"many({shown(value)}): {found}")
            if found := escapes(lambda: log.many([value])):  # type: ignore[list-item]  # noqa: B023
                problems.append(f"many([{shown(value)}]): {found}")
            for field in FIELDS[:-3]:
                if field in ("model_version_id", "feature_values"):
                    continue
                if found := escapes(lambda: log(**{field: value})):  # type: ignore[arg-type]  # noqa: B023
                    problems.append(f"{field}={shown(value)}: {found}")
    assert not problems, "\n".join(problems)


def test_no_argument_of_another_public_call_lets_another_exception_out(
    db: Database, dsn: str, tmp_path: Path
) -> None:
    def log(**given: Any) -> None:
        right = {"model_name": "m", "model_version": "1", "spool_dir": tmp_path} | given
        PredictionLogger(dsn, **right).close()

    def wait(**given: Any) -> None:
        with PredictionLogger(dsn, model_name="m", model_version="1", spool_dir=tmp_path) as logger:
            logger(prediction=1.0)
            logger.flush(**given)

    def end(**given: Any) -> None:
        PredictionLogger(dsn, model_name="m", model_version="1", spool_dir=tmp_path).close(**given)

    def state(**given: Any) -> None:
        settings = Settings(**given)
        assert repr(settings)
        assert settings.target
        assert settings.spool
        settings.of_reads()

    def follow(**given: Any) -> None:
        found: Any = events(db, **({"follow": False} | given))
        with closing(found):
            next(found, None)

    calls: dict[Callable[..., object], list[str]] = {
        log: options_of(PredictionLogger.__init__),
        wait: ["timeout"],
        end: ["timeout"],
        state: options_of(Settings),
        follow: [name for name in options_of(events) if name != "follow"],
        lambda at: new_id(at): ["at"],
        lambda **given: id_for(**({"key": "k", "at": NOON} | given)): ["key", "at"],
    }
    problems = [
        f"{getattr(call, '__name__', call)}({name}={shown(value)}): {found}"
        for call, names in calls.items()
        for name in names
        # The folder is made, so none that is a name by chance.
        for value in ODD
        if not (name == "spool_dir" and isinstance(value, str))
        if (found := escapes(partial(call, **{name: value})))
    ]
    assert not problems, "\n".join(problems)


def options_of(call: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(call).parameters if name not in ("self", "db")]


def test_nothing_else_passes_for_a_database() -> None:
    kinds: list[Callable[[Any], object]] = [
        *REPOSITORIES.values(),
        Database,
        lambda value: PredictionLogger(value, model_name="m", model_version="1"),
    ]
    for value in ODD:
        if value is not None and not isinstance(value, str):
            for kind in kinds:
                with pytest.raises(InvalidValue):
                    kind(value)
