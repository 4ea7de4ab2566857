"""Events: what is one, in which order, and how far each consumer has come."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncAlertsRepository,
    AsyncDatabase,
    AsyncDriftReportsRepository,
    AsyncEventsRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncRetrainingDecisionsRepository,
)
from mlops_ledger._async.event_stream import events
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.event_texts import describe_event
from mlops_ledger.rows import Event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def read(db: AsyncDatabase, **given: Any) -> list[Event]:
    """All events there are."""
    return [event async for event in events(db, follow=False, **given)]


async def take(db: AsyncDatabase, count: int, **given: Any) -> list[int]:
    """The numbers of the first events, of which the last is not dealt with."""
    found: list[int] = []
    async with aclosing(events(db, **given)) as stream:
        async for event in stream:
            found.append(event.seq)
            if len(found) == count:
                break
    return found


@pytest.fixture
async def alert(db: AsyncDatabase) -> int:
    """Ten alerts, which are ten events."""
    for number in range(10):
        await AsyncAlertsRepository(db).raise_alert(alert_type=f"type {number}", title="odd")
    return 10


@pytest.fixture
async def everything(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    decisions: AsyncRetrainingDecisionsRepository,
    actions: AsyncAgentActionsRepository,
    alerts: AsyncAlertsRepository,
    monitoring: AsyncMonitoringMetricsRepository,
    reports: AsyncDriftReportsRepository,
) -> list[Event]:
    """The events of changes of each kind."""
    first, second = [await models.insert(model_name="m") for _ in range(2)]
    await models.promote(model_name="m", model_version="1", promoted_by="ann", at=NOON)
    action = await actions.insert(
        action_type="promote",
        risk_level="high",
        model_name="m",
        model_version_id=second,
        requested_by="agent",
    )
    await actions.approve(id=action, reviewed_by="bob")
    await models.promote(model_name="m", action_id=action, promoted_by="job")
    await models.rollback(model_name="m", rolled_back_by="cyd", reason="errors")
    await models.retire(model_name="m", retired_by="dan")
    await decisions.insert(
        model_name="m", action="promote", trigger_reason="drift", candidate_version_id=second
    )
    run = await monitoring.insert(
        model_name="m", model_version_id=first, timestamp=NOON, lookback_hours=24, num_predictions=3
    )
    await reports.insert(
        model_name="m",
        timestamp=NOON,
        lookback_hours=24,
        drift_detected=True,
        monitoring_run_id=run,
        features=[{"feature": "x", "drifted": True}],
    )
    raised = await alerts.raise_alert(alert_type="odd", title="it is odd", model_name="m")
    await alerts.raise_alert(alert_type="odd", title="it is odd", model_name="m")
    await alerts.raise_alert(alert_type="odd", title="worse", model_name="m", severity="critical")
    await alerts.snooze(id=raised.id, until=datetime.now(UTC) + timedelta(hours=1))
    await alerts.acknowledge(id=raised.id, acknowledged_by="eve")
    await alerts.resolve(id=raised.id, resolved_by="eve")
    return await read(db)


async def test_every_change_is_an_event_with_the_fields_of_its_type(
    db: AsyncDatabase, everything: list[Event]
) -> None:
    assert [event.type.removeprefix("mlops_ledger.") for event in everything] == [
        "deployment.promoted",
        "action.requested",
        "action.approved",
        "action.executed",
        "deployment.promoted",
        "deployment.rolled_back",
        "deployment.retired",
        "decision.recorded",
        "monitoring_run.recorded",
        "drift_report.recorded",
        "alert.raised",
        "alert.escalated",
        "alert.snoozed",
        "alert.acknowledged",
        "alert.resolved",
    ]
    fields = {one.type: one.fields for one in await AsyncEventsRepository(db).list_types()}
    for event in everything:
        assert set(event.data) == set(fields[event.type])
        assert event.model_name == event.data["model_name"] == "m"
        assert "{" not in describe_event(event)
    decided, reported, escalated = everything[7], everything[9], everything[11]
    assert (decided.data["candidate_version"], decided.data["production_version"]) == ("2", None)
    assert reported.data["drifted_features"] == ["x"]
    assert escalated.data["severity"] == "critical"


async def test_a_promotion_says_which_version_it_replaced(everything: list[Event]) -> None:
    promoted = everything[4]
    assert {
        name: promoted.data[name] for name in ("slot", "model_version", "replaced_version")
    } == {
        "slot": "production",
        "model_version": "2",
        "replaced_version": "1",
    }
    assert describe_event(promoted) == (
        "m: version 2 promoted to production by job, replacing version 1"
    )
    assert everything[0].data["replaced_version"] is None
    assert promoted.cloud_event() == {
        "specversion": "1.0",
        "id": str(promoted.seq),
        "source": f"/mlops-ledger/{promoted.database}",
        "type": "mlops_ledger.deployment.promoted",
        "subject": f"model_deployments/{promoted.data['id']}",
        "time": promoted.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": promoted.data,
    }


async def test_a_consumer_goes_on_where_it_was(db: AsyncDatabase, alert: int) -> None:
    assert await take(db, 4, consumer="one") == [1, 2, 3, 4]
    # The fourth was not dealt with: nobody asked for the next.
    assert await take(db, 3, consumer="one") == [4, 5, 6]
    assert await take(db, 2, consumer="another", after=7) == [8, 9]
    assert [event.seq for event in await read(db, consumer="one")] == [6, 7, 8, 9, 10]
    assert await read(db, consumer="one") == []
    assert [event.seq for event in await read(db, after=alert - 1)] == [10]
    repository = AsyncEventsRepository(db)
    assert {one.consumer: one.seq for one in await repository.list_consumers()} == {
        "another": 8,
        "one": 10,
    }
    assert (await repository.move_consumer(consumer="one", seq=3)).seq == 10
    await repository.remove_consumer(consumer="one")
    assert len(await read(db, consumer="one")) == alert
    with pytest.raises(NotFound, match="there is no consumer nobody"):
        await repository.move_consumer(consumer="nobody", seq=3)
    for wrong in ({"after": -1}, {"consumer": " "}):
        with pytest.raises(InvalidValue, match=next(iter(wrong))):
            await repository.start_consumer(**{"consumer": "new", **wrong})  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="poll"):
        await read(db, poll=0)


async def test_more_than_a_page_is_read_to_its_end(
    db: AsyncDatabase, conn: psycopg.Connection
) -> None:
    conn.execute("SELECT raise_alert('type ' || n, 'news') FROM generate_series(1, 1200) n")
    everything = list(range(1, 1201))
    assert [event.seq for event in await read(db, consumer="c")] == everything
    # A follower reads on as well, and waits only when it has read all.
    assert await take(db, 1200, poll=3600) == everything


async def test_a_cursor_in_the_transaction_of_the_effect_makes_it_happen_once(
    db: AsyncDatabase, alert: int, conn: psycopg.Connection
) -> None:
    conn.execute("CREATE TABLE seen (seq bigint)")
    with pytest.raises(ZeroDivisionError):
        async for event in events(db, consumer="exact"):
            async with db.transaction() as tx:
                async with tx.connection() as connection:
                    await connection.execute("INSERT INTO seen VALUES (%s)", [event.seq])
                await AsyncEventsRepository(tx).move_consumer(consumer="exact", seq=event.seq)
                if event.seq == 6:
                    raise ZeroDivisionError
    async for event in events(db, consumer="exact", follow=False):
        conn.execute("INSERT INTO seen VALUES (%s)", [event.seq])
    assert [seq for (seq,) in conn.execute("SELECT seq FROM seen")] == list(range(1, alert + 1))


async def test_what_is_filtered_out_is_not_looked_at_again(
    db: AsyncDatabase, models: AsyncModelVersionRepository, alert: int
) -> None:
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1")
    promoted = "mlops_ledger.deployment.promoted"
    assert [event.seq for event in await read(db, consumer="c", types=[promoted])] == [alert + 1]
    assert [event.seq for event in await read(db, model_name="m")] == [alert + 1]
    assert await read(db, consumer="d", types=["mlops_ledger.alert.resolved"]) == []
    found = await AsyncEventsRepository(db).list_consumers()
    assert [(one.consumer, one.seq) for one in found] == [("c", alert + 1), ("d", alert + 1)]
    assert await AsyncEventsRepository(db).before_latest(limit=3) == alert - 2
    assert await AsyncEventsRepository(db).before_latest(model_name="none") == 0


async def test_what_no_event_can_be_is_not_waited_for(db: AsyncDatabase) -> None:
    for types in (["mlops_ledger.alert.raise"], ["mlops_ledger.alert.raised", ""]):
        with pytest.raises(InvalidValue, match="types: "):
            await read(db, consumer="c", types=types)
    repository = AsyncEventsRepository(db)
    assert await repository.list_consumers() == []
    await repository.start_consumer(consumer="c")
    with pytest.raises(InvalidValue, match="seq: "):
        await repository.move_consumer(consumer="c", seq=None)  # type: ignore[arg-type]


async def test_an_event_is_seen_when_it_is_committed_and_never_before_an_earlier_one(
    db: AsyncDatabase, conn: psycopg.Connection, dsn: str
) -> None:
    with psycopg.connect(dsn) as slow:
        slow.execute("SELECT raise_alert('slow', 'began first')")
        conn.execute("SELECT raise_alert('quick', 'committed first')")
        assert [event.data["alert_type"] for event in await read(db)] == ["quick"]
        slow.commit()
    assert [event.data["alert_type"] for event in await read(db)] == ["quick", "slow"]
    with psycopg.connect(dsn) as undone:
        undone.execute("SELECT raise_alert('undone', 'never happened')")
        undone.rollback()
    assert len(await read(db)) == 2
