# Generated from tests/_async/test_lenders.py by tools/unasync.py: edit that file, then run `make sync`.
"""What a repository takes to reach the database, and how it and the database show themselves."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.connection.config import Settings
from mlops_ledger.errors import InvalidValue


@pytest.mark.parametrize("given", ["postgresql://db/prod", 5, object(), dict])
def test_what_lends_no_connections_is_refused(given: Any) -> None:
    with pytest.raises(InvalidValue, match="must be a database or a transaction"):
        ModelVersionRepository(given)


def test_a_class_is_no_database() -> None:
    with pytest.raises(InvalidValue, match="not the class Database"):
        ModelVersionRepository(Database)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="not the class Database"):
        Database(Database)  # type: ignore[arg-type]


def test_the_two_worlds_are_not_mixed(db: Database) -> None:
    package = Database.__module__.split(".")[1]
    # Spelt so that the twin of this test does not change it.
    other = "_sync" if package.startswith("_a") else "_a" + "sync"
    names = {"connection": lambda self: None, "__module__": f"mlops_ledger.{other}.database"}
    stranger = type("Stranger", (), names)
    with pytest.raises(InvalidValue, match="synchronous and the repository is not"):
        ModelVersionRepository(stranger())
    ModelVersionRepository(db)


def test_settings_of_another_kind_are_refused() -> None:
    with pytest.raises(InvalidValue, match="must be Settings or a connection string, not dict"):
        Database({"host": "db"})  # type: ignore[arg-type]


def test_what_they_are_is_seen_without_a_password() -> None:
    database = Database(Settings(conninfo="postgresql://me:Pl4nted@db.example/prod"))
    shown = repr(ModelVersionRepository(database))
    assert shown.endswith("Database not yet open: db.example:5432/prod>)")
    assert "Pl4nted" not in shown


def test_a_version_that_is_no_text_is_named(
    models: ModelVersionRepository, predictions: PredictionsRepository
) -> None:
    models.insert(model_name="m")
    with pytest.raises(InvalidValue, match="model_name"):
        predictions.insert_many(rows=[{"prediction": 1.0}], model_name=[], model_version="1")
    with pytest.raises(InvalidValue, match="status"):
        row = {"prediction": 1.0, "status": []}
        predictions.insert_many(rows=[row], model_name="m", model_version="1")
