"""Every tampering by a superuser with the audit log or the schema is found, with a published head.

What was done to the log is found in the database and in an export, what was done to the schema in
the database.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from fix_faults import examples, full

from mlops_ledger import AuditRepository, Transaction
from mlops_ledger.admin.verify import Verification
from mlops_ledger.audit import verify_lines
from mlops_ledger.rows import AuditCheck

Conn = psycopg.Connection[Any]
Tampering = Callable[[Conn, random.Random], None]
SIZE = 24
ROUNDS = examples(full(1000, 60))

# What a superuser can do who knows the code: make the chain fit again from an entry on.
REWRITE = """
DO $$
DECLARE
    entry audit_log;
    last audit_log;
BEGIN
    FOR entry IN SELECT * FROM audit_log ORDER BY seq LOOP
        entry.prev_hash := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
        entry.hash := ledger_audit_hash(entry);
        UPDATE audit_log SET prev_hash = entry.prev_hash, hash = entry.hash WHERE seq = entry.seq;
        last := entry;
    END LOOP;
    UPDATE audit_head SET seq = last.seq, hash = last.hash;
END $$
"""
RESEAL = "UPDATE audit_log a SET hash = ledger_audit_hash(a) WHERE seq = %s"
FIELDS = {
    "seq": "-seq",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "db_role": "db_role || ' '",
    "actor": "'eve'",
    "event": "'rollback '",
    "object_table": "upper(object_table)",
    "object_id": "reverse(object_id)",
    "before": "CASE WHEN before IS NULL THEN 'null'::jsonb END",
    "after": "jsonb_set(after, '{reason}', '\"because\"')",
    "prev_hash": "set_byte(prev_hash, 7, 255 - get_byte(prev_hash, 7))",
    "hash": "set_byte(hash, 31, 255 - get_byte(hash, 31))",
    "actor, event": "(left(actor, -1), right(actor, 1) || event)",
    "recorded_at ": "recorded_at - interval '4051 years'",
    "after ": "replace(after::text, '0.5', '0.50')::jsonb || '{\"more\": null}'",
}


@pytest.fixture
def log(conn: Conn) -> Conn:
    """A log of decisions and promotions, with all triggers off as a superuser can have it."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m')")
    for number in range(SIZE // 4):
        conn.execute(
            "INSERT INTO retraining_decisions (model_name, trigger_reason, action, coverage_pct)"
            " VALUES ('m', 'drift', 'reject', 0.5)"
        )
        conn.execute("SELECT promote('m', %s)", [str(1 + number % 2)])
        conn.execute("UPDATE partition_policies SET period = %s", [("week", "day")[number % 2]])
    conn.execute("SET session_replication_role = replica")
    return conn


@contextmanager
def undone(conn: Conn) -> Any:
    with conn.transaction(force_rollback=True):
        yield


def checks(conn: Conn, against: str | None) -> tuple[AuditCheck, AuditCheck]:
    """Verify in the database and outside of it."""
    audit = AuditRepository(Transaction(conn))
    return audit.verify(against=against), verify_lines(audit.export(), against=against)


def last(conn: Conn) -> int:
    row = conn.execute("SELECT max(seq) FROM audit_log").fetchone()
    assert row is not None
    return int(row[0])


def change(conn: Conn, chance: random.Random) -> None:
    fields, values = chance.choice(list(FIELDS.items()))
    left = f"({fields})" if "," in fields else fields
    seq = chance.randint(1, last(conn))
    update = f"UPDATE audit_log SET {left} = {values} WHERE seq = {seq}"  # noqa: S608
    conn.execute(update.encode())
    if chance.random() < 0.5 and fields != "hash":
        conn.execute(RESEAL, [-seq if fields == "seq" else seq])


def delete(conn: Conn, chance: random.Random) -> None:
    first = chance.randint(1, last(conn))
    until = first + chance.choice((0, 0, 1, 5))
    conn.execute("DELETE FROM audit_log WHERE seq BETWEEN %s AND %s", [first, until])


def delete_and_close_up(conn: Conn, chance: random.Random) -> None:
    seq = chance.randint(1, last(conn) - 1)
    conn.execute("DELETE FROM audit_log WHERE seq = %s", [seq])
    for later in range(seq + 1, last(conn) + 1):
        conn.execute("UPDATE audit_log SET seq = seq - 1 WHERE seq = %s", [later])
        conn.execute(RESEAL, [later - 1])
    conn.execute("UPDATE audit_head SET seq = seq - 1")


def cut(conn: Conn, chance: random.Random) -> None:
    seq = chance.randint(0, last(conn) - 1)
    conn.execute("DELETE FROM audit_log WHERE seq > %s", [seq])
    conn.execute(
        "UPDATE audit_head SET seq = %s, hash = coalesce((SELECT hash FROM audit_log"
        " WHERE seq = %s), decode(repeat('00', 32), 'hex'))",
        [seq, seq],
    )


def swap(conn: Conn, chance: random.Random) -> None:
    one, other = chance.sample(range(1, last(conn) + 1), 2)
    for seq, to in ((one, -1), (other, one), (-1, other)):
        conn.execute("UPDATE audit_log SET seq = %s WHERE seq = %s", [to, seq])
    if chance.random() < 0.5:
        conn.execute(RESEAL, [one])
        conn.execute(RESEAL, [other])


def insert(conn: Conn, chance: random.Random) -> None:
    _insert(conn, chance.randint(0, last(conn) + 1))


def rewrite(conn: Conn, chance: random.Random) -> None:
    seq = chance.randint(1, last(conn))
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = %s", [seq])
    conn.execute(REWRITE)


def rewrite_shorter(conn: Conn, chance: random.Random) -> None:
    delete_and_close_up(conn, chance)
    conn.execute(REWRITE)


def rewrite_longer(conn: Conn, chance: random.Random) -> None:
    _insert(conn, chance.randint(1, last(conn)))
    conn.execute(REWRITE)


def _insert(conn: Conn, seq: int) -> None:
    for later in range(last(conn), seq - 1, -1):
        conn.execute("UPDATE audit_log SET seq = seq + 1 WHERE seq = %s", [later])
    conn.execute(
        "INSERT INTO audit_log SELECT (jsonb_populate_record(a, jsonb_build_object('seq', %s::int,"
        " 'actor', 'eve'))).* FROM audit_log a ORDER BY random() LIMIT 1",
        [seq],
    )
    conn.execute(RESEAL, [seq])


# What is done to an object of the schema; each query returns a statement for every one it fits.
ON_OBJECTS = {
    "replace a function": """
        SELECT regexp_replace(pg_get_functiondef(oid), E'\\nBEGIN\\n', E'\\nBEGIN\\n    NULL;\\n')
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosrc LIKE E'%\\nBEGIN\\n%'""",
    "have a function run as its caller": """
        SELECT format('ALTER FUNCTION %s SECURITY INVOKER', oid::regprocedure)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef""",
    "disable a trigger": """
        SELECT format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass, how, tgname)
        FROM pg_trigger, unnest('{DISABLE,ENABLE REPLICA}'::text[]) how
        WHERE NOT tgisinternal AND tgparentid = 0""",
    "drop a trigger": """
        SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
        FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0""",
    "add a column": """
        SELECT format('ALTER TABLE %s ADD COLUMN extra text', oid::regclass)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT relispartition""",
    "replace a view": """
        SELECT format('CREATE OR REPLACE VIEW %s WITH (security_invoker) AS SELECT * FROM (%s) v',
                      oid::regclass, rtrim(pg_get_viewdef(oid), ';'))
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'""",
    "grant a right": """
        SELECT format('GRANT %s ON %s TO PUBLIC', what, oid::regclass)
        FROM pg_class, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) what
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')""",
    "let all run a function": """
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', oid::regprocedure)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND NOT has_function_privilege('public', oid, 'EXECUTE')""",
    "add a function that is called in place of the system's": """
        SELECT format('CREATE FUNCTION concat_ws(text, %s) RETURNS text RETURN $1', type)
        FROM unnest('{text,"text, text",integer}'::text[]) type""",
    "add a rule": """
        SELECT format('CREATE RULE extra AS ON %s TO %s DO INSTEAD NOTHING', what, oid::regclass)
        FROM pg_class, unnest('{INSERT,UPDATE,DELETE}'::text[]) what
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')""",
    "add a policy": """
        SELECT format('CREATE POLICY extra ON %s USING (false)', oid::regclass)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')""",
    "enable row security": """
        SELECT format('ALTER TABLE %s %s ROW LEVEL SECURITY', oid::regclass, how)
        FROM pg_class, unnest('{ENABLE,FORCE}'::text[]) how
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT relispartition AND NOT (relrowsecurity AND how = 'ENABLE')""",
    "drop a policy": """
        SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) FROM pg_policy""",
    "change a policy": """
        SELECT format('ALTER POLICY %I ON %s USING (true)', polname, polrelid::regclass)
        FROM pg_policy""",
    "add an event trigger": """
        SELECT 'CREATE FUNCTION quiet() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END'';'
               'CREATE EVENT TRIGGER quiet ON ' || event || ' EXECUTE FUNCTION quiet()'
        FROM unnest('{ddl_command_start,ddl_command_end,sql_drop}'::text[]) event""",
    "change a column": """
        SELECT format('ALTER TABLE %s ALTER COLUMN %I %s', c.oid::regclass, a.attname, how)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        CROSS JOIN unnest('{DROP NOT NULL,SET DEFAULT NULL}'::text[]) how
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
        AND a.attname IN ('deployed_by', 'requested_by', 'recorded_at') AND attnotnull
        AND (how LIKE '%NULL' AND atthasdef OR how LIKE 'DROP%')""",
    "drop a rule": """
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'c'""",
}
SCHEMA_CHECKS = {"objects_missing", "objects_changed", "objects_added", "triggers_off", "grants"}


def change_an_object(conn: Conn, chance: random.Random, what: str) -> str:
    statements = sorted(text for (text,) in conn.execute(ON_OBJECTS[what].encode()))
    statement = chance.choice(statements)
    conn.execute(statement.encode())
    return str(statement)


def found_in_schema(conn: Conn) -> set[str]:
    checks = Verification(Transaction(conn)).checks()
    return {each.check for each in checks if each.found} & SCHEMA_CHECKS


def hide_in_replaced_hashes(conn: Conn, chance: random.Random) -> None:
    """Change an entry, and have the functions of the ledger say that it has its hash."""
    seq = chance.randint(1, last(conn))
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = %s", [seq])
    conn.execute(
        "CREATE OR REPLACE FUNCTION ledger_audit_hash(entry audit_log) RETURNS bytea"
        " LANGUAGE sql STABLE PARALLEL SAFE RETURN (entry).hash"
    )


KINDS: list[Tampering] = [
    change,
    delete,
    delete_and_close_up,
    cut,
    swap,
    insert,
    rewrite,
    rewrite_shorter,
    rewrite_longer,
    hide_in_replaced_hashes,
]


def test_every_tampering_is_found_with_a_published_head(log: Conn) -> None:
    head = str(AuditRepository(Transaction(log)).head())
    missed: list[tuple[str, int]] = []
    for number in range(ROUNDS):
        kind = KINDS[number % len(KINDS)]
        with undone(log):
            chance = random.Random(number)
            kind(log, chance)
            # Half of them also see to it that the next ones are easier.
            what = chance.choice(list(ON_OBJECTS)) if number % 2 else None
            done = what and change_an_object(log, chance, what)
            inside, outside = checks(log, head)
            if done and not found_in_schema(log):
                missed.append((done, number))
        if inside.problem is None or outside.problem is None:
            missed.append((kind.__name__, number))
    assert missed == []
    assert checks(log, head)[0].problem is None


@pytest.mark.parametrize("what", ON_OBJECTS)
def test_every_tampering_with_the_schema_is_found(log: Conn, what: str) -> None:
    assert found_in_schema(log) == set()
    missed = []
    for number in range(examples(full(100, 5))):
        with undone(log):
            done = change_an_object(log, random.Random(number), what)
            if not found_in_schema(log):
                missed.append(done)
    assert missed == []
    assert found_in_schema(log) == set()


def test_an_event_trigger_of_somebody_else_is_not_the_ledgers_matter(log: Conn) -> None:
    with undone(log):
        log.execute(
            "CREATE FUNCTION quiet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            "CREATE EVENT TRIGGER quiet ON ddl_command_end EXECUTE FUNCTION quiet()"
        )
        assert found_in_schema(log) == {"objects_added"}
        log.execute("CREATE ROLE own_quiet SUPERUSER; ALTER EVENT TRIGGER quiet OWNER TO own_quiet")
        assert found_in_schema(log) == set()


def test_what_is_temporary_stands_in_for_nothing(log: Conn) -> None:
    with undone(log):
        log.execute("CREATE TEMP TABLE ledger_privileges (LIKE ledger_privileges)")
        assert found_in_schema(log) == set()


def test_a_replaced_hash_function_deceives_nobody(log: Conn) -> None:
    head = str(AuditRepository(Transaction(log)).head())
    with undone(log):
        hide_in_replaced_hashes(log, random.Random(1))
        for check in [*checks(log, None), *checks(log, head)]:
            assert check.problem == "was changed: its hash is not that of its content"
        assert found_in_schema(log) == {"objects_changed"}


@pytest.mark.parametrize(
    ("tampering", "seq", "problem"),
    [
        (
            "UPDATE audit_log SET actor = 'eve' WHERE seq = 17",
            17,
            "was changed: its hash is not that of its content",
        ),
        ("DELETE FROM audit_log WHERE seq = 17", 17, "is missing"),
        ("DELETE FROM audit_log WHERE seq BETWEEN 5 AND 9", 5, "is missing, and all up to 9"),
        ("DELETE FROM audit_log WHERE seq = 1", 1, "is missing"),
        (
            "UPDATE audit_log a SET actor = 'eve', hash = ledger_audit_hash(jsonb_populate_record("
            "a, jsonb_build_object('actor', 'eve'))) WHERE seq = 17",
            18,
            "does not continue entry 17: one of the two was replaced",
        ),
        (
            "INSERT INTO audit_log SELECT (jsonb_populate_record(a, '{\"seq\": 0}')).*"
            " FROM audit_log a WHERE seq = 1",
            0,
            "was inserted",
        ),
    ],
)
def test_the_first_bad_entry_is_named(log: Conn, tampering: str, seq: int, problem: str) -> None:
    with undone(log):
        log.execute(tampering.encode())
        for check in checks(log, None):
            assert (check.broken_seq, check.problem) == (seq, problem)


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("DELETE FROM audit_log WHERE seq > 20", r"is missing: the log ended with entry \d+"),
        ("UPDATE audit_head SET seq = 20", "was inserted: the log ended with entry 20"),
        ("UPDATE audit_head SET seq = seq - 1", r"was inserted: the log ended with entry \d+"),
        ("UPDATE audit_head SET hash = sha256('')", "is not the one that was written last"),
        ("DELETE FROM audit_head", "cannot be written: audit_head is empty"),
        ("TRUNCATE audit_log", r"is missing: the log ended with entry \d+"),
    ],
)
def test_the_end_of_the_log_is_compared(log: Conn, tampering: str, problem: str) -> None:
    with undone(log):
        log.execute(tampering.encode())
        check = AuditRepository(Transaction(log)).verify()
        assert check.problem is not None
        assert re.fullmatch(problem, check.problem)


def test_a_log_rewritten_as_a_whole_needs_a_published_head_to_be_found(log: Conn) -> None:
    head = AuditRepository(Transaction(log)).head()
    with undone(log):
        rewrite(log, random.Random(1))
        assert checks(log, None)[0].problem is None
        for check in checks(log, str(head)):
            assert check.broken_seq == head.seq
