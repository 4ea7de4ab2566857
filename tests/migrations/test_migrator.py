from __future__ import annotations

import traceback
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger.errors import (
    ConfigError,
    InvalidValue,
    MigrationError,
    SchemaError,
    Unavailable,
)
from mlops_ledger.migrations import Migrator


@pytest.fixture
def conn(empty_database):
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def three(write, folder):
    for number, table in enumerate("abc", start=1):
        write(f"000{number}_{table}", f"CREATE TABLE {table} (id int);", f"DROP TABLE {table};")
    return folder


def tables(conn) -> list[str]:
    rows = conn.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
        "AND tablename <> 'ledger_migrations' ORDER BY 1"
    )
    return [name for (name,) in rows]


def recorded(conn) -> list[int]:
    return [v for (v,) in conn.execute("SELECT version FROM ledger_migrations ORDER BY 1")]


def test_up_applies_what_is_pending_and_then_nothing(empty_database, conn, three):
    seen = []
    applied = Migrator(empty_database, three).up(on_step=seen.append)

    assert [str(state) for state in applied] == ["0001_a", "0002_b", "0003_c"]
    assert seen == applied
    assert tables(conn) == ["a", "b", "c"]
    assert Migrator(empty_database, three).up() == []


def test_up_records_who_when_and_how_long(empty_database, conn, write):
    folder = write("0001_a", "SELECT pg_sleep(0.05);")
    began = monotonic()
    [state] = Migrator(empty_database, folder).up()
    elapsed = monotonic() - began

    user, now = conn.execute("SELECT session_user, now()").fetchone()
    assert (state.state, state.applied_by) == ("applied", user)
    assert 0 <= (now - state.applied_at).total_seconds() < 60
    assert 50 <= state.duration_ms <= 1000 * elapsed
    assert Migrator(empty_database, folder).status() == [state]


def test_every_column_of_the_record_table_has_a_comment(empty_database, conn, three):
    Migrator(empty_database, three).up()

    missing = conn.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_migrations'::regclass "
        "AND attnum >= 0 AND col_description(attrelid, attnum) IS NULL"
    ).fetchall()
    assert missing == []
    assert conn.execute("SELECT obj_description('ledger_migrations'::regclass)").fetchone()[0]


def test_up_stops_at_the_version_asked_for(empty_database, conn, three):
    migrator = Migrator(empty_database, three)

    assert [state.version for state in migrator.up(to=2)] == [1, 2]
    assert tables(conn) == ["a", "b"]
    assert migrator.up(to=1) == []
    with pytest.raises(MigrationError, match="there is no version 4"):
        migrator.up(to=4)


def test_down_reverts_one_step_unless_told(empty_database, conn, three):
    migrator = Migrator(empty_database, three)
    migrator.up()

    assert [str(state) for state in migrator.down()] == ["0003_c"]
    assert (tables(conn), recorded(conn)) == (["a", "b"], [1, 2])
    assert [state.version for state in migrator.down(to=0)] == [2, 1]
    assert (tables(conn), recorded(conn)) == ([], [])
    assert migrator.down() == []


def test_down_takes_several_steps_newest_first(empty_database, conn, three):
    migrator = Migrator(empty_database, three)
    migrator.up()

    assert [state.version for state in migrator.down(steps=2)] == [3, 2]
    with pytest.raises(InvalidValue, match="steps"):
        migrator.down(steps=0)
    assert recorded(conn) == [1]


def test_status_and_plan_write_nothing(empty_database, conn, three):
    migrator = Migrator(empty_database, three)

    assert [state.state for state in migrator.status()] == ["pending"] * 3
    assert [str(migration) for migration in migrator.plan(to=2)] == ["0001_a", "0002_b"]
    assert conn.execute("SELECT to_regclass('ledger_migrations')").fetchone() == (None,)


def test_an_edited_applied_file_is_refused_by_name(empty_database, conn, three, write):
    Migrator(empty_database, three).up(to=2)
    write("0001_a", "CREATE TABLE a (id bigint);", "DROP TABLE a;")
    migrator = Migrator(empty_database, three)

    assert [state.state for state in migrator.status()] == ["edited", "applied", "pending"]
    for refused in (migrator.up, migrator.plan, migrator.verify, migrator.down):
        with pytest.raises(MigrationError, match="0001_a: the up file was edited"):
            refused()
    assert (tables(conn), recorded(conn)) == (["a", "b"], [1, 2])


