# Generated from tests/_async/test_replicas.py by tools/unasync.py: edit that file, then run `make sync`.
"""Reads on a hot standby, writes on the primary, and what a reader sees of its own writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Iterator
from typing import Any

import psycopg
import pytest
from fix_replicas import Nodes, two_nodes
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    Database,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.connection import config
from mlops_ledger.connection.replica import or_primary
from mlops_ledger.errors import (
    ConfigError,
    ConnectionLost,
    InvalidValue,
    LedgerError,
    PoolExhausted,
    SchemaError,
    TimedOut,
    Unavailable,
)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with two_nodes() as found:
        yield found


@pytest.fixture(autouse=True)
def running(nodes: Nodes) -> Iterator[None]:
    """Leave the standby replaying and running for the next test."""
    yield
    nodes.standby.start()
    nodes.resume()
    nodes.catch_up()


@pytest.fixture
def db(nodes: Nodes) -> Iterator[Database]:
    """A database whose reads go to the standby."""
    settings = Settings(conninfo=nodes.dsn, read_url=nodes.standby.conninfo("mlops"))
    with Database(settings) as database:
        yield database


@pytest.fixture
def writer(nodes: Nodes) -> Iterator[Database]:
    """Another program, which writes."""
    with Database(nodes.dsn) as database:
        yield database


def name() -> str:
    """Return a name that no other test has."""
    return f"m-{new_id().hex}"


def register(db: Any) -> str:
    """Register a version of a new model and return the model's name."""
    model_name = name()
    ModelVersionRepository(db).insert(model_name=model_name, model_version="1")
    return model_name


