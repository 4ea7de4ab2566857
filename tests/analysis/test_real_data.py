"""Models of the data sets that scikit-learn ships, under several codings of their classes."""

from __future__ import annotations

import numpy as np
import pytest
from fix_codings import Row, compare, judge, name_of
from sklearn import datasets, metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_ledger import Database

CLASSIFIED = {
    "breast_cancer": [[0, 1], [-1, 1], [1, 2], ["malignant", "benign"], ["benign", "malignant"]],
    "wine": [[0, 1, 2], [1, 2, 3], ["barbera", "barolo", "grignolino"]],
    "iris": [[0, 1, 2], ["setosa", "versicolor", "virginica"]],
    "digits": [list(range(10)), list("abcdefghij")],
}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_a_classifier_of_real_data(db: Database, name: str) -> None:
    inputs, outcome = getattr(datasets, f"load_{name}")(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.01))
    model.fit(inputs[::2], outcome[::2])
    chances, guesses = model.predict_proba(inputs[1::2]), model.predict(inputs[1::2])
    truths, many = outcome[1::2], len(set(outcome)) > 2
    for coding in CLASSIFIED[name]:
        names = [name_of(label) or "" for label in coding]
        for hard in (False, True):
            rows = [
                Row(
                    truth=coding[truth],
                    predicted=coding[guess] if hard else None,
                    probability=None if many else float(chance[1]),
                    class_probabilities=list(map(float, chance)) if many else None,
                )
                for truth, guess, chance in zip(truths, guesses, chances, strict=True)
            ]
            found = judge(db, rows, {"class_names": coding})
            seen = compare(rows, found, names)
            of_task = (
                {"roc_auc_ovr", "roc_auc_ovo", "top_k_accuracy"}
                if many
                else {"roc_auc", "f1_score"}
            )
            assert {"accuracy", "matthews_corrcoef", "log_loss", "f1_macro"} | of_task <= seen
            assert found.confusion_matrix is not None
            counts = metrics.confusion_matrix(truths, guesses)
            assert np.array_equal(found.confusion_matrix["matrix"], counts)


def test_a_regressor_of_real_data(db: Database) -> None:
    inputs, target = datasets.load_diabetes(return_X_y=True)
    estimate = LinearRegression().fit(inputs[::2], target[::2]).predict(inputs[1::2])
    rows = [Row(float(t), float(e)) for t, e in zip(target[1::2], estimate, strict=True)]
    # Its targets are whole numbers, its predictions are not.
    for version in (None, {"task": "regression"}):
        found = judge(db, rows, version)
        assert found.task == "regression"
        assert compare(rows, found, []) == {"mae", "mape", "rmse", "r2"}
