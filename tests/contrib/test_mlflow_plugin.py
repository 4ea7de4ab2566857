"""MLflow's client on a registry in the ledger: aliases are slots, with a history."""

from __future__ import annotations

import base64
import inspect
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")
import mlflow
import psycopg
from fix_faults import full
from fix_mlflow import Store, open_store
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.tracking._model_registry.utils import _get_store_registry
from mlops_ledger_mlflow import LedgerStore, entities
from mlops_ledger_mlflow.registry import database
from psycopg.conninfo import conninfo_to_dict

from mlops_ledger import AgentActionsRepository, Database, ModelVersionRepository

pytestmark = pytest.mark.filterwarnings("ignore")
PACKAGE = Path(__file__).parents[2] / "packages" / "mlops-ledger-mlflow"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A tracking store beside the ledger."""
    with open_store(tmp_path_factory.mktemp("tracking")) as store:
        store.client.create_experiment("e")
        yield store


@pytest.fixture
def uri(dsn: str) -> Iterator[str]:
    """The URI of a registry in a ledger of its own."""
    at = conninfo_to_dict(dsn)
    uri = f"mlops-ledger://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
    _get_store_registry().register("mlops-ledger", LedgerStore)
    yield uri
    database(uri).close()
    database.cache_clear()


@pytest.fixture
def client(uri: str, tracking: Store) -> MlflowClient:
    """A client of that registry."""
    return MlflowClient(tracking.uri, uri)


@pytest.fixture
def models(uri: str) -> ModelVersionRepository:
    """The same registry as the ledger has it."""
    return ModelVersionRepository(database(uri))


@pytest.fixture
def three(client: MlflowClient) -> MlflowClient:
    """The client, with a model m of three versions."""
    client.create_registered_model("m", {"team": "crm"}, "described")
    for number in range(1, 4):
        client.create_model_version("m", f"s3://models/{number}", tags={"n": str(number)})
    return client


def code(caught: pytest.ExceptionInfo[MlflowException]) -> str:
    """Return the name of the error."""
    return str(caught.value.error_code)


def test_every_method_of_a_store_is_there() -> None:
    # MLflow declares them in a way that nothing enforces (mlflow#17562).
    abstract = {
        name
        for name, method in inspect.getmembers(AbstractStore, inspect.isfunction)
        if getattr(method, "__isabstractmethod__", False)
    }
    assert len(abstract) == 21
    assert abstract - set(vars(LedgerStore)) == set()
    for name in abstract:
        theirs = inspect.signature(getattr(AbstractStore, name)).parameters
        ours = inspect.signature(getattr(LedgerStore, name)).parameters
        # Later releases of MLflow add arguments at the end.
        assert list(ours)[: len(theirs)] == list(theirs), name
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["mlflow.model_registry_store"] == {
        "mlops-ledger": "mlops_ledger_mlflow:LedgerStore"
    }


def test_a_run_is_registered_with_what_it_logged(
    client: MlflowClient, models: ModelVersionRepository, tracking: Store
) -> None:
    run = tracking.run(name="good", params={"depth": "6"}, metrics={"accuracy": [(1, 93.2)]})
    client.create_registered_model("m")
    made = client.create_model_version("m", "s3://1", run, {"a": "b"}, description="first")
    assert (made.version, made.run_id, made.source) == (1, run, "s3://1")
    assert (made.description, made.tags, made.status) == ("first", {"a": "b"}, "READY")
    assert client.get_model_version_download_uri("m", "1") == "s3://1"
    row = models.get(model_name="m", model_version="1")
    assert row is not None
    assert (row.hyperparameters, row.tags["mlflow"]["run"]["name"]) == ({"depth": "6"}, "good")


def test_models_and_versions_are_described_and_tagged(three: MlflowClient) -> None:
    model = three.get_registered_model("m")
    assert (model.description, model.tags) == ("described", {"team": "crm"})
    assert [each.version for each in model.latest_versions] == [3]
    three.update_registered_model("m", "again")
    three.set_registered_model_tag("m", "tier", "1")
    three.delete_registered_model_tag("m", "team")
    three.update_model_version("m", "2", "second")
    three.set_model_version_tag("m", "2", "x", "y")
    three.delete_model_version_tag("m", "2", "n")
    model = three.get_registered_model("m")
    assert (model.description, model.tags) == ("again", {"tier": "1"})
    two = three.get_model_version("m", "2")
    assert (two.description, two.tags) == ("second", {"x": "y"})


def test_an_alias_is_a_slot(three: MlflowClient, models: ModelVersionRepository) -> None:
    three.set_registered_model_alias("m", "Champion", 1)
    three.set_registered_model_alias("m", "champion", 2)
    three.set_registered_model_alias("m", "shadow", 2)
    assert three.get_model_version_by_alias("m", "champion").version == 2
    assert three.get_model_version("m", "2").aliases == ["champion", "shadow"]
    assert three.get_registered_model("m").aliases == {"champion": 2, "shadow": 2}
    history = models.timeline(model_name="m", slot="champion")
    assert [each.model_version for each in history] == ["2", "1"]
    three.delete_registered_model_alias("m", "champion")
    three.delete_registered_model_alias("m", "champion")
    with pytest.raises(MlflowException, match="alias champion not found") as caught:
        three.get_model_version_by_alias("m", "champion")
    assert code(caught) == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException):
        three.set_registered_model_alias("m", "-bad", 1)


def test_of_two_moves_at_once_one_wins_and_both_are_history(
    three: MlflowClient, models: ModelVersionRepository
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for trial in range(full(200, 10)):
            alias = f"champion-{trial}"
            moves = [
                pool.submit(three.set_registered_model_alias, "m", alias, number)
                for number in (1, 2)
            ]
            for move in moves:
                move.result()
            last, first = models.timeline(model_name="m", slot=alias)
            assert {last.model_version, first.model_version} == {"1", "2"}
            assert (last.is_live, first.is_live) == (True, False)
            assert last.deployed_at == first.retired_at
            held = three.get_model_version_by_alias("m", alias)
            assert held.version == int(last.model_version)


def test_stages_follow_the_slot_production(three: MlflowClient) -> None:
    three.transition_model_version_stage("m", "1", "Production")
    moved = three.transition_model_version_stage("m", "2", "production", True)
    three.transition_model_version_stage("m", "3", "Staging")
    assert moved.current_stage == "Production"
    stages = [three.get_model_version("m", str(n)).current_stage for n in (1, 2, 3)]
    assert stages == ["Archived", "Production", "Staging"]
    latest = three.get_latest_versions("m", ["Production", "staging"])
    assert sorted(each.version for each in latest) == [2, 3]
    # What gives way changes too.
    three.transition_model_version_stage("m", "1", "Staging", True)
    one, moved = (three.get_model_version("m", str(n)) for n in (1, 3))
    assert (one.current_stage, moved.current_stage) == ("Staging", "Archived")
    assert one.last_updated_timestamp == moved.last_updated_timestamp
    assert three.transition_model_version_stage("m", "2", "None").current_stage == "None"
    assert "production" not in three.get_registered_model("m").aliases


def test_a_stage_changes_with_all_that_goes_with_it_or_not_at_all(
    three: MlflowClient, conn: psycopg.Connection[Any]
) -> None:
    three.transition_model_version_stage("m", "1", "Staging")
    three.transition_model_version_stage("m", "2", "Production")
    conn.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON model_versions FOR EACH ROW"
        " WHEN (NEW.model_version = '2' AND NEW.stage = 'staging') EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(MlflowException, match="a trigger of the database refuses it"):
        three.transition_model_version_stage("m", "2", "Staging", True)
    stages = [three.get_model_version("m", str(n)).current_stage for n in (1, 2, 3)]
    assert stages == ["Staging", "Production", "None"]
    assert three.get_registered_model("m").aliases == {"production": 2}


def test_search_has_mlflows_language_and_pages(three: MlflowClient) -> None:
    three.create_registered_model("other", {"team": "ops"})
    three.create_model_version("other", "s3://other/1", tags={"n": "9"})
    names = [model.name for model in three.search_registered_models("name LIKE 'o%'")]
    assert names == ["other"]
    tagged = three.search_registered_models("tags.team = 'crm'", order_by=["name DESC"])
    assert [model.name for model in tagged] == ["m"]
    first = three.search_registered_models(max_results=1)
    rest = three.search_registered_models(max_results=1, page_token=first.token)
    assert [model.name for model in [*first, *rest]] == ["m", "other"]
    assert rest.token is None
    query = "name = 'm' and tags.n != '2'"
    found = three.search_model_versions(query, order_by=["version_number ASC"])
    assert [each.version for each in found] == [1, 3]
    for wrong in ("name ~ 'm'", "colour = 'red'"):
        with pytest.raises(MlflowException) as caught:
            three.search_model_versions(wrong)
        assert code(caught) == "INVALID_PARAMETER_VALUE"


def test_a_search_is_answered_as_mlflow_answers_it(three: MlflowClient) -> None:
    three.create_registered_model("Other_2", {"team": "ops", "é": "Ü"})
    run = "a" * 32
    three.create_model_version("Other_2", "s3://o/1", run, {"n": "9"})
    three.set_model_version_tag("m", "2", "odd key", "it's")

    def models(query: str, **more: Any) -> list[str]:
        return [each.name for each in three.search_registered_models(query, **more)]

    def versions(query: str, **more: Any) -> list[tuple[str, int]]:
        return [(each.name, each.version) for each in three.search_model_versions(query, **more)]

    # Names by their code points, LIKE with its own case, nothing escaped.
    assert models("", order_by=["name ASC"]) == ["Other_2", "m"]
    assert models("name LIKE 'other%'") == []
    assert models("name ILIKE 'other%'") == models("name LIKE 'Other__'") == ["Other_2"]
    assert models("name LIKE '%\\_2'") == []
    assert models("name != 'm'") == models("tags.team != 'crm'") == ["Other_2"]
    assert models("tags.`é` = 'Ü'") == ["Other_2"]
    assert models("tags.none != 'x'") == []
    assert versions("version_number >= 2 AND version_number != 3") == [("m", 2)]
    assert (
        versions(f"run_id = '{run}'") == versions(f"run_id IN ('{run}', 'b')") == [("Other_2", 1)]
    )
    assert versions("source_path LIKE '%models/_' AND tags.n = '3'") == [("m", 3)]
    assert versions('tags.`odd key` = "it\'s"') == [("m", 2)]
    assert versions("tags.mlflow != 'x'") == []
    ordered = versions("", order_by=["name DESC", "version_number ASC"], max_results=2)
    assert ordered == [("m", 1), ("m", 2)]
    # A description or a stage is a change of a version, and the last changed one is first.
    three.update_model_version("m", "1", "again")
    assert versions("")[0] == ("m", 1)
    for wrong in ("version_number = 1.5", "name > 'm'", "tags.n > '1'", "name = 'a\0b'"):
        with pytest.raises(MlflowException) as caught:
            versions(wrong)
        assert code(caught) == "INVALID_PARAMETER_VALUE", wrong
    with pytest.raises(MlflowException, match="order_by"):
        versions("", order_by=["tags.n ASC"])


def test_a_search_reads_its_page_only(three: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "mlops_ledger_mlflow.entities.model_version",
        lambda row, slots, make=entities.model_version: seen.append(row) or make(row, slots),
    )
    first = three.search_model_versions("", max_results=1)
    assert (len(first), len(seen)) == (1, 2)


def test_what_the_record_would_lose_is_refused(three: MlflowClient) -> None:
    for refused in (
        lambda: three.rename_registered_model("m", "n"),
        lambda: three.delete_registered_model("m"),
        lambda: three.delete_model_version("m", "1"),
    ):
        with pytest.raises(MlflowException, match="keeps what was registered") as caught:
            refused()
        assert code(caught) == "FEATURE_DISABLED"


def test_mistakes_have_mlflows_codes(three: MlflowClient) -> None:
    mistakes: list[tuple[str, Any]] = [
        ("RESOURCE_ALREADY_EXISTS", lambda: three.create_registered_model("m")),
        ("RESOURCE_DOES_NOT_EXIST", lambda: three.get_registered_model("n")),
        ("RESOURCE_DOES_NOT_EXIST", lambda: three.get_model_version("m", "9")),
        ("RESOURCE_DOES_NOT_EXIST", lambda: three.create_model_version("n", "s3://1")),
        ("RESOURCE_DOES_NOT_EXIST", lambda: three.set_registered_model_alias("m", "a", 9)),
        ("INVALID_PARAMETER_VALUE", lambda: three.create_registered_model("")),
    ]
    for expected, make in mistakes:
        with pytest.raises(MlflowException) as caught:
            make()
        assert code(caught) == expected


def test_an_alias_needs_the_approval_that_its_policy_asks_for(
    three: MlflowClient, models: ModelVersionRepository, uri: str
) -> None:
    models.set_promotion_policy(model_name="m", slot="champion", requires_approval=True)
    with pytest.raises(MlflowException, match="requires an approval") as caught:
        three.set_registered_model_alias("m", "champion", 1)
    assert code(caught) == "PERMISSION_DENIED"
    db: Database = database(uri)
    one = models.get(model_name="m", model_version="1")
    assert one is not None
    actions = AgentActionsRepository(db)
    action = actions.insert(
        action_type="promote", risk_level="high", requested_by="ann", model_version_id=one.id,
        model_name="m",
    )  # fmt: skip
    actions.approve(id=action, reviewed_by="ben")
    three.set_registered_model_alias("m", "champion", 1)
    assert three.get_model_version_by_alias("m", "champion").version == 1
    done = actions.get(id=action)
    assert done is not None
    assert done.status == "executed"


def test_a_model_is_loaded_by_its_alias(
    three: MlflowClient,
    uri: str,
    tracking: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("sklearn")
    from sklearn.dummy import DummyRegressor

    model = DummyRegressor(strategy="constant", constant=7).fit([[0]], [0])
    mlflow.sklearn.save_model(
        model, tmp_path / "model", serialization_format="cloudpickle", pip_requirements=[]
    )
    made = three.create_model_version("m", str(tmp_path / "model"))
    three.set_registered_model_alias("m", "champion", made.version)
    mlflow.set_tracking_uri(tracking.uri)
    # MLflow puts it into the environment as well, and leaves it there.
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    mlflow.set_registry_uri(uri)
    try:
        loaded = mlflow.sklearn.load_model("models:/m@champion")
    finally:
        mlflow.set_registry_uri(None)
    assert loaded.predict([[1]]).tolist() == [7]


def test_somebody_elses_tag_mlflow_is_no_matter(
    three: MlflowClient, models: ModelVersionRepository
) -> None:
    models.insert(model_name="m", model_version="4", tags={"mlflow": "text"})
    assert three.get_model_version("m", "4").status == "READY"
    assert [each.version for each in three.search_model_versions("name='m'")] == [4, 3, 2, 1]
    three.transition_model_version_stage("m", "4", "Staging")
    assert three.update_model_version("m", "4", "described").description == "described"
    row = models.get(model_name="m", model_version="4")
    assert row is not None
    assert row.tags == {"mlflow": "text"}


@pytest.mark.parametrize("token", ["☃", "5", '{"offset": -1}', f'{{"offset": {10**30}}}', "{}"])
def test_what_is_no_page_token_is_refused(three: MlflowClient, token: str) -> None:
    given = token if token == "☃" else base64.b64encode(token.encode()).decode()
    with pytest.raises(MlflowException) as caught:
        three.search_registered_models(page_token=given)
    assert code(caught) == "INVALID_PARAMETER_VALUE"
