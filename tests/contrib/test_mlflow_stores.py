"""Several MLflow stores come into one ledger, and none moves what is another's."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")
from fix_mlflow import Store, open_store

from mlops_ledger import Database, ModelsRepository, ModelVersionRepository
from mlops_ledger.cli import main
from mlops_ledger.contrib.mlflow import import_mlflow, mirror
from mlops_ledger.errors import Conflict, InvalidValue, LedgerError

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two stores whose models and numbers are the same, and whose versions are not."""
    with ExitStack() as stack:
        made = []
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            made.append(stack.enter_context(open_store(folder)))
        for number, store in enumerate(made, 1):
            store.client.create_registered_model("m", {"of": str(number)}, f"store {number}")
            for version in (1, 2):
                run = store.run(metrics={"r2": [(1, number / 4)]}) if version == 1 else None
                store.client.create_model_version("m", f"s3://{number}/{version}", run)
        yield made[0], made[1]


def held(db: Database, slot: str) -> tuple[str, str] | None:
    """Return number and place of the version in a slot."""
    models = ModelVersionRepository(db)
    found = models.production_at(model_name="m", slot=slot)
    row = found and models.get(model_name="m", model_version=found.model_version)
    return row and (row.model_version, row.artifact_uri or "")


def test_a_store_moves_only_the_slots_of_its_versions(
    db: Database, stores: tuple[Store, Store]
) -> None:
    one, two = stores
    one.client.set_registered_model_alias("m", "champion", 1)
    one.client.set_registered_model_alias("m", "own", 2)
    one.client.transition_model_version_stage("m", "2", "Production")
    two.client.set_registered_model_alias("m", "champion", 2)
    two.client.create_model_version("m", "s3://2/3")
    two.client.transition_model_version_stage("m", "3", "Production")
    two.client.set_registered_model_alias("m", "free", 3)
    import_mlflow(db, one.uri)
    done = import_mlflow(db, two.uri)
    assert (done.versions.new, done.versions.unchanged, done.versions.refused) == (1, 0, 2)
    assert done.changes == ["m: version 3 is in slot free"]
    assert [held(db, slot) for slot in ("champion", "own", "production", "free")] == [
        ("1", "s3://1/1"), ("2", "s3://1/2"), ("2", "s3://1/2"), ("3", "s3://2/3"),
    ]  # fmt: skip
    run = ModelVersionRepository(db).get(model_name="m", model_version="1")
    assert run is not None
    assert [str(each) for each in done.deviations] == [
        "m: model: the ledger has another of that name; its description and tags stay",
        f"m 1: version: the ledger has another of that number, of run {run.mlflow_run_id};"
        " not imported",
        "m 2: version: the ledger has another of that number; not imported",
        "m: alias champion: version 2 was not imported; not imported",
        "m: slot production: MLflow has version 3 there, and the ledger 2 of elsewhere;"
        " left as it is",
    ]
    # Each goes on with what is its own.
    one.client.set_registered_model_alias("m", "champion", 2)
    one.client.delete_registered_model_alias("m", "own")
    two.client.delete_registered_model_alias("m", "free")
    assert import_mlflow(db, one.uri).changes == [
        "m: version 2 is in slot champion", "m: slot own was emptied",
    ]  # fmt: skip
    assert import_mlflow(db, two.uri).changes == ["m: slot free was emptied"]


def test_a_store_describes_only_its_models(db: Database, stores: tuple[Store, Store]) -> None:
    for store in (*stores, *stores):
        import_mlflow(db, store.uri)
    model = ModelsRepository(db).get(model_name="m")
    assert model is not None
    assert (model.description, model.tags) == ("store 1", {"of": "1"})


def test_what_another_store_lacks_was_not_deleted(
    db: Database, stores: tuple[Store, Store]
) -> None:
    one, two = stores
    for _ in range(3):
        one.client.create_model_version("m", "s3://1/more")
    one.client.set_registered_model_alias("m", "champion", 5)
    import_mlflow(db, one.uri)
    done = import_mlflow(db, two.uri)
    assert not any("has it no more" in str(each) for each in done.deviations)
    assert held(db, "champion") == ("5", "s3://1/more")
    # What the store itself has deleted leaves its slots.
    one.client.delete_model_version("m", "5")
    assert import_mlflow(db, one.uri).changes == ["m: slot champion was emptied"]


def test_a_version_that_somebody_registered_is_no_version_of_mlflow(
    db: Database, stores: tuple[Store, Store]
) -> None:
    models = ModelVersionRepository(db)
    models.insert(model_name="m", model_version="2", description="mine", tags={"a": "b"})
    stores[0].client.update_model_version("m", "2", "theirs")
    done = import_mlflow(db, stores[0].uri)
    assert (done.versions.new, done.versions.refused) == (1, 1)
    mine = models.get(model_name="m", model_version="2")
    assert mine is not None
    assert (mine.description, mine.tags) == ("mine", {"a": "b"})


def test_a_mirror_says_what_it_could_not_bring(db: Database, stores: tuple[Store, Store]) -> None:
    import mlflow

    one, two = stores
    import_mlflow(db, one.uri)
    mlflow.set_tracking_uri(two.uri)
    run = two.client.get_model_version("m", "1").run_id
    two.client.create_model_version("m", "s3://2/3", run)
    with pytest.raises(Conflict, match="m 1: the ledger has another of that number"):
        mirror(run_id=run, db=db)
    assert ModelVersionRepository(db).get(model_name="m", model_version="3") is not None
    assert [each.model_version for each in mirror(model_name="m", model_version=3, db=db)] == ["3"]
    rows = [{"name": "m", "version": 3, "key": "k", "value": "x" * 1_100_000}]
    two.client.create_model_version("m", "s3://2/4")
    two.rows("model_version_tags", [{**rows[0], "version": 4}])
    with pytest.raises(InvalidValue, match="longer"):
        mirror(model_name="m", model_version=4, db=db)


def test_a_store_that_fails_has_not_lost_its_runs(
    db: Database, stores: tuple[Store, Store]
) -> None:
    import mlflow

    store = stores[0]
    mlflow.set_tracking_uri(store.uri)
    run = store.client.get_model_version("m", "1").run_id
    store.execute("DROP TABLE runs")
    with pytest.raises(LedgerError, match="no such table"):
        mirror(run_id=run, db=db)
    assert ModelVersionRepository(db).list_versions() == []


@pytest.mark.parametrize("content", [":::garbage", "", "- 1", "name: m"])
def test_a_folder_that_is_damaged_is_said_in_a_line(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    (tmp_path / "models" / "m" / "version-1").mkdir(parents=True)
    for place in ("", "version-1"):
        (tmp_path / "models" / "m" / place / "meta.yaml").write_text(content)
    with pytest.raises(LedgerError) as caught:
        import_mlflow(db, str(tmp_path))
    assert "\n" not in str(caught.value)
    # MLflow leaves folders open that it was reading.
    del caught
    gc.collect()


@pytest.mark.parametrize("command", ["import", "sync"])
def test_the_exit_code_tells_that_something_was_not_imported(
    dsn: str,
    stores: tuple[Store, Store],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)

    def run(*arguments: str) -> tuple[Any, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return ended.value.code, capsys.readouterr().out

    assert run(command, "mlflow", stores[0].uri)[0] == 0
    code, shown = run(command, "mlflow", stores[1].uri)
    assert code == 1
    assert "0 new, 0 changed, 0 unchanged, 2 refused" in shown
    code, shown = run(command, "mlflow", stores[1].uri, "--json")
    assert (code, json.loads(shown)["versions"]["refused"]) == (1, 2)
