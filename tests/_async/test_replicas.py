"""Reads on a hot standby, writes on the primary, and what a reader sees of its own writes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from fix_replicas import Nodes, two_nodes
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelsRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
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
async def db(nodes: Nodes) -> AsyncIterator[AsyncDatabase]:
    """A database whose reads go to the standby."""
    settings = Settings(conninfo=nodes.dsn, read_url=nodes.standby.conninfo("mlops"))
    async with AsyncDatabase(settings) as database:
        yield database


@pytest.fixture
async def writer(nodes: Nodes) -> AsyncIterator[AsyncDatabase]:
    """Another program, which writes."""
    async with AsyncDatabase(nodes.dsn) as database:
        yield database


def name() -> str:
    """Return a name that no other test has."""
    return f"m-{new_id().hex}"


async def register(db: Any) -> str:
    """Register a version of a new model and return the model's name."""
    model_name = name()
    await AsyncModelVersionRepository(db).insert(model_name=model_name, model_version="1")
    return model_name


async def test_reads_go_to_the_standby_and_writes_to_the_primary(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    before = await register(writer)
    nodes.catch_up()
    nodes.pause()
    after = await register(writer)
    models = AsyncModelVersionRepository(db)
    assert await models.get(model_name=before, model_version="1") is not None
    # The standby has not got it yet: that nothing is found shows who has answered.
    assert await models.get(model_name=after, model_version="1") is None
    async with db.transaction() as tx:
        within = AsyncModelVersionRepository(tx)
        assert await within.get(model_name=after, model_version="1") is not None


async def test_a_program_sees_its_own_writes_at_once(nodes: Nodes, db: AsyncDatabase) -> None:
    nodes.pause()
    for write in (db, None):
        if write is not None:
            model_name = await register(write)
        else:
            async with db.transaction() as tx:
                model_name = await register(tx)
        models = AsyncModelVersionRepository(db)
        assert await models.get(model_name=model_name, model_version="1") is not None
        promoted = await models.promote(model_name=model_name, model_version="1")
        found = await models.production_at(model_name=model_name)
        assert found is not None
        assert found.id == promoted.id


async def test_what_is_registered_unless_it_is_there_is_as_the_primary_knows_it(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    model_name = await register(writer)
    nodes.catch_up()
    nodes.pause()
    await AsyncModelVersionRepository(writer).promote(model_name=model_name, model_version="1")
    models = AsyncModelVersionRepository(db)
    found = await models.get_or_insert(model_name=model_name, model_version="1")
    assert found.stage == "production"


async def test_the_standby_answers_again_when_it_has_replayed_them(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    mine = await register(db)
    models = AsyncModelVersionRepository(db)
    # A position that is asked for later than a write is behind what else the server has logged.
    for _ in range(100):
        nodes.catch_up()
        assert await models.get(model_name=mine, model_version="1") is not None
        nodes.pause()
        others = await register(writer)
        if await models.get(model_name=others, model_version="1") is None:
            return
        nodes.resume()
    pytest.fail("the primary goes on answering")


async def test_reads_after_a_position_see_what_another_program_wrote(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    nodes.catch_up()
    nodes.pause()
    model_name = await register(writer)
    position = await writer.position()
    models = AsyncModelVersionRepository(db.after(position, wait=0.05))
    # The standby is given its time, then the primary answers.
    assert await models.get(model_name=model_name, model_version="1") is not None
    nodes.resume()
    models = AsyncModelVersionRepository(db.after(position, wait=30))
    assert await models.get(model_name=model_name, model_version="1") is not None
    # Without a standby it is the database itself.
    models = AsyncModelVersionRepository(writer.after(position))
    assert await models.get(model_name=model_name, model_version="1") is not None
    await register(writer.after(position))
    async with writer.after(position).transaction() as tx:
        await register(tx)


@pytest.mark.parametrize("wrong", ["", "0", "0/", "x/1", None, 7, "0/1; SELECT 1", "0/123456789"])
async def test_what_is_no_position_is_refused(db: AsyncDatabase, wrong: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^position: must be what position\(\) returns"):
        db.after(wrong)
    with pytest.raises(InvalidValue, match=r"^wait: must be a number of seconds"):
        db.after("0/1", wait=-1)


async def test_methods_that_write_first_are_the_primarys(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    nodes.catch_up()
    nodes.pause()
    model_name = await register(writer)
    predictions = AsyncPredictionsRepository(db)
    written = await predictions.insert_many(
        rows=[{"prediction": 1.0}], model_name=model_name, model_version="1"
    )
    assert written.stored == 1
    pending = await AsyncRetrainingDecisionsRepository(writer).insert(
        model_name=model_name, trigger_reason="drift", action="pending"
    )
    decisions = AsyncRetrainingDecisionsRepository(db)
    resolved = await decisions.resolve(decision_id=pending, action="reject")
    assert await decisions.get(id=resolved) is not None


async def test_a_window_is_read_from_the_standby(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    pytest.importorskip("pyarrow")
    model_name = await register(writer)
    stored = AsyncPredictionsRepository(writer)
    window: dict[str, Any] = {"model_name": model_name, "model_version": "1"}
    await stored.insert(**window, prediction=1.0)
    nodes.catch_up()
    nodes.pause()
    await stored.insert(**window, prediction=2.0)
    reader = AsyncPredictionsRepository(db)
    assert (await reader.fetch_arrow(**window)).num_rows == 1
    position = await writer.position()
    reader = AsyncPredictionsRepository(db.after(position, wait=0))
    assert (await reader.fetch_arrow(**window)).num_rows == 2


async def test_the_primary_answers_while_the_standby_is_away(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    model_name = await register(writer)
    models = AsyncModelVersionRepository(db)
    nodes.catch_up()
    assert await models.get(model_name=model_name, model_version="1") is not None
    nodes.standby.stop()
    with caplog.at_level(logging.WARNING, "mlops_ledger.replica"):
        for _ in range(20):
            assert await models.get(model_name=model_name, model_version="1") is not None
    said = [each for each in caplog.messages if "the primary answers reads" in each]
    assert len(said) == 1
    health = await db.health()
    assert health.healthy
    assert health.replica is not None
    assert not health.replica.reachable
    assert "nothing listens" in str(health.replica.problem)


async def test_a_server_without_a_ledger_is_passed_over_and_said_to_be_the_one(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = make_conninfo(nodes.dsn, dbname="postgres")
    db = AsyncDatabase(Settings(conninfo=nodes.dsn, read_url=elsewhere))
    with caplog.at_level(logging.WARNING, "mlops_ledger.replica"):
        assert isinstance(await AsyncModelsRepository(db).list_models(), list)
    # Not the primary, which init would be asked of in vain.
    assert "not MLOPS_READ_URL: the database was never migrated" in caplog.text
    await db.close()


async def test_the_standby_answers_while_the_primary_is_away(nodes: Nodes) -> None:
    nobody = make_conninfo(nodes.dsn, port=1)
    settings = Settings(conninfo=nobody, read_url=nodes.standby.conninfo("mlops"))
    db = AsyncDatabase(settings)
    assert isinstance(await AsyncModelsRepository(db).list_models(), list)
    await db.close()


async def test_health_says_how_far_the_standby_is_behind(
    nodes: Nodes, db: AsyncDatabase, writer: AsyncDatabase
) -> None:
    nodes.catch_up()
    found = (await db.health()).replica
    assert found is not None
    assert (found.reachable, found.problem, found.is_standby) == (True, None, True)
    assert found.bytes_behind == 0
    assert found.seconds_behind == 0
    nodes.pause()
    await register(writer)
    found = (await db.health()).replica
    assert found is not None
    assert found.bytes_behind is not None
    assert found.bytes_behind > 0
    assert found.seconds_behind is not None
    assert found.seconds_behind >= 0
    assert (await writer.health()).replica is None


async def test_several_hosts_may_be_named(
    nodes: Nodes, writer: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The primary answers for a standby that is slow, as any is on a busy machine.
    monkeypatch.setattr(config, "_READ_PATIENCE", 60)
    settings = Settings(
        conninfo=nodes.both("read-write"),
        read_url=nodes.both("prefer-standby"),
        connect_timeout=60,
        pool_timeout=60,
    )
    async with AsyncDatabase(settings) as db:
        nodes.catch_up()
        nodes.pause()
        model_name = await register(writer)
        models = AsyncModelVersionRepository(db)
        assert await models.get(model_name=model_name, model_version="1") is None
        assert (await db.health()).replica.is_standby  # type: ignore[union-attr]
        model_name = await register(db)
        assert await models.get(model_name=model_name, model_version="1") is not None


async def test_another_server_or_database_is_refused(
    nodes: Nodes, dsn: str, writer: AsyncDatabase
) -> None:
    # The database of another server has the schema, and its answers would be taken for ours.
    db = AsyncDatabase(Settings(conninfo=nodes.dsn, read_url=dsn))
    with pytest.raises(ConfigError, match="MLOPS_READ_URL names no standby"):
        await AsyncModelsRepository(db).list_models()
    health = await db.health()
    assert "names no standby" in str(health.replica.problem)  # type: ignore[union-attr]
    await db.close()


async def test_nothing_can_be_written_where_reads_go(nodes: Nodes) -> None:
    # Not even where the URL names the primary.
    db = AsyncDatabase(Settings(conninfo=nodes.dsn, read_url=nodes.dsn))
    assert db.replica is not None
    async with db.replica.connection() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("CREATE TABLE written ()")
    model_name = await register(db)
    found = await AsyncModelVersionRepository(db).get(model_name=model_name, model_version="1")
    assert found is not None
    await db.close()


@pytest.mark.parametrize("failure", [ConnectionLost, PoolExhausted, Unavailable, SchemaError])
def test_what_a_standby_cannot_do_is_left_to_the_primary(failure: type[LedgerError]) -> None:
    with or_primary():
        raise failure("away")


@pytest.mark.parametrize("failure", [TimedOut, ConfigError, InvalidValue])
def test_what_the_primary_would_not_do_either_is_raised(failure: type[LedgerError]) -> None:
    given = ("field", "wrong") if failure is InvalidValue else ("wrong",)
    with pytest.raises(failure), or_primary():
        raise failure(*given)
