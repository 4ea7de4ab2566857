"""The audit log: what the chain costs beside entries without one; verification.

`python -m benchmarks.audit` prints ratios of one run on a server of its own. Decisions are recorded
without audit, with an entry that is not chained, and with the chained one. Entries of a chain are
written one transaction after the other, so each waits for the disk of the one before, while the
others share that wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mlops_ledger import AuditRepository, Database
from mlops_ledger.audit import verify_lines
from mlops_ledger.cli.output import echo_table

from .results import Result
from .scratch import database

ROUNDS = 5
SECONDS = 2.0

DECIDE = """
INSERT INTO retraining_decisions (model_name, trigger_reason, action, gate_results, decided_by)
VALUES ('m', 'drift', 'reject', %s, 'gate')
"""
GATES = '[{"gate": "roc_auc", "passed": false, "value": 0.7, "threshold": 0.75}]'

# What a plain trigger would do: the same columns, indexes and point in time, no hash and no head.
UNCHAINED = """
CREATE SEQUENCE unchained_seq;
CREATE TABLE unchained_log (LIKE audit_log INCLUDING ALL);
ALTER TABLE unchained_log ALTER prev_hash DROP NOT NULL, ALTER hash DROP NOT NULL;
CREATE FUNCTION unchained_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO unchained_log
        (seq, recorded_at, db_role, actor, event, object_table, object_id, before, after)
    VALUES (nextval('unchained_seq'), clock_timestamp(), session_user, NEW.decided_by, 'decision',
            TG_TABLE_NAME, NEW.id, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER unchained_audit AFTER INSERT ON retraining_decisions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unchained_audit();
ALTER TABLE retraining_decisions DISABLE TRIGGER unchained_audit,
    DISABLE TRIGGER retraining_decisions_audit_decision_insert;
"""
TRIGGERS = {
    "none": None,
    "unchained": "unchained_audit",
    "chained": "retraining_decisions_audit_decision_insert",
}

# As the trigger does, but in batches: a log of a million entries would take minutes otherwise.
FILL = """
DO $$
DECLARE
    entry audit_log;
BEGIN
    ALTER TABLE audit_log DISABLE TRIGGER USER;
    SELECT * INTO entry FROM audit_log ORDER BY seq DESC LIMIT 1;
    WHILE entry.seq < {size} LOOP
        entry.seq := entry.seq + 1;
        entry.recorded_at := clock_timestamp();
        entry.object_id := ledger_uuid();
        entry.prev_hash := entry.hash;
        entry.hash := ledger_audit_hash(entry);
        INSERT INTO audit_log SELECT entry.*;
    END LOOP;
    UPDATE audit_head SET seq = entry.seq, hash = entry.hash;
    ALTER TABLE audit_log ENABLE TRIGGER USER;
END $$
"""


def main(entries: int = 1_000_000) -> list[Result]:
    """Measure writes in turn, then verification, print both and return what has a goal."""
    with database() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
        connection.execute(UNCHAINED)
        writes = list(_writes(connection))
        echo_table(("connections", *TRIGGERS, "chained/unchained"), writes)
        connection.execute(FILL.format(size=entries).encode())
        connection.execute("VACUUM ANALYZE audit_log")
        verifications = list(_verifications(conninfo))
        echo_table(("verification", "entries", "seconds"), verifications)
    return [
        *(
            Result("chained / unchained entries, 4 connections", float(ratio), ">= 0.6")
            for connections, *_, ratio in writes
            if connections == 4
        ),
        Result("verifying a million entries, s", float(verifications[0][-1]), "<= 30"),
    ]


def _writes(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    conninfo = make_conninfo(connection.info.dsn, password=connection.info.password)
    for connections in (1, 4):
        rates: dict[str, list[float]] = {name: [] for name in TRIGGERS}
        for _ in range(ROUNDS):
            for name, trigger in TRIGGERS.items():
                if trigger:
                    _switch(connection, "ENABLE", trigger)
                rates[name].append(_rate(conninfo, connections))
                if trigger:
                    _switch(connection, "DISABLE", trigger)
        found = [round(median(rates[name])) for name in TRIGGERS]
        yield connections, *found, f"{found[2] / found[1]:.2f}"


def _switch(connection: psycopg.Connection[Any], how: str, trigger: str) -> None:
    connection.execute(f"ALTER TABLE retraining_decisions {how} TRIGGER {trigger}".encode())


def _rate(conninfo: str, connections: int) -> float:
    """Return how many decisions a second so many connections record, each in a transaction."""
    counts = [0] * connections
    barrier = threading.Barrier(connections)

    def work(number: int) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            barrier.wait()
            end = perf_counter() + SECONDS
            while perf_counter() < end:
                connection.execute(DECIDE, [GATES])
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def _verifications(conninfo: str) -> Iterator[tuple[Any, ...]]:
    with Database(conninfo) as db:
        audit = AuditRepository(db)
        entries = audit.head().seq
        began = perf_counter()
        assert audit.verify().problem is None
        yield "in the database", entries, round(perf_counter() - began, 1)
        began = perf_counter()
        assert verify_lines(audit.export()).problem is None
        yield "of an export", entries, round(perf_counter() - began, 1)


if __name__ == "__main__":
    main()