def test_allow_changed_accepts_the_edited_file_for_good(empty_database, three, write):
    Migrator(empty_database, three).up(to=2)
    write("0001_a", "CREATE TABLE a (id bigint);", "DROP TABLE a;")
    migrator = Migrator(empty_database, three)

    assert [state.version for state in migrator.up(allow_changed=True)] == [3]
    migrator.verify()


def test_a_checkout_with_crlf_line_ends_is_the_same_schema(empty_database, conn, write):
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT 1\n$$;\n"
    folder = write("0001_a", body)
    (folder / "0001_a.up.sql").write_bytes(body.replace("\n", "\r\n").encode())
    Migrator(empty_database, folder).up()
    (folder / "0001_a.up.sql").write_bytes(body.encode())

    Migrator(empty_database, folder).verify()
    assert conn.execute("SELECT prosrc FROM pg_proc WHERE proname = 'f'").fetchone() == (
        "\nSELECT 1\n",
    )


def test_a_new_file_older_than_an_applied_one_is_refused(empty_database, conn, three):
    migrator = Migrator(empty_database, three)
    migrator.up(to=2)
    conn.execute("DELETE FROM ledger_migrations WHERE version = 1")

    with pytest.raises(MigrationError, match="0001_a: not applied, but 0002 already is"):
        migrator.up()
    assert recorded(conn) == [2]


def test_verify_tells_behind_and_ahead(empty_database, three, write):
    migrator = Migrator(empty_database, three)
    with pytest.raises(SchemaError, match="lacks 0001_a, 0002_b, 0003_c"):
        migrator.verify()
    migrator.up()
    migrator.verify()

    for path in three.glob("0003*"):
        path.unlink()
    older = Migrator(empty_database, three)
    with pytest.raises(SchemaError, match="0003_c of a newer release"):
        older.verify()
    for change in (older.down, older.up, older.plan):
        with pytest.raises(SchemaError, match="0003_c of a newer release"):
            change()
    assert [state.state for state in older.status()] == ["applied", "applied", "missing"]


def test_a_failing_statement_leaves_nothing_of_its_file(empty_database, conn, three, write):
    write("0002_b", "CREATE TABLE b (id int);\nINSERT INTO b VALUES (1);\nSELEC 1;\n")
    with pytest.raises(MigrationError, match=r"^0002_b\.up\.sql, line 3: syntax error") as caught:
        Migrator(empty_database, three).up()

    assert (tables(conn), recorded(conn)) == (["a"], [1])
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_failure_late_in_a_file_names_its_line(empty_database, conn, write):
    folder = write("0001_a", "CREATE TABLE ä (id int);\nINSERT INTO ä VALUES ('%s');\nTABLE nix;\n")
    with pytest.raises(MigrationError, match=r"0001_a\.up\.sql, line 2: invalid input syntax"):
        Migrator(empty_database, folder).up()
    assert tables(conn) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE UNIQUE INDEX ON people (name)", "could not create unique index"),
        ("ALTER TABLE people ALTER name TYPE int USING name::int", "InvalidTextRepresentation"),
    ],
)
def test_an_error_does_not_quote_rows(empty_database, conn, write, statement, message):
    conn.execute("CREATE TABLE people AS SELECT 'planted' AS name FROM generate_series(1, 2)")
    folder = write("0001_a", statement)

    with pytest.raises(MigrationError, match=rf"0001_a\.up\.sql: .*{message}") as caught:
        Migrator(empty_database, folder).up()
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_a_constraint_that_fails_at_commit_leaves_nothing(empty_database, conn, write):
    folder = write(
        "0001_a",
        "CREATE TABLE a (id int PRIMARY KEY);\n"
        "CREATE TABLE b (a_id int REFERENCES a INITIALLY DEFERRED);\n"
        "INSERT INTO b VALUES (2);",
    )
    with pytest.raises(MigrationError, match=r"0001_a\.up\.sql: .*foreign key"):
        Migrator(empty_database, folder).up()
    assert (tables(conn), recorded(conn)) == ([], [])