def test_reads_go_to_the_standby_and_writes_to_the_primary(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    before = register(writer)
    nodes.catch_up()
    nodes.pause()
    after = register(writer)
    models = ModelVersionRepository(db)
    assert models.get(model_name=before, model_version="1") is not None
    # The standby has not got it yet: that nothing is found shows who has answered.
    assert models.get(model_name=after, model_version="1") is None
    with db.transaction() as tx:
        within = ModelVersionRepository(tx)
        assert within.get(model_name=after, model_version="1") is not None


def test_a_program_sees_its_own_writes_at_once(nodes: Nodes, db: Database) -> None:
    nodes.pause()
    for write in (db, None):
        if write is not None:
            model_name = register(write)
        else:
            with db.transaction() as tx:
                model_name = register(tx)
        models = ModelVersionRepository(db)
        assert models.get(model_name=model_name, model_version="1") is not None
        promoted = models.promote(model_name=model_name, model_version="1")
        found = models.production_at(model_name=model_name)
        assert found is not None
        assert found.id == promoted.id


def test_what_is_registered_unless_it_is_there_is_as_the_primary_knows_it(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    model_name = register(writer)
    nodes.catch_up()
    nodes.pause()
    ModelVersionRepository(writer).promote(model_name=model_name, model_version="1")
    models = ModelVersionRepository(db)
    found = models.get_or_insert(model_name=model_name, model_version="1")
    assert found.stage == "production"


def test_the_standby_answers_again_when_it_has_replayed_them(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    mine = register(db)
    models = ModelVersionRepository(db)
    # A position that is asked for later than a write is behind what else the server has logged.
    for _ in range(100):
        nodes.catch_up()
        assert models.get(model_name=mine, model_version="1") is not None
        nodes.pause()
        others = register(writer)
        if models.get(model_name=others, model_version="1") is None:
            return
        nodes.resume()
    pytest.fail("the primary goes on answering")


def test_reads_after_a_position_see_what_another_program_wrote(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    nodes.catch_up()
    nodes.pause()
    model_name = register(writer)
    position = writer.position()
    models = ModelVersionRepository(db.after(position, wait=0.05))
    # The standby is given its time, then the primary answers.
    assert models.get(model_name=model_name, model_version="1") is not None
    nodes.resume()
    models = ModelVersionRepository(db.after(position, wait=30))
    assert models.get(model_name=model_name, model_version="1") is not None
    # Without a standby it is the database itself.
    models = ModelVersionRepository(writer.after(position))
    assert models.get(model_name=model_name, model_version="1") is not None
    register(writer.after(position))
    with writer.after(position).transaction() as tx:
        register(tx)


@pytest.mark.parametrize("wrong", ["", "0", "0/", "x/1", None, 7, "0/1; SELECT 1", "0/123456789"])
def test_what_is_no_position_is_refused(db: Database, wrong: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^position: must be what position\(\) returns"):
        db.after(wrong)
    with pytest.raises(InvalidValue, match=r"^wait: must be a number of seconds"):
        db.after("0/1", wait=-1)


def test_methods_that_write_first_are_the_primarys(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    nodes.catch_up()
    nodes.pause()
    model_name = register(writer)
    predictions = PredictionsRepository(db)
    written = predictions.insert_many(
        rows=[{"prediction": 1.0}], model_name=model_name, model_version="1"
    )
    assert written.stored == 1
    pending = RetrainingDecisionsRepository(writer).insert(
        model_name=model_name, trigger_reason="drift", action="pending"
    )
    decisions = RetrainingDecisionsRepository(db)
    resolved = decisions.resolve(decision_id=pending, action="reject")
    assert decisions.get(id=resolved) is not None


def test_a_window_is_read_from_the_standby(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    pytest.importorskip("pyarrow")
    model_name = register(writer)
    stored = PredictionsRepository(writer)
    window: dict[str, Any] = {"model_name": model_name, "model_version": "1"}
    stored.insert(**window, prediction=1.0)
    nodes.catch_up()
    nodes.pause()
    stored.insert(**window, prediction=2.0)
    reader = PredictionsRepository(db)
    assert (reader.fetch_arrow(**window)).num_rows == 1
    position = writer.position()
    reader = PredictionsRepository(db.after(position, wait=0))
    assert (reader.fetch_arrow(**window)).num_rows == 2


def test_the_primary_answers_while_the_standby_is_away(
    nodes: Nodes, db: Database, writer: Database, caplog: pytest.LogCaptureFixture
) -> None:
    model_name = register(writer)
    models = ModelVersionRepository(db)
    nodes.catch_up()
    assert models.get(model_name=model_name, model_version="1") is not None
    nodes.standby.stop()
    with caplog.at_level(logging.WARNING, "mlops_ledger.replica"):
        for _ in range(20):
            assert models.get(model_name=model_name, model_version="1") is not None
    said = [each for each in caplog.messages if "the primary answers reads" in each]
    assert len(said) == 1
    health = db.health()
    assert health.healthy
    assert health.replica is not None
    assert not health.replica.reachable
    assert "nothing listens" in str(health.replica.problem)


def test_a_server_without_a_ledger_is_passed_over_and_said_to_be_the_one(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = make_conninfo(nodes.dsn, dbname="postgres")
    db = Database(Settings(conninfo=nodes.dsn, read_url=elsewhere))
    with caplog.at_level(logging.WARNING, "mlops_ledger.replica"):
        assert isinstance(ModelsRepository(db).list_models(), list)
    # Not the primary, which init would be asked of in vain.
    assert "not MLOPS_READ_URL: the database was never migrated" in caplog.text
    db.close()


def test_the_standby_answers_while_the_primary_is_away(nodes: Nodes) -> None:
    nobody = make_conninfo(nodes.dsn, port=1)
    settings = Settings(conninfo=nobody, read_url=nodes.standby.conninfo("mlops"))
    db = Database(settings)
    assert isinstance(ModelsRepository(db).list_models(), list)
    db.close()


def test_health_says_how_far_the_standby_is_behind(
    nodes: Nodes, db: Database, writer: Database
) -> None:
    nodes.catch_up()
    found = (db.health()).replica
    assert found is not None
    assert (found.reachable, found.problem, found.is_standby) == (True, None, True)
    assert found.bytes_behind == 0
    assert found.seconds_behind == 0
    nodes.pause()
    register(writer)
    found = (db.health()).replica
    assert found is not None
    assert found.bytes_behind is not None
    assert found.bytes_behind > 0
    assert found.seconds_behind is not None
    assert found.seconds_behind >= 0
    assert (writer.health()).replica is None


def test_several_hosts_may_be_named(
    nodes: Nodes, writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The primary answers for a standby that is slow, as any is on a busy machine.
    monkeypatch.setattr(config, "_READ_PATIENCE", 60)
    settings = Settings(
        conninfo=nodes.both("read-write"),
        read_url=nodes.both("prefer-standby"),
        connect_timeout=60,
        pool_timeout=60,
    )
    with Database(settings) as db:
        nodes.catch_up()
        nodes.pause()
        model_name = register(writer)
        models = ModelVersionRepository(db)
        assert models.get(model_name=model_name, model_version="1") is None
        assert (db.health()).replica.is_standby  # type: ignore[union-attr]
        model_name = register(db)
        assert models.get(model_name=model_name, model_version="1") is not None


def test_another_server_or_database_is_refused(
    nodes: Nodes, dsn: str, writer: Database
) -> None:
    # The database of another server has the schema, and its answers would be taken for ours.
    db = Database(Settings(conninfo=nodes.dsn, read_url=dsn))
    with pytest.raises(ConfigError, match="MLOPS_READ_URL names no standby"):
        ModelsRepository(db).list_models()
    health = db.health()
    assert "names no standby" in str(health.replica.problem)  # type: ignore[union-attr]
    db.close()


def test_nothing_can_be_written_where_reads_go(nodes: Nodes) -> None:
    # Not even where the URL names the primary.
    db = Database(Settings(conninfo=nodes.dsn, read_url=nodes.dsn))
    assert db.replica is not None
    with db.replica.connection() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE written ()")
    model_name = register(db)
    found = ModelVersionRepository(db).get(model_name=model_name, model_version="1")
    assert found is not None
    db.close()


@pytest.mark.parametrize("failure", [ConnectionLost, PoolExhausted, Unavailable, SchemaError])
def test_what_a_standby_cannot_do_is_left_to_the_primary(failure: type[LedgerError]) -> None:
    with or_primary():
        raise failure("away")


@pytest.mark.parametrize("failure", [TimedOut, ConfigError, InvalidValue])
def test_what_the_primary_would_not_do_either_is_raised(failure: type[LedgerError]) -> None:
    given = ("field", "wrong") if failure is InvalidValue else ("wrong",)
    with pytest.raises(failure), or_primary():
        raise failure(*given)
