# Generated from tests/_async/test_model_versions.py by tools/unasync.py: edit that file, then run `make sync`.
"""Registering versions and finding them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import ModelVersionRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

EVERYTHING = {
    "model_name": "flights",
    "model_version": "2026-01",
    "stage": "staging",
    "mlflow_run_id": "run-1",
    "algorithm": "HistGradientBoostingClassifier",
    "metrics": {"roc_auc": 0.75, "brier_score": 0.125, "lift": 3},
    "hyperparameters": {"depth": 6, "nested": {"rates": [0.1, 0.2]}},
    "feature_names": ["hour", "carrier"],
    "training_samples": 27_004,
    "dataset_version": "january",
    "dataset_digest": "sha256:00ff",
    "artifact_uri": "s3://models/1",
    "metadata_uri": "s3://models/1.json",
    "tags": {"team": "ops", "reviewed": True},
    "created_by": "training job",
    "created_at": NOON,
}


REFUSED = [
    ("stage", {"stage": "live"}),
    ("model_name", {"model_name": "x" * 300}),
    ("model_name", {"model_name": ""}),
    ("model_version", {"model_version": " 1"}),
    ("metrics.roc_auc", {"metrics": {"roc_auc": 1.01}}),
    ("metrics.loss", {"metrics": {"loss": float("nan")}}),
    ("metrics", {"metrics": {"loss": "low"}}),
    ("metrics", {"metrics": [1]}),
    ("hyperparameters", {"hyperparameters": []}),
    ("tags", {"tags": "a"}),
    ("training_samples", {"training_samples": -1}),
    ("feature_names", {"feature_names": []}),
    ("feature_names", {"feature_names": ["hour", "carrier", "hour"]}),
    ("class_names", {"class_names": ["yes", "yes"]}),
    ("created_at", {"created_at": datetime(2026, 1, 1)}),
]


def test_insert_without_a_version_takes_the_next_number(
    models: ModelVersionRepository,
) -> None:
    for expected in ("1", "2", "3"):
        made = models.insert(model_name="m")
        version = models.get(id=made)
        assert version is not None
        assert version.model_version == expected
    models.insert(model_name="m", model_version="2026-01-rc")
    models.insert(model_name="m", model_version="41")
    made = models.insert(model_name="m")
    found = models.get(model_name="m", model_version="42")
    assert found is not None
    assert found.id == made


def test_numbers_are_counted_for_each_model(models: ModelVersionRepository) -> None:
    models.insert(model_name="m", model_version="7")
    made = models.get(id=models.insert(model_name="other"))
    assert made is not None
    assert made.model_version == "1"


def test_insert_keeps_every_field(models: ModelVersionRepository) -> None:
    made = models.insert(**EVERYTHING)
    version = models.get(id=made)
    assert version is not None
    assert {name: getattr(version, name) for name in EVERYTHING} == EVERYTHING
    assert (version.roc_auc, version.brier_score, version.accuracy) == (0.75, 0.125, None)
    assert (version.promoted_at, version.promoted_by) == (None, None)


def test_insert_fills_in_what_is_left_out(models: ModelVersionRepository) -> None:
    version = models.get(id=models.insert(model_name="m"))
    assert version is not None
    assert (version.metrics, version.hyperparameters, version.tags) == ({}, {}, {})
    assert version.stage == "development"
    assert version.created_by
    assert abs(datetime.now(UTC) - version.created_at) < timedelta(minutes=1)


def test_the_stage_is_accepted_in_any_case(models: ModelVersionRepository) -> None:
    version = models.get(id=models.insert(model_name="m", stage="Staging"))
    assert version is not None
    assert version.stage == "staging"


def test_a_version_cannot_be_inserted_into_production(
    models: ModelVersionRepository,
) -> None:
    with pytest.raises(PromotionRefused, match=r"promote\(\)"):
        models.insert(model_name="m", stage="Production")
    assert models.list_versions() == []


def test_inserting_again_with_the_same_id_returns_it(
    models: ModelVersionRepository,
) -> None:
    given = new_id()
    for _ in range(2):
        assert models.insert(model_name="m", id=given) == given
    # The number is taken once: a retry must not use up another.
    assert [v.model_version for v in models.list_versions()] == ["1"]


def test_an_id_of_another_version_is_a_conflict(models: ModelVersionRepository) -> None:
    given = models.insert(model_name="m", model_version="1")
    with pytest.raises(Conflict, match=r"^id: already names another version"):
        models.insert(model_name="m", model_version="2", id=given)
    with pytest.raises(Conflict, match=r"^id: already names another version"):
        models.insert(model_name="other", model_version="1", id=given)
    assert len(models.list_versions()) == 1


def test_a_version_is_registered_once(models: ModelVersionRepository) -> None:
    models.insert(model_name="m", model_version="1")
    with pytest.raises(Conflict, match="already registered"):
        models.insert(model_name="m", model_version="1")


def test_a_refused_value_is_named(models: ModelVersionRepository) -> None:
    for field, values in REFUSED:
        with pytest.raises(InvalidValue) as refusal:
            models.insert(**{"model_name": "m", **values})
        assert refusal.value.field == field
        assert models.list_versions() == []


def test_get_returns_none_for_what_is_not_there(models: ModelVersionRepository) -> None:
    assert models.get(id=new_id()) is None
    assert models.get(model_name="m", model_version="1") is None


def test_get_takes_an_id_or_name_and_number(models: ModelVersionRepository) -> None:
    name, number = {"model_name": "m"}, {"model_version": "1"}
    for half in ({}, name, number, {**name, **number, "id": new_id()}):
        with pytest.raises(InvalidValue, match=r"^id: give either"):
            models.get(**half)


def test_lists_can_be_narrowed(models: ModelVersionRepository) -> None:
    red, blue = {"colour": "red"}, {"colour": "blue", "size": 1}
    first = models.insert(model_name="m", tags=red, stage="staging")
    second = models.insert(model_name="m", tags=blue)
    third = models.insert(model_name="other", tags=red)

    def found(**filters: object) -> list[object]:
        return [version.id for version in models.list_versions(**filters)]

    assert found() == [third, second, first]
    assert found(model_name="m") == [second, first]
    assert found(stage="STAGING") == [first]
    assert found(tags=red) == [third, first]
    assert found(tags=blue, model_name="m") == [second]
    assert found(tags={"colour": "green"}) == []


def test_pages_hold_every_version_once(models: ModelVersionRepository) -> None:
    # Most at one timestamp, so that the id has to break the tie.
    made = [
        (hour, models.insert(model_name="m", created_at=NOON + timedelta(hours=hour)))
        for hour in (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2)
    ]
    seen, before = [], None
    while page := models.list_versions(model_name="m", limit=3, before=before):
        assert len(page) <= 3
        assert before not in [version.id for version in page]
        seen += [version.id for version in page]
        before = page[-1].id
    assert seen == [made_id for _, made_id in sorted(made, reverse=True)]


def test_a_page_has_1_to_1000_rows(models: ModelVersionRepository) -> None:
    for limit in (0, -1, 1001, True, 2.5):
        for page in (models.list_versions, models.timeline):
            with pytest.raises(InvalidValue, match=r"^limit: "):
                page(limit=limit)


def test_tags_are_merged_and_taken_away(models: ModelVersionRepository) -> None:
    made = models.insert(model_name="m", tags={"a": 1, "b": 2})
    changes = {"model_name": "m", "model_version": "1"}
    assert models.set_tags(**changes, tags={"b": 3, "c": "x"}) == {"a": 1, "b": 3, "c": "x"}
    assert models.set_tags(**changes, tags={"a": None}) == {"b": 3, "c": "x"}
    version = models.get(id=made)
    assert version is not None
    assert version.tags == {"b": 3, "c": "x"}


def test_tags_of_a_tag_are_left_alone(models: ModelVersionRepository) -> None:
    models.insert(model_name="m", tags={"owner": {"team": "ops", "phone": None}})
    found = models.set_tags(model_name="m", model_version="1", tags={"x": {"y": None}})
    assert found == {"owner": {"team": "ops", "phone": None}, "x": {"y": None}}


def test_tags_must_be_an_object(models: ModelVersionRepository) -> None:
    models.insert(model_name="m", tags={"a": 1})
    for wrong in ([1], "text", 5, None):
        with pytest.raises(InvalidValue, match=r"^tags: "):
            models.set_tags(model_name="m", model_version="1", tags=wrong)
    found = models.get(model_name="m", model_version="1")
    assert found is not None
    assert found.tags == {"a": 1}


def test_tags_of_an_unknown_version_are_not_found(
    models: ModelVersionRepository,
) -> None:
    with pytest.raises(NotFound, match="model m has no version 1"):
        models.set_tags(model_name="m", model_version="1", tags={"a": 1})


def test_a_registration_is_corrected_while_nothing_refers_to_it(
    models: ModelVersionRepository,
) -> None:
    models.insert(model_name="m", class_names=["a", "b"], metrics={"rmse": 2})
    kept = models.get(model_name="m", model_version="1")
    version = models.correct(
        model_name="m", model_version="1", algorithm="trees", metrics={"rmse": 1}
    )
    assert kept is not None
    assert (version.algorithm, version.rmse) == ("trees", 1)
    assert (version.id, version.class_names) == (kept.id, kept.class_names)
    version = models.correct(model_name="m", model_version="1", class_names=["x", "y", "z"])
    assert (version.task, version.class_names, version.positive_label) == (
        "multiclass",
        ["x", "y", "z"],
        None,
    )
    assert version == models.get(model_name="m", model_version="1")
    with pytest.raises(InvalidValue, match="roc_auc"):
        models.correct(model_name="m", model_version="1", metrics={"roc_auc": 2})
    with pytest.raises(InvalidValue, match="feature_names: names a feature twice"):
        models.correct(model_name="m", model_version="1", feature_names=["a", "a"])
    with pytest.raises(NotFound, match="model m has no version 7"):
        models.correct(model_name="m", model_version="7", algorithm="trees")
    models.promote(model_name="m", model_version="1", slot="shadow")
    with pytest.raises(Conflict, match="model_deployments \\(1\\)"):
        models.correct(model_name="m", model_version="1", algorithm="linear")


def test_a_number_is_given_once(models: ModelVersionRepository) -> None:
    given = new_id()
    for number in ("1", "9"):
        models.insert(model_name="m", model_version=number)
    models.insert(model_name="m", model_version="10", metrics={"rmse": 1}, id=given)
    named = {"model_name": "m", "model_version": "10"}
    withdrawn = models.withdraw(**named, withdrawn_by="ann", reason="wrong data")
    assert (withdrawn.id, withdrawn.withdrawn_by, withdrawn.reason) == (given, "ann", "wrong data")
    assert withdrawn.registered["metrics"] == {"rmse": 1}
    assert models.withdraw(**named, withdrawn_by="bob") == withdrawn
    assert models.get(**named) is None
    for again in (named, {"model_name": "m", "id": given}):
        with pytest.raises(Conflict, match="was withdrawn"):
            models.insert(**again)
    with pytest.raises(Conflict, match="was withdrawn"):
        models.get_or_insert(**named)
    assert (models.register(model_name="m")).model_version == "11"
    with pytest.raises(NotFound, match="model m has no version 7"):
        models.withdraw(model_name="m", model_version="7")
    with pytest.raises(InvalidValue, match="withdrawn_by"):
        models.withdraw(model_name="m", model_version="9", withdrawn_by=" ")


def test_register_returns_the_version(models: ModelVersionRepository) -> None:
    given = new_id()
    made = models.register(**EVERYTHING, id=given)
    assert {name: getattr(made, name) for name in EVERYTHING} == EVERYTHING
    assert made == models.get(id=given)
    assert models.register(**EVERYTHING, id=given) == made
    assert (models.register(model_name="flights")).model_version == "1"
    with pytest.raises(Conflict):
        models.register(model_name="flights", model_version="1")


@pytest.mark.parametrize(
    ("class_names", "positive"),
    [
        ([0, 1], "1"),
        ([1, 0], "1"),
        ([1, -1], "1"),
        ([True, False], "1"),
        (["true", "false"], "true"),
        (["True", "False"], "True"),
        (["yes", "no"], "no"),
        ([1, 2], "2"),
        ([2, 1], "1"),
        (["1.0", "0.0"], "0.0"),
    ],
    ids=str,
)
def test_the_positive_class_is_one_or_true_else_the_second(
    models: ModelVersionRepository, class_names: list[Any], positive: str
) -> None:
    found = models.register(model_name="m", class_names=class_names)
    assert (found.task, found.positive_label) == ("binary", positive)
