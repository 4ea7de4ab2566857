"""Registers the versions of the model, as the end of a training pipeline would."""

from __future__ import annotations

from mlops_ledger import Database, ModelVersionRepository

from . import model


def register(db: Database) -> str:
    """Register what is missing, put the first version into production; return what is live."""
    with db.transaction() as tx:
        versions = ModelVersionRepository(tx)
        for version, recipe in model.RECIPES.items():
            if versions.get(model_name=model.MODEL_NAME, model_version=version) is None:
                versions.insert(
                    model_name=model.MODEL_NAME,
                    model_version=version,
                    algorithm=model.ALGORITHM,
                    hyperparameters=recipe,
                    metrics=model.evaluate(version),
                    task="binary",
                    class_names=model.CLASSES,
                    training_samples=len(model.split()[0][0]),
                    dataset_version="vaderSentiment 3.3.2",
                    dataset_digest=model.digest(),
                )
        live = versions.production_at(model_name=model.MODEL_NAME)
        if live is None:
            live = versions.promote(
                model_name=model.MODEL_NAME, model_version="1", reason="the first version"
            )
    return live.model_version
