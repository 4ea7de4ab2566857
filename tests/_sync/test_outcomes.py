# Generated from tests/_async/test_outcomes.py by tools/unasync.py: edit that file, then run `make sync`.
"""Which outcome a row is: the numbers are those of scikit-learn, or there is a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from sklearn import metrics

from mlops_ledger import (
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound
from mlops_ledger.rows import Performance

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Judge:
    """Registers a version, stores predictions with labels and asks how right it was."""

    def __init__(self, *repositories: Any) -> None:
        self.models: ModelVersionRepository = repositories[0]
        self.predictions: PredictionsRepository = repositories[1]
        self.truth: GroundTruthRepository = repositories[2]

    def __call__(
        self,
        made: list[Any],
        labels: list[Any],
        version: dict[str, Any] | None = None,
        **asked: Any,
    ) -> Performance:
        name = str(uuid4())
        self.models.insert(model_name=name, model_version="1", **(version or {}))
        rows = [
            {"request_id": f"{name}{n}", "predicted_at": NOON, **row} for n, row in enumerate(made)
        ]
        self.predictions.insert_many(rows=rows, model_name=name, model_version="1")
        self.truth.insert_many(
            rows=[{"request_id": f"{name}{n}", **row} for n, row in enumerate(labels)]
        )
        return self.truth.performance(model_name=name, since=NOON, until=NOON + HOUR, **asked)


@pytest.fixture
def judge(
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
) -> Judge:
    """What asks how right a version was."""
    return Judge(models, predictions, truth)


def numbers(values: Any, field: str = "prediction") -> list[dict[str, Any]]:
    return [{field: float(value)} for value in values]


def test_more_numbers_than_two_are_classes_too(judge: Judge) -> None:
    made = [{**row, "probability": 0.9} for row in numbers((0, 1, 0, 1))]
    found = judge(made, numbers((0, 1, 2, 2), "actual_value"))
    assert (found.task, found.accuracy, found.roc_auc) == ("multiclass", 0.5, None)
    assert "roc_auc" in found.reasons


@pytest.mark.parametrize("classes", [(0, 1), (-1, 1), (1, 2), (3, 7), (0.0, 4.0)])
def test_hard_classes_of_any_numbers_have_their_accuracy(
    judge: Judge, classes: tuple[float, float]
) -> None:
    truth, made = np.array(classes)[[0, 1, 0, 0, 1]], np.array(classes)[[0, 1, 1, 0, 0]]
    found = judge(numbers(made), numbers(truth, "actual_value"), positive_label=classes[1])
    assert found.accuracy == metrics.accuracy_score(truth, made)
    for name in ("precision", "recall"):
        score = getattr(metrics, f"{name}_score")(truth, made, pos_label=classes[1])
        assert getattr(found, name) == score
    assert found.f1_score == pytest.approx(metrics.f1_score(truth, made, pos_label=classes[1]))
    assert found.matthews_corrcoef == pytest.approx(metrics.matthews_corrcoef(truth, made))


def test_a_window_of_two_classes_of_a_multiclass_version_has_no_roc_auc(judge: Judge) -> None:
    made = [
        {"predicted_label": label, "probability": probability}
        for label, probability in (("a", 0.9), ("a", 0.6), ("b", 0.95), ("b", 0.99))
    ]
    labels = [{"actual_label": label} for label in "aabb"]
    for version in ({}, {"class_names": ["a", "b", "c"]}):
        found = judge(made, labels, version, positive_label="a")
        assert (found.accuracy, found.roc_auc, found.brier_score) == (1, None, None)
        assert found.reasons.keys() >= {"roc_auc", "brier_score", "log_loss"}


def test_a_regression_has_no_accuracy(judge: Judge) -> None:
    made = [{"prediction": value, "probability": 0.9} for value in (0.4, 1.2, 2.3)]
    for version in ({}, {"task": "regression"}):
        found = judge(made, numbers((0, 1, 2.5), "actual_value"), version)
        assert (found.task, found.accuracy) == ("regression", None)
        assert found.mae == pytest.approx(0.8 / 3)


def test_a_declared_positive_class_can_be_turned_round(judge: Judge) -> None:
    chances = [0.1, 0.8, 0.7, 0.3, 0.9]
    made = [{"probability": chance} for chance in chances]
    labels = [{"actual_label": label} for label in ("on", "late", "on", "on", "late")]
    version = {"class_names": ["on", "late"]}
    late = judge(made, labels, version)
    on = judge(made, labels, version, positive_label="on")
    assert (late.positive_label, on.positive_label) == ("late", "on")
    truth = np.array([label["actual_label"] == "late" for label in labels])
    assert late.roc_auc == metrics.roc_auc_score(truth, chances)
    assert late.average_precision == pytest.approx(metrics.average_precision_score(truth, chances))
    rest = 1 - np.array(chances)
    assert on.average_precision == pytest.approx(metrics.average_precision_score(~truth, rest))
    assert on.recall == metrics.recall_score(~truth, rest >= 0.5)


def test_probabilities_of_all_classes_are_worth_what_scikit_learn_says(judge: Judge) -> None:
    random = np.random.default_rng(5)
    names = np.array(["a", "b", "c", "d"])
    chances = random.dirichlet(np.ones(4), 200).round(2)
    chances /= chances.sum(axis=1, keepdims=True)
    truth = names[random.integers(0, 4, 200)]
    made = [{"class_probabilities": list(map(float, row))} for row in chances]
    labels = [{"actual_label": str(label)} for label in truth]
    found = judge(made, labels, {"class_names": names})
    predicted = names[chances.argmax(axis=1)]
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "matthews_corrcoef": metrics.matthews_corrcoef(truth, predicted),
        "log_loss": metrics.log_loss(truth, chances, labels=names),
        "brier_score": metrics.brier_score_loss(truth, chances, labels=names),
        "roc_auc_ovr": metrics.roc_auc_score(truth, chances, multi_class="ovr"),
        "roc_auc_ovo": metrics.roc_auc_score(truth, chances, multi_class="ovo"),
        "top_k_accuracy": metrics.top_k_accuracy_score(truth, chances, k=2, labels=names),
    }
    for average in ("macro", "micro", "weighted"):
        values = metrics.precision_recall_fscore_support(truth, predicted, average=average)
        for metric, value in zip(("precision", "recall", "f1"), values[:3], strict=True):
            expected[f"{metric}_{average}"] = value
    for metric, value in expected.items():
        assert getattr(found, metric) == pytest.approx(value, abs=1e-9), metric
    assert found.confusion_matrix is not None
    counts = metrics.confusion_matrix(truth, predicted, labels=names)
    assert np.array_equal(found.confusion_matrix["matrix"], counts)


def test_probabilities_of_all_classes_are_compared_with_the_latest_label(
    judge: Judge,
) -> None:
    made = [{"class_probabilities": [0.7, 0.2, 0.1]}]
    first = judge(made, [{"actual_label": "a"}], {"class_names": ["a", "b", "c"]})
    name = first.model_name
    judge.truth.insert(request_id=f"{name}0", model_name=name, actual_label="b")
    found = judge.truth.performance(model_name=name, since=NOON, until=NOON + HOUR)
    for each, probability in ((first, 0.7), (found, 0.2)):
        assert each.log_loss == pytest.approx(-np.log(probability))


def test_a_task_can_be_declared_later_once(
    judge: Judge, models: ModelVersionRepository, conn: psycopg.Connection[Any]
) -> None:
    found = judge(
        [{"predicted_label": "late", "probability": 0.9}], [{"actual_label": "late"}]
    )
    assert found.roc_auc is None
    version = {"model_name": found.model_name, "model_version": "1"}
    for wrong in ({"class_names": ["on", "off"]}, {"task": "regression"}):
        with pytest.raises(Conflict, match="other classes"):
            models.declare_task(**version, **wrong)
    with pytest.raises(InvalidValue, match="task"):
        models.declare_task(**version)
    with pytest.raises(NotFound):
        models.declare_task(model_name="m", model_version="9", task="binary")
    for _ in range(2):
        declared = models.declare_task(**version, class_names=["on", "late"])
        assert (declared.task, declared.positive_label) == ("binary", "late")
    with pytest.raises(Conflict, match="another already"):
        models.declare_task(**version, class_names=["on", "late", "lost"])
    conn.execute("SELECT seal_audit_log()")
    audited = "SELECT count(*) FROM audit_log WHERE event = 'correction'"
    assert conn.execute(audited).fetchone() == (1,)
