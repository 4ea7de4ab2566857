"""An MLflow store with all its oddities comes into the ledger, once and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")
from fix_mlflow import HOUR, LONG, MODEL, NEW_YEAR, Store, open_store
from mlflow.version import VERSION

from mlops_ledger import (
    Database,
    ModelsRepository,
    ModelVersionRepository,
    PerformanceMetricsRepository,
)
from mlops_ledger.cli import main
from mlops_ledger.contrib.mlflow import MlflowImport, import_mlflow, mirror
from mlops_ledger.errors import LedgerError, NotFound

pytestmark = pytest.mark.filterwarnings("ignore")
START = datetime(2026, 1, 1, tzinfo=UTC)
INFINITE = 1.7976931348623157e308


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with one model of five versions, one of odd names, and runs beside them."""
    with open_store(tmp_path_factory.mktemp("mlflow")) as store:
        store.client.create_experiment("e")
        store.client.create_registered_model(MODEL, {"team": "crm"}, "Who will leave.")
        store.client.create_registered_model("described only", {}, "No version yet.")
        _runs(store)
        _oddities(store)
        yield store


def _runs(store: Store) -> None:
    client = store.client
    good = store.run(
        name="good",
        params={"depth": "6"},
        metrics={"roc_auc": [(1, 0.5), (2, 0.75)], "accuracy": [(1, 93.2)]},
        tags={"estimator_name": "Trees", "mlflow.user": "ann"},
    )
    odd = store.run(
        name="odd",
        metrics={
            "loss": [(0, float("nan")), (1, 0.5), (2, float("nan"))],
            "gain": [(0, float("inf")), (1, 1e200), (2, 3.0)],
        },
    )
    deleted = store.run(metrics={"f1_score": [(0, 0.5)]})
    client.create_model_version(
        MODEL, "s3://models/1", good, {"reviewed": "yes"}, description="one"
    )
    client.create_model_version(MODEL, "s3://models/2", odd)
    client.create_model_version(MODEL, "s3://models/3", deleted)
    client.create_model_version(MODEL, "s3://models/4")
    client.create_model_version(MODEL, "s3://models/5", good)
    client.delete_model_version(MODEL, "3")
    client.create_model_version(MODEL, "s3://models/6", deleted)
    client.delete_run(deleted)
    store.run(name="no version")
    client.set_registered_model_alias(MODEL, "Champion", 5)
    client.set_registered_model_alias(MODEL, "challenger", 6)


def _oddities(store: Store) -> None:
    run = f"{7:032x}"
    store.rows(
        "datasets",
        [{"dataset_uuid": "d", "experiment_id": 0, "name": "orders", "digest": "00ff",
          "dataset_source_type": "s3", "dataset_source": "{}"}],
    )  # fmt: skip
    good = store.client.get_model_version(MODEL, "1").run_id
    store.rows(
        "inputs",
        [{"input_uuid": "i", "source_type": "DATASET", "source_id": "d",
          "destination_type": "RUN", "destination_id": good}],
    )  # fmt: skip
    store.rows(
        "runs",
        [{"run_uuid": run, "name": "old", "source_type": "LOCAL", "source_name": "",
          "entry_point_name": "", "user_id": "bob", "status": "FINISHED", "start_time": NEW_YEAR,
          "end_time": NEW_YEAR, "source_version": "", "lifecycle_stage": "active",
          "artifact_uri": "s3://runs/7", "experiment_id": 0}],
    )  # fmt: skip
    values = [("at nought", 1.5, 0), (f" {LONG}", 2.5, NEW_YEAR), ("far", 3.5, 10**17)]
    for table in ("metrics", "latest_metrics"):
        store.rows(
            table,
            [{"run_uuid": run, "key": key, "value": value, "timestamp": at, "step": 3,
              "is_nan": False} for key, value, at in values],
        )  # fmt: skip
    store.rows("registered_models", [{"name": f" {LONG} ", "creation_time": 0}])
    store.rows(
        "model_versions",
        [{"name": f" {LONG} ", "version": 12, "creation_time": 0, "run_id": run,
          "current_stage": "Archived", "source": "s3://models/12"}],
    )  # fmt: skip
    for version, stage in ((1, "Production"), (2, "Production"), (4, "Staging")):
        store.client.transition_model_version_stage(MODEL, str(version), stage)
        store.touch(version, NEW_YEAR + version * HOUR)


