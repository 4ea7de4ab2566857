"""Results of Evidently, NannyML, whylogs and Great Expectations, as tests/data has them recorded.

With the library installed, `python tests/contrib/make_results.py nannyml` prints them again for
results_nannyml.json. Where it is, the tests also run on results made on the spot. Made with
Evidently 0.7.23, NannyML 0.13.1, whylogs 1.6.4 and Great Expectations 1.24.1.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

# Nothing is told to anybody.
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def frame(rows: int, start: str, shift: float = 0.0, seed: int = 7) -> pd.DataFrame:
    """Make predictions and what they were made of, one every six minutes."""
    draw = np.random.default_rng(seed)
    found = pd.DataFrame(
        {
            "age": draw.normal(40 + shift, 10, rows),
            "visits": draw.poisson(3, rows).astype(float),
            "plan": draw.choice(["free", "pro"], rows),
        }
    )
    found.loc[::50, "visits"] = np.nan
    found["probability"] = 1 / (1 + np.exp(-(found["age"] - 40) / 10))
    found["predicted"] = (found["probability"] > 0.5).astype(int)
    found["actual"] = (draw.random(rows) < found["probability"]).astype(int)
    found["spent"] = draw.uniform(5, 50, rows)
    found["spending"] = found["spent"] * draw.uniform(0.8, 1.2, rows)
    found["at"] = pd.date_range(start, periods=rows, freq="6min")
    return found


def nannyml() -> dict[str, Any]:
    """Return results by name: of three days the last has older people and one class only."""
    import nannyml as nml

    past, current = frame(2400, "2026-01-01"), frame(720, "2026-01-11", seed=8)
    current.loc[480:, "age"] += 12
    current.loc[480:, "actual"] = 1
    by_day = {"timestamp_column_name": "at", "chunk_period": "D"}
    binary = {
        "y_pred_proba": "probability",
        "y_pred": "predicted",
        "y_true": "actual",
        "problem_type": "classification_binary",
        "metrics": ["roc_auc", "f1"],
        **by_day,
    }
    columns = ["age", "visits", "plan"]
    methods = {
        "continuous_methods": ["kolmogorov_smirnov", "wasserstein"],
        "categorical_methods": ["chi2", "l_infinity"],
    }
    made = {
        "univariate": nml.UnivariateDriftCalculator(column_names=columns, **methods, **by_day),
        "undated": nml.UnivariateDriftCalculator(column_names=columns, chunk_size=240),
        "reconstruction": nml.DataReconstructionDriftCalculator(column_names=columns, **by_day),
        "missing": nml.MissingValuesCalculator(column_names=["age", "visits"], **by_day),
        "average": nml.SummaryStatsAvgCalculator(column_names=["age"], **by_day),
        "rows": nml.SummaryStatsRowCountCalculator(**by_day),
        "realised": nml.PerformanceCalculator(**binary),
        "estimated": nml.CBPE(**binary),
    }
    results = {}
    for name, calculator in made.items():
        calculator.fit(past)
        compute = getattr(calculator, "calculate", None) or calculator.estimate
        results[name] = compute(current)
    return results


def nannyml_recorded() -> dict[str, Any]:
    """Return what the adapter reads of the results."""
    found = {}
    for name, result in nannyml().items():
        table = result.to_df()
        found[name] = {
            "module": type(result).__module__,
            "data_quality_metric": getattr(result, "data_quality_metric", None),
            "columns": [list(column) for column in table.columns],
            "rows": [
                [str(cell) if isinstance(cell, pd.Timestamp) else cell for cell in row]
                for place, row in enumerate(table.astype(object).to_numpy().tolist())
                if place == 0 or "analysis" in row
            ],
        }
    return found


def great_expectations() -> dict[str, Any]:
    """Return a validation: expectations met, unmet, of no column, and two of the same kind."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    batch = pd.DataFrame({"age": [20, 30, None, 200], "plan": ["free", "pro", "pro", "x"]})
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("customers")
    suite = context.suites.add(gx.ExpectationSuite("engagement"))
    for expectation in (
        gxe.ExpectColumnValuesToNotBeNull(column="age"),
        gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120),
        gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=250),
        gxe.ExpectColumnMeanToBeBetween(column="age", min_value=0, max_value=50),
        gxe.ExpectTableRowCountToBeBetween(min_value=1, max_value=3),
        gxe.ExpectColumnValuesToBeInSet(column="nowhere", value_set=["a"]),
        gxe.ExpectColumnMostCommonValueToBeInSet(column="plan", value_set=["pro"]),
    ):
        suite.add_expectation(expectation)
    definition = asset.add_batch_definition_whole_dataframe("whole")
    validation = gx.ValidationDefinition(name="daily", data=definition, suite=suite)
    context.validation_definitions.add(validation)
    result = validation.run(batch_parameters={"dataframe": batch})
    found: dict[str, Any] = result.to_json_dict()
    return found