def test_a_failing_down_script_changes_nothing(empty_database, conn, three, write):
    write("0003_c", "CREATE TABLE c (id int);", "DROP TABLE c;\nDROP TABLE nix;")
    migrator = Migrator(empty_database, three)
    migrator.up()

    with pytest.raises(MigrationError, match=r"0003_c\.down\.sql: table \"nix\" does not exist"):
        migrator.down(to=0)
    assert (tables(conn), recorded(conn)) == (["a", "b", "c"], [1, 2, 3])


@pytest.mark.parametrize("control", ["COMMIT", "COMMIT; BEGIN", "ROLLBACK", "ROLLBACK; BEGIN"])
def test_a_script_that_ends_its_transaction_is_noticed(empty_database, conn, write, control):
    folder = write("0001_a", f"CREATE TABLE a (id int);\n{control};\nCREATE TABLE b (id int);")

    with pytest.raises(MigrationError, match=r"0001_a\.up\.sql ends the transaction"):
        Migrator(empty_database, folder).up()
    assert recorded(conn) == []


def test_a_script_is_sent_as_it_stands(empty_database, conn, write):
    folder = write(
        "0001_a",
        "CREATE TABLE a AS SELECT '%s %(x)s %% ; é' AS t; /* /* ; */ $$ */\n"
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN\n"
        "  RETURN $$;$$ || (SELECT t FROM a); -- '\n"
        "END $f$;",
    )
    Migrator(empty_database, folder).up()

    assert conn.execute("SELECT f()").fetchone() == (";%s %(x)s %% ; é",)


def test_functions_pin_the_ledgers_schema_whatever_a_script_set(empty_database, conn, write):
    write("0001_a", "SET search_path = pg_catalog; SET lock_timeout = '1h';")
    folder = write(
        "0002_b",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql SET search_path FROM CURRENT\n"
        "AS $$ SELECT current_setting('search_path') $$;\n"
        "CREATE TABLE b AS SELECT current_setting('lock_timeout') AS lock_timeout;",
    )
    Migrator(empty_database, folder, lock_timeout=2.5).up()

    assert conn.execute("SELECT f()").fetchone() == ("public, pg_temp",)
    assert conn.execute("SELECT lock_timeout FROM b").fetchone() == ("2500ms",)


@pytest.mark.parametrize("begin", ["", "-- migrate: no-transaction\n"])
def test_what_a_script_sets_ends_with_it(empty_database, conn, write, begin):
    write("0001_a", f"{begin}SET extra_float_digits = -12;\nSET check_function_bodies = off;")
    folder = write(
        "0002_b",
        "CREATE TABLE b AS SELECT (1 / 3::float8)::text AS third,"
        " current_setting('check_function_bodies') AS checks;",
    )
    Migrator(empty_database, folder).up()

    assert conn.execute("SELECT * FROM b").fetchone() == ("0.3333333333333333", "on")


def test_two_schemas_of_one_database_are_two_ledgers(empty_database, conn, three):
    conn.execute('CREATE SCHEMA "Team A"')
    theirs = make_conninfo(empty_database, options='-c search_path="Team\\ A",public')
    Migrator(empty_database, three).up(to=1)

    assert len(Migrator(theirs, three).up()) == 3
    assert conn.execute('SELECT count(*) FROM "Team A".ledger_migrations').fetchone() == (3,)
    assert (tables(conn), recorded(conn)) == (["a"], [1])


def test_a_search_path_without_a_schema_is_refused(empty_database, three):
    nowhere = make_conninfo(empty_database, options="-c search_path=nowhere")

    with pytest.raises(SchemaError, match="search_path"):
        Migrator(nowhere, three).up()


def test_the_settings_of_a_role_do_not_disturb(empty_database, conn, write):
    folder = write(
        "0001_a",
        "SELECT pg_sleep(0.3);\n"
        "CREATE TABLE a AS SELECT timestamptz '2026-01-01 00:00' AS midnight;",
    )
    odd = make_conninfo(empty_database, options="-c statement_timeout=100 -c timezone=Asia/Tokyo")
    Migrator(odd, folder).up()

    assert conn.execute("SELECT midnight = '2026-01-01 00:00Z' FROM a").fetchone() == (True,)