@pytest.fixture
def done(db: Database, store: Store) -> MlflowImport:
    """What importing the store has done."""
    return import_mlflow(db, store.uri)


def version(db: Database, number: str, name: str = MODEL) -> Any:
    """Return a version that must be there."""
    found = ModelVersionRepository(db).get(model_name=name, model_version=number)
    assert found is not None
    return found


def test_everything_has_a_home(db: Database, store: Store, done: MlflowImport) -> None:
    assert (done.models.new, done.versions.new, done.metrics_stored) == (3, 6, 12)
    model = ModelsRepository(db).get(model_name=MODEL)
    assert model is not None
    assert (model.description, model.tags) == ("Who will leave.", {"team": "crm"})
    described = ModelsRepository(db).get(model_name="described only")
    assert described is not None
    assert described.description == "No version yet."
    one = version(db, "1")
    run = store.client.get_model_version(MODEL, "1").run_id
    assert (one.mlflow_run_id, one.description, one.artifact_uri) == (run, "one", "s3://models/1")
    assert (one.hyperparameters, one.metrics, one.algorithm) == (
        {"depth": "6"}, {"roc_auc": 0.75}, "Trees",
    )  # fmt: skip
    assert (one.dataset_version, one.dataset_digest) == ("orders", "00ff")
    assert one.tags["reviewed"] == "yes"
    kept = one.tags["mlflow"]
    assert (kept["run"]["name"], kept["run"]["status"], kept["stage"]) == (
        "good", "FINISHED", "Production",
    )  # fmt: skip
    assert kept["metrics"] == {"accuracy": 93.2}
    ModelVersionRepository(db).insert(model_name=MODEL)
    assert version(db, "7").metrics == {}


def test_series_keep_their_steps(db: Database, done: MlflowImport) -> None:
    metrics = PerformanceMetricsRepository(db)
    found = metrics.list_metrics(model_name=MODEL, model_version="1", metric_name="roc_auc")
    assert [(each.metric_value, each.step, each.timestamp) for each in found] == [
        (0.75, 2, START + timedelta(hours=2)),
        (0.5, 1, START + timedelta(hours=1)),
    ]
    assert {each.stage for each in found} == {"training"}
    [accuracy] = metrics.list_metrics(model_name=MODEL, model_version="5", metric_name="accuracy")
    assert accuracy.metric_value == 93.2


def test_history_is_answered_as_far_as_mlflow_knows_it(db: Database, done: MlflowImport) -> None:
    models = ModelVersionRepository(db)

    def at(hours: float, slot: str = "production") -> str | None:
        held = models.production_at(model_name=MODEL, at=START + timedelta(hours=hours), slot=slot)
        return held.model_version if held else None

    assert [at(0.5), at(1.5), at(2.5)] == [None, "1", "2"]
    assert at(4.5, "staging") == "4"
    now = {
        slot: held.model_version
        for slot in ("production", "staging", "champion", "challenger")
        if (held := models.production_at(model_name=MODEL, slot=slot))
    }
    assert now == {"production": "2", "staging": "4", "champion": "5", "challenger": "6"}
    assert [version(db, number).stage for number in "12456"] == [
        "archived", "production", "staging", "development", "development",
    ]  # fmt: skip


def test_what_is_otherwise_is_reported(db: Database, done: MlflowImport) -> None:
    said = "\n".join(map(str, done.deviations))
    for part in (
        "churn 1: metric accuracy: 93.2 must be between 0 and 1; kept among the tags",
        "churn 2: metric loss: the last value is NaN; kept among the tags",
        "churn 2: metric loss: 2 values are NaN; not in the series",
        "churn 2: metric gain: 1 values are Infinity; not in the series",
        "churn 2: metric gain: 1 values are beyond 1e+150; not in the series",
        "churn: stage production: holds versions 1, 2; one follows the other in the slot",
        "churn: alias Champion: is no name of a slot; is the slot champion",
        "is deleted; kept all the same",
        "creation time: 0 is none; another time is taken",
        "metric at nought: 1 values have no usable time; stored at that of the run",
        "metric far: 1 values have no usable time; stored at that of the run",
        "runs: 1 made no version; not imported",
    ):
        assert part in said, part
    [long] = [each.model_name for each in done.deviations if "is no name; is model" in str(each)]
    assert long is not None
    assert len(long) == 255
    odd = version(db, "12", long)
    assert (odd.stage, odd.created_at) == ("archived", START)
    assert version(db, "2").tags["mlflow"]["metrics"] == {"loss": "NaN"}