def great_expectations_recorded() -> dict[str, Any]:
    """Return the same without the texts of exceptions, which name folders of a machine."""
    found = great_expectations()
    for each in found["results"]:
        info = each["exception_info"]
        raised = info.get("raised_exception", True)
        each["exception_info"] = {"a metric": {"raised_exception": True}} if raised else info
    return found


def whylogs() -> tuple[Any, Any]:
    """Return the profile of a day and that of its reference."""
    import whylogs as why

    columns = ["age", "visits", "plan"]
    current = frame(500, "2026-01-11", 6.0)[columns]
    current.loc[:2, "visits"] = np.inf
    return why.log(current), why.log(frame(500, "2026-01-01", seed=8)[columns])


def whylogs_recorded() -> dict[str, Any]:
    """Return what the adapter reads of the profile, and whylogs' scores of its drift."""
    from whylogs.viz.drift.column_drift_algorithms import (
        Hellinger,
        HellingerConfig,
        calculate_drift_scores,
    )

    current, reference = (each.view() for each in whylogs())
    hellinger = {"age": Hellinger(HellingerConfig()), "plan": Hellinger(HellingerConfig())}
    scores = {"default": {}, "hellinger": {"drift_map": hellinger}}
    return {
        "dataset_timestamp": NOON.isoformat(),
        "columns": {
            name: {
                key: value
                for key, value in column.to_summary_dict().items()
                if isinstance(value, (int, float))
            }
            for name, column in current.get_columns().items()
        },
        "scores": {
            name: calculate_drift_scores(current, reference, with_thresholds=True, **options)
            for name, options in scores.items()
        },
    }


def evidently() -> dict[str, Any]:
    """Return runs of the presets about data, classes and numbers, with scikit-learn's MAPE."""
    from evidently import BinaryClassification, DataDefinition, Dataset, Regression, Report
    from evidently.presets import (
        ClassificationPreset,
        DataDriftPreset,
        DataSummaryPreset,
        RegressionPreset,
    )
    from sklearn.metrics import mean_absolute_percentage_error

    classes = BinaryClassification(
        target="actual", prediction_labels="predicted", prediction_probas="probability"
    )
    definition = DataDefinition(
        classification=[classes],
        regression=[Regression(target="spent", prediction="spending")],
        numerical_columns=["age", "visits", "spent", "spending", "probability"],
        categorical_columns=["plan", "actual", "predicted"],
    )
    frames = [frame(400, "2026-01-11", 6.0), frame(400, "2026-01-01", seed=8)]
    current, reference = (
        Dataset.from_pandas(each.drop(columns="at"), data_definition=definition) for each in frames
    )
    presets = [ClassificationPreset(), RegressionPreset(), DataDriftPreset(columns=["age", "plan"])]
    return {
        "performance": json.loads(Report(presets).run(current, reference).json()),
        "summary": json.loads(Report([DataSummaryPreset()]).run(current, reference).json()),
        "mape": mean_absolute_percentage_error(frames[0]["spent"], frames[0]["spending"]),
    }


MAKERS: dict[str, Callable[[], Any]] = {
    "evidently": evidently,
    "great_expectations": great_expectations_recorded,
    "nannyml": nannyml_recorded,
    "whylogs": whylogs_recorded,
}

if __name__ == "__main__":
    json.dump(MAKERS[sys.argv[1]](), sys.stdout, indent=None, default=str, separators=(",", ":"))
