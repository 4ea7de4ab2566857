"""Tasks written as functions: `@task.mlops_ledger` and `@task.retraining_decision`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, ClassVar, Final

from mlops_ledger import Database, InvalidValue

from .base import LedgerOperator
from .compat import DecoratedOperator, TaskDecorator, task_decorator_factory
from .ids import id_of_task
from .operators import RetrainingDecisionOperator

# What a function is given under these names.
_OFFERED: Final = ("db", "ledger_id")


class LedgerFunction(DecoratedOperator, LedgerOperator):
    """Calls a function with the open database, and fails at once what the ledger refuses."""

    custom_operator_name = "@task.mlops_ledger"

    def __init__(
        self, *, python_callable: Callable[..., Any], op_kwargs: Any = None, **kwargs: Any
    ) -> None:
        # Airflow looks for all arguments when it reads the DAG; these come when the task runs.
        later = {name: None for name in _OFFERED if name in signature(python_callable).parameters}
        super().__init__(
            python_callable=python_callable, op_kwargs={**(op_kwargs or {}), **later}, **kwargs
        )

    def write(self, db: Database, context: Mapping[str, Any]) -> Any:
        """Call the function."""
        offered = {"db": db, "ledger_id": id_of_task(context)}
        names = list(signature(self.python_callable).parameters)[len(self.op_args) :]
        given = {**self.op_kwargs, **{name: offered[name] for name in names if name in offered}}
        for name in names:
            if name not in given and name in context:
                given[name] = context[name]
        return self.python_callable(*self.op_args, **given)


class DecisionFunction(LedgerFunction, RetrainingDecisionOperator):
    """Records the decision whose gates a function returns."""

    custom_operator_name = "@task.retraining_decision"
    template_fields: ClassVar[Sequence[str]] = (
        *LedgerFunction.template_fields,
        *RetrainingDecisionOperator.template_fields,
    )

    def write(self, db: Database, context: Mapping[str, Any]) -> Any:
        """Call the function and record what it found."""
        found = super().write(db, context)
        for name, value in ({"gate_results": found} if isinstance(found, list) else found).items():
            if name not in RetrainingDecisionOperator.template_fields:
                raise InvalidValue(name, "is no field of a decision")
            setattr(self, name, value)
        return RetrainingDecisionOperator.write(self, db, context)


def mlops_ledger_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> TaskDecorator:
    """Make a task of a function that uses the ledger.

    Of its arguments `db` is the open database of `mlops_ledger_conn_id`, and `ledger_id` the id
    that all tries of the task have in common: a row that is inserted with it is stored once.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=LedgerFunction,
        **kwargs,
    )


def retraining_decision_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> TaskDecorator:
    """Make a task that decides about a version; arguments are those of RetrainingDecisionOperator.

    The function returns the gates as a list, or a dict of fields such as `gate_results` and
    `reasoning`. It may have the arguments `db` and `ledger_id`, as in `mlops_ledger_task`.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=True,
        decorated_operator_class=DecisionFunction,
        **kwargs,
    )
