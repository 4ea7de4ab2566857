"""Reading, verifying and exporting the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
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


async def test_who_requests_reviews_and_executes_an_action_is_the_actor_of_each(
    db: AsyncDatabase,
) -> None:
    actions = AsyncAgentActionsRepository(db)
    made = await actions.insert(requested_by="bob", action_type="restart", risk_level="high")
    await actions.approve(id=made, reviewed_by="ann")
    await actions.mark_executed(id=made, executed_by="job")
    found = await AsyncAuditRepository(db).list_entries()
    assert [each.actor for each in found if each.object_table == "agent_actions"] == [
        "job", "ann", "bob",
    ]  # fmt: skip


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


async def test_what_was_verified_is_not_read_again_from_its_head_on(
    audit: AsyncAuditRepository, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_VERIFIED_AT_ONCE", 2)
    whole: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    entries = {entry.seq: entry for entry in await audit.list_entries()}
    head = f"4:{entries[4].hash}"
    assert (await audit.verify(progress=lambda *seen: whole.append(seen))).problem is None
    assert (await audit.verify(since=head, progress=lambda *s: rest.append(s))).problem is None
    assert (whole, rest) == ([(2, 7), (4, 7), (6, 7), (7, 7)], [(6, 7), (7, 7)])

    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = 2")
    assert (await audit.verify(since=head)).problem is None
    assert (await audit.verify()).broken_seq == 2
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = 6")
    assert (await audit.verify(since=head)).broken_seq == 6
    other = await audit.verify(since=f"4:{entries[3].hash}")
    assert (other.broken_seq, other.problem) == (4, "is not the one that was verified before")
    with pytest.raises(InvalidValue, match="against"):
        await audit.verify(since=head, against=f"3:{entries[3].hash}")


async def test_the_functions_of_the_ledger_do_not_verify_themselves(
    audit: AsyncAuditRepository, conn: psycopg.Connection
) -> None:
    head = str(await audit.head())
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = 6")
    conn.execute(
        "CREATE OR REPLACE FUNCTION ledger_audit_hash(entry audit_log) RETURNS bytea"
        " LANGUAGE sql STABLE RETURN (entry).hash"
    )
    conn.execute(
        "CREATE OR REPLACE FUNCTION ledger_audit_text(entry audit_log) RETURNS text"
        " LANGUAGE sql STABLE RETURN 'anything'"
    )
    for name, result in (("sha256", "'\\x00'::bytea"), ("convert_to", "'\\x00'::bytea")):
        types = "bytea" if name == "sha256" else "text, text"
        conn.execute(
            f"CREATE FUNCTION {name}({types}) RETURNS bytea LANGUAGE sql RETURN {result}".encode()
        )
    for check in (
        await audit.verify(against=head),
        verify_lines([line async for line in audit.export()], against=head),
    ):
        assert check.broken_seq == 6


async def test_an_export_may_have_a_byte_order_mark_and_other_line_ends(
    audit: AsyncAuditRepository,
) -> None:
    lines = [line async for line in audit.export()]
    assert verify_lines([f"\ufeff{lines[0]}\r\n", *(f"{line}\r\n" for line in lines[1:])]) == (
        await audit.verify()
    )
    assert verify_lines([lines[0], f"\ufeff{lines[1]}"]).broken_seq == 2
