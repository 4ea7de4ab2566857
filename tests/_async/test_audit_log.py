"""Reading, verifying and exporting the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mlops_ledger import (
    AsyncAuditRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
)
from mlops_ledger._async import audit_log as module
from mlops_ledger.audit import verify_lines
from mlops_ledger.errors import InvalidValue
from mlops_ledger.rows import AuditCheck, AuditHead

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def audit(db: AsyncDatabase, models: AsyncModelVersionRepository) -> AsyncAuditRepository:
    """The log after a promotion, a decision, another promotion, a rollback and a retirement."""
    first, second = [await models.insert(model_name="m") for _ in range(2)]
    await models.promote(model_name="m", model_version="1", promoted_by="ann", at=NOON)
    await AsyncRetrainingDecisionsRepository(db).insert(
        model_name="m",
        trigger_reason="drift",
        action="promote",
        candidate_version_id=second,
        decided_by="gate",
    )
    await models.promote(model_name="m", model_version="2", promoted_by="bob")
    await models.rollback(model_name="m", rolled_back_by="cyd", reason="errors")
    await models.retire(model_name="m", retired_by="dan")
    assert first != second
    return AsyncAuditRepository(db)


async def test_every_change_is_recorded_with_who_and_what(audit: AsyncAuditRepository) -> None:
    entries = list(reversed(await audit.list_entries()))
    assert [(entry.seq, entry.event, entry.actor) for entry in entries] == [
        (1, "promotion", "ann"),
        (2, "decision", "gate"),
        (3, "retirement", "bob"),
        (4, "promotion", "bob"),
        (5, "retirement", "cyd"),
        (6, "rollback", "cyd"),
        (7, "retirement", "dan"),
    ]
    promotion, closed, rollback = entries[0], entries[2], entries[5]
    assert promotion.before is None
    assert promotion.after is not None
    assert promotion.after["deployed_at"] == "2026-01-01T12:00:00+00:00"
    assert (promotion.object_table, promotion.object_id) == (
        "model_deployments",
        promotion.after["id"],
    )
    assert closed.before == promotion.after
    assert closed.after is not None
    assert closed.after["retired_by"] == "bob"
    assert rollback.after is not None
    assert (rollback.after["restores_id"], rollback.after["reason"]) == (
        promotion.object_id,
        "errors",
    )
    assert promotion.prev_hash == "0" * 64
    assert [entry.prev_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert abs(datetime.now(UTC) - promotion.recorded_at) < timedelta(minutes=5)
    assert await audit.get(seq=4) == entries[3]
    assert await audit.get(seq=8) is None


async def test_entries_are_filtered_and_paged(audit: AsyncAuditRepository) -> None:
    newest = await audit.list_entries(limit=3)
    assert [entry.seq for entry in newest] == [7, 6, 5]
    assert [e.seq for e in await audit.list_entries(limit=3, before=5)] == [4, 3, 2]
    deployment = newest[0].object_id
    for filters, found in (
        ({"event": "retirement"}, [7, 5, 3]),
        ({"actor": "cyd"}, [6, 5]),
        ({"object_table": "model_deployments", "object_id": deployment}, [7, 6]),
        ({"since": newest[2].recorded_at}, [7, 6, 5]),
        ({"until": newest[2].recorded_at}, [4, 3, 2, 1]),
    ):
        assert [e.seq for e in await audit.list_entries(**filters)] == found
    with pytest.raises(InvalidValue, match="limit"):
        await audit.list_entries(limit=0)


async def test_a_whole_log_verifies_against_every_head_it_ever_had(
    audit: AsyncAuditRepository,
) -> None:
    head = await audit.head()
    assert head.seq == 7
    assert await audit.verify() == AuditCheck(head=str(head), broken_seq=None, problem=None)
    earlier = [f"0:{'0' * 64}", *(f"{e.seq}:{e.hash}" for e in await audit.list_entries())]
    for published in earlier:
        assert (await audit.verify(against=published)).problem is None


async def test_another_log_is_not_the_published_one(audit: AsyncAuditRepository) -> None:
    head = await audit.head()
    replaced = await audit.verify(against=f"3:{head.hash}")
    assert (replaced.broken_seq, replaced.problem) == (
        3,
        "is not the published one: it, or one before it, was replaced",
    )
    cut = await audit.verify(against=f"9:{head.hash}")
    assert (cut.broken_seq, cut.problem) == (
        8,
        "is missing: the log ends before the published head",
    )
    for wrong in ("", "7", head.hash, f"7:{head.hash}0", f"-1:{head.hash}", f"7:{'g' * 64}", 7):
        with pytest.raises(InvalidValue, match="against"):
            await audit.verify(against=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidValue, match="against"):
            verify_lines([], against=wrong)  # type: ignore[arg-type]


async def test_an_export_verifies_without_the_database(
    audit: AsyncAuditRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 3)
    head = str(await audit.head())
    lines = [line async for line in audit.export()]
    assert len(lines) == 7
    assert lines[4:] == [line async for line in audit.export(after=4)]
    assert verify_lines(lines, against=head) == await audit.verify(against=head)
    assert verify_lines(f"{line}\n" for line in lines).problem is None
    for number, spoilt in enumerate((lines[0][:-1], "", "{}", "[1]", '{"hash": "\ud800"}')):
        check = verify_lines([*lines[:number], spoilt, *lines[number:]])
        assert (check.broken_seq, check.problem) == (number + 1, "is not a line of an export")


async def test_an_empty_log_is_whole(db: AsyncDatabase) -> None:
    audit = AsyncAuditRepository(db)
    assert await audit.head() == AuditHead(seq=0, hash="0" * 64)
    assert (await audit.verify()).problem is None
    assert [line async for line in audit.export()] == []
    assert verify_lines([]) == await audit.verify()


async def test_erasing_a_request_is_recorded_without_what_it_was(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    conn: psycopg.Connection,
) -> None:
    await models.insert(model_name="m")
    await predictions.insert(
        model_name="m", model_version="1", request_id="of erin", inputs={"name": "erin"}
    )
    assert await predictions.erase(request_id="of nobody") == 0
    assert await predictions.erase(request_id="of erin") == 1
    [entry] = await AsyncAuditRepository(db).list_entries()
    assert (entry.event, entry.object_table) == ("erasure", "deletions")
    assert entry.after is not None
    assert (entry.after["table_name"], entry.after["num_rows"]) == ("predictions", 1)
    [(rows,)] = conn.execute("SELECT count(*) FROM audit_log WHERE after::text LIKE '%erin%'")
    assert rows == 0
