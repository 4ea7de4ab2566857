"""`mlops-ledger models register` and what mends a registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

import mlops_ledger as ledger

from ..checks.values import TASKS
from .base import Command
from .options import (
    JsonObject,
    Tag,
    by_option,
    is_given,
    json_option,
    model_argument,
    reason_option,
    version_argument,
)
from .output import echo_done


def _add_options(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Make the decorator that adds options to a command, in their order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_task_options = _add_options(
    click.option("--task", type=click.Choice(TASKS), help="What it predicts."),
    click.option(
        "--class", "class_names", multiple=True, help="A class, in the order of classes_."
    ),
    click.option(
        "--positive",
        "positive_label",
        metavar="CLASS",
        help="The class that the probability is of.",
    ),
)
_content_options = _add_options(
    click.option("--algorithm", help="What was trained."),
    click.option("--metrics", type=JsonObject(), help="Evaluation metrics."),
    click.option("--hyperparameters", type=JsonObject(), help="Hyperparameters."),
    click.option(
        "--feature", "feature_names", multiple=True, help="A feature, in the model's order."
    ),
    _task_options,
    click.option("--training-samples", type=int, help="Number of rows trained on."),
    click.option("--dataset-version", help="Version of the training data."),
    click.option("--artifact-uri", help="Where the model is stored."),
    click.option("--mlflow-run-id", help="The MLflow run that trained it."),
)


@click.command(cls=Command)
@model_argument
@click.argument("model_version", required=False)
@click.option("--description", metavar="TEXT", help="What this version is, in words.")
@click.option("--stage", default="development", show_default=True, help="development or staging.")
@_content_options
@click.option("--tag", "tags", type=Tag(), multiple=True, help="A tag.")
@by_option
@json_option
def register(
    feature_names: tuple[str, ...],
    class_names: tuple[str, ...],
    tags: Any,
    by: str | None,
    as_json: bool,
    **fields: Any,
) -> None:
    """Register a version of MODEL_NAME; without MODEL_VERSION it takes the next number."""
    with ledger.Database() as db:
        version = ledger.ModelVersionRepository(db).register(
            **fields,
            feature_names=feature_names or None,
            class_names=class_names or None,
            tags=dict(tags),
            created_by=by,
        )
    done = f"registered {version.model_name} version {version.model_version}"
    echo_done(version, done, as_json)


@click.command("declare-task", cls=Command)
@model_argument
@version_argument
@_task_options
@json_option
def declare_task(class_names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Declare the task of a version that was registered without one."""
    with ledger.Database() as db:
        version = ledger.ModelVersionRepository(db).declare_task(
            **given, class_names=class_names or None
        )
    done = f"{version.model_name} version {version.model_version} is {version.task}"
    echo_done(version, done, as_json)


@click.command(cls=Command)
@model_argument
@version_argument
@_content_options
@json_option
def correct(
    feature_names: tuple[str, ...], class_names: tuple[str, ...], as_json: bool, **given: Any
) -> None:
    """Correct the registration of a version that nothing refers to.

    What is not given stays as it is. The audit log keeps the old values.
    """
    content = given.keys() - {"model_name", "model_version"}
    if not is_given("feature_names", "class_names", *content):
        raise click.UsageError("give what is to be corrected")
    with ledger.Database() as db:
        version = ledger.ModelVersionRepository(db).correct(
            **given, feature_names=feature_names or None, class_names=class_names or None
        )
    done = f"corrected {version.model_name} version {version.model_version}"
    echo_done(version, done, as_json)


@click.command(cls=Command)
@model_argument
@version_argument
@by_option
@reason_option
@json_option
def withdraw(by: str | None, as_json: bool, **given: Any) -> None:
    """Take back a version that nothing refers to.

    Its number is never given again; the audit log has what was registered.
    """
    with ledger.Database() as db:
        version = ledger.ModelVersionRepository(db).withdraw(withdrawn_by=by, **given)
    done = f"withdrew {version.model_name} version {version.model_version}"
    echo_done(version, done, as_json)
