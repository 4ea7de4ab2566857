"""Names of MLflow that the ledger does not take, or takes for others, keep nothing else out."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")
from fix_mlflow import NEW_YEAR, open_store

from mlops_ledger import Database, ModelsRepository, ModelVersionRepository
from mlops_ledger.contrib.mlflow import import_mlflow, mapping, mirror
from mlops_ledger.errors import Conflict

pytestmark = pytest.mark.filterwarnings("ignore")


def test_names_are_mended_exactly_where_the_database_refuses_them(conn: psycopg.Connection) -> None:
    chars = [code for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF]
    query = (
        "SELECT code FROM unnest(%s::int[]) code WHERE NOT ledger_is_name('a' || chr(code) || 'b')"
    )
    refused = [code for (code,) in conn.execute(query, [chars])]
    assert refused == [code for code in chars if mapping.name(f"a{chr(code)}b") != f"a{chr(code)}b"]


def test_a_name_that_nobody_sees_is_mended(db: Database, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for name in ("a\u200bb", "\u202e", "\u00a0 c"):
            store.rows("registered_models", [{"name": name, "creation_time": NEW_YEAR}])
        run = store.run()
        value = {"run_uuid": run, "key": "r2\u2060", "value": 0.5, "timestamp": NEW_YEAR}
        for table in ("metrics", "latest_metrics"):
            store.rows(table, [{**value, "step": 0, "is_nan": False}])
        store.client.create_model_version("a\u200bb", "s3://1", run)
        done = import_mlflow(db, store.uri)
        assert (done.models.new, done.versions.new, done.metrics_stored) == (3, 1, 1)
        assert import_mlflow(db, store.uri).models.unchanged == 3
    said = "\n".join(map(str, done.deviations))
    for part in ("model 'a\\u200bb': is no name; is model a b-", "metric r2\u2060: is no name"):
        assert part in said


def test_a_model_that_looks_like_another_is_listed(db: Database, tmp_path: Path) -> None:
    import mlflow

    with open_store(tmp_path) as store:
        for name in ("pay", "p\u0430y", "other"):
            store.client.create_registered_model(name)
            store.client.create_model_version(name, "s3://1")
        store.client.create_model_version("p\u0430y", "s3://2")
        store.client.set_registered_model_alias("p\u0430y", "champion", 1)
        done = import_mlflow(db, store.uri)
        mlflow.set_tracking_uri(store.uri)
        with pytest.raises(Conflict, match="looks like that of another model"):
            mirror(model_name="p\u0430y", model_version=1, db=db)
    assert (done.models.new, done.models.refused) == (2, 1)
    assert (done.versions.new, done.versions.refused, done.changes) == (2, 2, [])
    [said] = map(str, done.deviations)
    assert said.startswith("p\u0430y: model: model_name: looks like that of another model")
    assert [each.model_name for each in ModelsRepository(db).list_models()] == ["other", "pay"]
    assert len(ModelVersionRepository(db).list_versions()) == 2