def test_a_table_in_use_stops_the_migration_after_the_lock_timeout(empty_database, conn, write):
    folder = write("0001_a", "CREATE TABLE made (id int); ALTER TABLE busy ADD COLUMN x int;")
    conn.execute("CREATE TABLE busy (id int)")
    migrator = Migrator(empty_database, folder, lock_timeout=0.2)

    with conn.transaction():
        conn.execute("SELECT FROM busy")
        with pytest.raises(MigrationError, match=r"0001_a\.up\.sql: .*lock timeout"):
            migrator.up()
    assert tables(conn) == ["busy"]
    assert len(migrator.up()) == 1


@pytest.mark.parametrize(
    ("dsn", "error"),
    [
        ("postgresql://u:planted@127.0.0.1:1/ledger", Unavailable),
        ("postgresql://u:pl@anted@127.0.0.1/ledger", ConfigError),
        ("host=127.0.0.1 port=planted", ConfigError),
    ],
)
def test_an_unusable_connection_string_is_refused_without_quoting_it(three, dsn, error):
    with pytest.raises(error) as caught:
        Migrator(dsn, three).up()
    assert "anted" not in "".join(traceback.format_exception(caught.value))


def test_baseline_records_without_running(empty_database, conn, three):
    migrator = Migrator(empty_database, three)

    assert [str(state) for state in migrator.baseline(2)] == ["0001_a", "0002_b"]
    assert (tables(conn), recorded(conn)) == ([], [1, 2])
    assert [state.version for state in migrator.up()] == [3]
    with pytest.raises(MigrationError, match="already recorded"):
        migrator.baseline(3)


def test_concurrently_works_outside_a_transaction(empty_database, conn, write):
    write("0001_a", "CREATE TABLE a (id int);")
    folder = write(
        "0002_index",
        "-- migrate: no-transaction\n"
        "DROP INDEX CONCURRENTLY IF EXISTS a_id_idx;\n"
        "-- next\n"
        "CREATE UNIQUE INDEX CONCURRENTLY a_id_idx ON a (id);\n",
        "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY a_id_idx;",
    )
    migrator = Migrator(empty_database, folder)
    migrator.up(to=1)
    conn.execute("INSERT INTO a VALUES (1), (1)")
    with pytest.raises(MigrationError, match=r"0002_index\.up\.sql: could not create unique index"):
        migrator.up()
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_id_idx')"
    assert conn.execute(valid).fetchone() == (False,)

    conn.execute("TRUNCATE a")
    assert [state.version for state in migrator.up()] == [2]
    assert conn.execute(valid).fetchone() == (True,)
    migrator.down()
    assert conn.execute(valid).fetchone() is None


def test_a_part_outside_a_transaction_names_its_line_in_the_file(empty_database, write):
    folder = write("0001_a", "-- migrate: no-transaction\nSELECT 1;\n-- next\n\nSELEC 2;")

    with pytest.raises(MigrationError, match=r"0001_a\.up\.sql, line 5: syntax error"):
        Migrator(empty_database, folder).up()


@pytest.mark.parametrize(
    "statement", ["COPY t FROM STDIN;", "COPY t\n TO STDOUT;", "COPY t (a) FROM stdin;\n1\n\\.\n"]
)
def test_copy_through_the_client_is_refused_with_its_line(empty_database, conn, write, statement):
    folder = write("0001_t", f"CREATE TABLE t (a int);\n-- rows\n{statement}", "DROP TABLE t;")
    with pytest.raises(MigrationError, match=r"0001_t\.up\.sql, line 3: COPY"):
        Migrator(empty_database, folder).up()
    assert (tables(conn), recorded(conn)) == ([], [])


def test_copy_in_a_script_without_a_transaction_is_refused_too(empty_database, conn, write):
    script = "-- migrate: no-transaction\nCREATE TABLE t (a int);\n-- next\nCOPY t TO STDOUT;"
    folder = write("0001_t", script, "DROP TABLE t;")
    with pytest.raises(MigrationError, match=r"0001_t\.up\.sql, line 4: "):
        Migrator(empty_database, folder).up()
    assert recorded(conn) == []