def test_a_second_import_adds_nothing(db: Database, store: Store, done: MlflowImport) -> None:
    again = import_mlflow(db, store.uri)
    assert (again.models.unchanged, again.versions.unchanged) == (3, 6)
    assert (again.metrics_stored, again.metrics_duplicates) == (0, 12)
    assert (again.deployments, again.changes) == (0, [])


def test_aliases_that_become_one_slot_follow_one_another(db: Database, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.client.create_registered_model("m")
        for number, alias in ((1, "Best"), (2, "best"), (3, "BEST")):
            store.client.create_model_version("m", f"s3://{number}")
            store.client.set_registered_model_alias("m", alias, number)
        done = import_mlflow(db, store.uri)
        timeline = ModelVersionRepository(db).timeline(model_name="m", slot="best")
        assert [each.model_version for each in timeline] == ["2", "1", "3"]
        said = "\n".join(map(str, done.deviations))
        assert "m: slot best: is of versions 3, 1; one follows the other in the slot" in said
        assert "m: slot best: is of versions 3, 1, 2; one follows the other in the slot" in said
        assert import_mlflow(db, store.uri).deployments == 0


def test_a_number_that_mlflow_has_deleted_is_not_given_again(db: Database, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        client = store.client
        client.create_registered_model("m")
        for number in range(1, 6):
            client.create_model_version("m", f"s3://{number}")
        client.delete_model_version("m", "5")
        client.delete_model_version("m", "2")
        done = import_mlflow(db, store.uri)
        assert done.versions.new == 3
        gone = [str(each) for each in done.deviations]
        assert gone == [
            f"m {number}: version: is deleted in MLflow; its number stays taken"
            for number in ("2", "5")
        ]
        models = ModelVersionRepository(db)
        models.insert(model_name="m")
        assert [each.model_version for each in models.list_versions(model_name="m")] == [
            "6", "4", "3", "1",
        ]  # fmt: skip
        # What is deleted later stays, and the report says so.
        client.delete_model_version("m", "3")
        again = import_mlflow(db, store.uri)
        assert version(db, "3", "m").artifact_uri == "s3://3"
        assert [str(each) for each in again.deviations] == [
            "m 3: version: MLflow has it no more; the ledger's stays",
            *gone,
        ]
        assert (again.versions.new, again.changes) == (0, [])


def test_a_dry_run_says_the_same_and_writes_nothing(db: Database, store: Store) -> None:
    dry = import_mlflow(db, store.uri, dry_run=True)
    assert ModelsRepository(db).list_models() == []
    assert import_mlflow(db, store.uri) == dry


def test_what_changes_in_mlflow_is_followed(db: Database, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        client = store.client
        client.create_registered_model("m")
        for number in (1, 2):
            run = store.run(metrics={"rmse": [(1, float(number))]})
            client.create_model_version("m", f"s3://{number}", run, {"old": "x"})
        client.set_registered_model_alias("m", "champion", 1)
        client.set_registered_model_alias("m", "gone", 1)
        client.set_registered_model_alias("m", "own", 1)
        import_mlflow(db, store.uri)
        models = ModelVersionRepository(db)
        models.promote(model_name="m", model_version="2", slot="own", promoted_by="eve")
        client.update_registered_model("m", "described")
        client.update_model_version("m", "1", "first")
        client.delete_model_version_tag("m", "1", "old")
        client.set_model_version_tag("m", "1", "new", "y")
        client.set_registered_model_alias("m", "champion", 2)
        client.delete_registered_model_alias("m", "gone")
        client.log_metric(run, "rmse", 0.5, NEW_YEAR + 9 * HOUR, 9)
        client.transition_model_version_stage("m", "1", "Staging")
        done = import_mlflow(db, store.uri)
    assert (done.models.changed, done.versions.changed, done.metrics_stored) == (1, 1, 1)
    one = version(db, "1", "m")
    assert (one.description, one.stage) == ("first", "staging")
    assert ("old" in one.tags, one.tags["new"]) == (False, "y")
    held = {slot: models.production_at(model_name="m", slot=slot) for slot in ("champion", "gone")}
    assert held["champion"] is not None
    assert (held["champion"].model_version, held["gone"]) == ("2", None)
    assert any("slot own: MLflow has version 1 there" in str(each) for each in done.deviations)


def test_a_version_of_another_origin_stays(db: Database, store: Store) -> None:
    ModelVersionRepository(db).insert(model_name=MODEL, model_version="1", mlflow_run_id="other")
    done = import_mlflow(db, store.uri)
    assert version(db, "1").mlflow_run_id == "other"
    assert any("the ledger has another of that number" in str(each) for each in done.deviations)


def test_a_version_that_is_too_large_keeps_no_other_out(db: Database, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        client = store.client
        client.create_registered_model("m")
        client.create_model_version("m", "s3://1")
        client.create_model_version("m", "s3://2")
        rows = [{"name": "m", "version": 1, "key": "k", "value": "x" * 1_100_000}]
        store.rows("model_version_tags", rows)
        done = import_mlflow(db, store.uri)
    assert [row.model_version for row in ModelVersionRepository(db).list_versions()] == ["2"]
    assert any("is longer than" in str(each) for each in done.deviations)


def test_a_policy_is_not_passed_by(db: Database, store: Store) -> None:
    ModelsRepository(db).insert(model_name=MODEL)
    ModelVersionRepository(db).set_promotion_policy(model_name=MODEL, requires_approval=True)
    done = import_mlflow(db, store.uri)
    assert ModelVersionRepository(db).production_at(model_name=MODEL) is None
    assert any("requires an approval" in str(each) for each in done.deviations)


def test_a_run_is_mirrored_in_a_call(
    db: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    mlflow.set_tracking_uri(store.uri)
    run = store.client.get_model_version(MODEL, "1").run_id
    assert [each.model_version for each in mirror(run_id=run, db=db)] == ["1", "5"]
    [six] = mirror(model_name=MODEL, model_version=6, db=db)
    assert six.tags["mlflow"]["run"]["lifecycle_stage"] == "deleted"
    assert import_mlflow(db, store.uri).versions.new == 3
    with pytest.raises(NotFound):
        mirror(run_id="unknown", db=db)


def test_what_is_no_store_is_refused(db: Database, tmp_path: Path) -> None:
    for uri in (
        f"sqlite:///{tmp_path}/none.db", f"{tmp_path}/none", f"sqlite:///{tmp_path}",
        "", str(tmp_path), f"file://{tmp_path}",
    ):  # fmt: skip
        with pytest.raises(NotFound, match="no MLflow store"):
            import_mlflow(db, uri)
    (tmp_path / "other.db").touch()
    with pytest.raises(NotFound, match="holds no MLflow store"):
        import_mlflow(db, f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(LedgerError) as caught:
        import_mlflow(db, "postgresql://u:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]
    for uri, problem in (
        ("http://u:hunter2@127.0.0.1:1", "nothing answers at 127.0.0.1:1: Connection refused"),
        ("http://[::1", "uri: is none"),
        ("http://host:99999", "uri: is none"),
        ("mysql://u:hunter2@127.0.0.1:1/x", "No module named 'MySQLdb'"),
        (f"sqlite:///{__file__}", "file is not a database"),
    ):
        with pytest.raises(LedgerError, match=problem) as caught:
            import_mlflow(db, uri)
        assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(VERSION.startswith("2."), reason="MLflow 2 reads PostgreSQL with psycopg2 only")
def test_a_store_in_postgresql_is_read(db: Database, empty_database: str, tmp_path: Path) -> None:
    from fix_mlflow import make_store
    from psycopg.conninfo import conninfo_to_dict

    at = conninfo_to_dict(empty_database)
    uri = f"postgresql://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
    make_store(uri.replace("://", "+psycopg://"))
    store = Store(uri.replace("://", "+psycopg://"))
    store.client.create_registered_model("m")
    store.client.create_model_version("m", "s3://1", store.run(metrics={"r2": [(1, 0.5)]}))
    store.close()
    done = import_mlflow(db, uri)
    assert (done.versions.new, done.metrics_stored) == (1, 1)


def test_the_command_reports(
    dsn: str, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        return capsys.readouterr().out

    shown = run("import", "mlflow", store.uri, "--dry-run")
    assert "6 new, 0 changed, 0 unchanged" in shown
    assert "a dry run: nothing was written" in shown
    assert json.loads(run("sync", "mlflow", store.uri, "--json"))["versions"]["new"] == 6
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    assert "6 unchanged" in run("import", "mlflow")
