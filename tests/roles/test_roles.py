"""Each role, connected for real, can do what it must and is refused everything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from fix_roles import (
    KINDS,
    NAMES,
    OPERATIONS,
    Operation,
    Users,
    drop_owned,
    drop_roles,
    table,
)
from psycopg import sql

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    AuditRepository,
    Database,
    EventsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PredictionLogger,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    Settings,
    events,
    new_id,
)
from mlops_ledger.admin.objects import Objects, expected_objects
from mlops_ledger.admin.roles import Roles
from mlops_ledger.admin.stats import Statistics
from mlops_ledger.admin.verify import verify
from mlops_ledger.cli import main
from mlops_ledger.errors import Conflict, InvalidValue, LedgerError
from mlops_ledger.migrations import Migrator

SINCE = datetime.now(UTC) - timedelta(hours=1)
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "roles.md"


def attempt(users: Users, kind: str, statement: str) -> str | None:
    """Run a statement up to its commit; return the SQLSTATE of a refusal."""
    connection = users.connection(kind)
    query = "SELECT name FROM ledger_partitions('predictions') LIMIT 1"
    [(partition,)] = connection.execute(query).fetchall()
    text = statement.format(partition=partition, prefix=users.prefix, **NAMES)
    with connection.transaction(force_rollback=True):
        try:
            connection.execute(text.encode())
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            return error.sqlstate
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.statement[:50])
def test_each_role_may_do_what_the_table_says(users: Users, operation: Operation) -> None:
    found = {kind: attempt(users, kind, operation.statement) for kind in KINDS}
    # History refuses its owner too, by trigger: MLAO0.
    refused = {kind: "MLAO0" if kind == "owner" else "42501" for kind in KINDS}
    assert found == {kind: None if kind in operation.allowed else refused[kind] for kind in KINDS}


def test_the_documentation_shows_the_same_table() -> None:
    assert "\n".join(table()) in PAGE.read_text("utf-8")


def test_every_table_and_view_has_its_privileges(conn: psycopg.Connection[Any]) -> None:
    query = (
        "SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = ANY (%s) AND NOT relispartition AND NOT EXISTS"
        " (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
    )
    there = conn.execute(query, [["r", "p", "v"]]).fetchall()
    numbers = conn.execute(query, [["S"]]).fetchall()
    named = conn.execute("SELECT object_name FROM ledger_privileges").fetchall()
    functions = conn.execute("SELECT proname::text FROM pg_proc").fetchall()
    assert set(there) <= set(named)
    assert set(named) <= set(there) | set(numbers) | set(functions)


def test_functions_with_the_rights_of_the_owner_are_guarded(conn: psycopg.Connection[Any]) -> None:
    found = conn.execute(
        "SELECT proname::text, proconfig, has_function_privilege('public', oid, 'EXECUTE')"
        " FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    ).fetchall()
    assert len(found) >= 15
    for name, settings, public in found:
        assert "search_path=public, pg_temp" in settings, name
        assert not public, name


def test_a_temporary_table_does_not_stand_in_for_a_real_one(users: Users) -> None:
    connection = users.connection("writer")
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMP TABLE model_versions (LIKE public.model_versions)")
        connection.execute("CREATE TEMP TABLE model_deployments (LIKE public.model_deployments)")
        connection.execute("SELECT promote('m', '2')")
        there = "SELECT count(*) FROM public.model_deployments WHERE retired_at IS NULL"
        assert connection.execute(there).fetchone() == (1,)
        staged = "SELECT count(*) FROM pg_temp.model_deployments"
        assert connection.execute(staged).fetchone() == (0,)


def test_the_one_who_calls_is_the_one_who_did_it(users: Users) -> None:
    login = f"{users.prefix}writer_user"
    connection = users.connection("writer")
    with connection.transaction(force_rollback=True):
        query = "SELECT deployed_by FROM promote('m', '2')"
        assert connection.execute(query).fetchone() == (login,)


def test_partitions_made_by_a_writer_belong_to_the_owner(users: Users) -> None:
    connection = users.connection("writer")
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT ensure_partitions('predictions', '2020-01-01Z', '2020-01-01Z')")
        query = "SELECT tableowner FROM pg_tables WHERE tablename = 'predictions_p2020_01_01'"
        assert connection.execute(query).fetchone() == (f"{users.prefix}owner",)


def test_a_writer_can_run_every_job(users: Users, tmp_path: Path) -> None:
    settings = Settings(conninfo=users.dsn_of("writer"), spool_dir=tmp_path)
    at = datetime.now(UTC)
    with Database(settings) as db:
        models, predictions = ModelVersionRepository(db), PredictionsRepository(db)
        version_id = models.insert(model_name="jobs", feature_names=["x"])
        models.promote(model_name="jobs", model_version="1")
        rows = [
            {
                "id": new_id(at),
                "predicted_at": at,
                "features": [1.0],
                "probability": 0.5,
                "inputs": {},
            }
            for _ in range(3)
        ]
        for write, count in ((rows[:2], 2), (rows, 1)):
            stored = predictions.insert_many(
                rows=write, model_name="jobs", model_version="1", idempotency_key=new_id()
            )
            assert stored.stored == count
        predictions.insert(model_name="jobs", model_version="1")
        truth = GroundTruthRepository(db)
        truth.insert_many(rows=[{"prediction_id": rows[0]["id"], "actual_value": 1.0}])
        truth.insert(prediction_id=rows[1]["id"], actual_value=0.0)
        # Matched by a trigger when the prediction is committed, with the writer's own rights.
        truth.insert(request_id="soon", actual_value=1.0)
        predictions.insert(model_name="jobs", model_version="1", request_id="soon", features=[1.0])
        assert truth.performance(model_name="jobs", since=at).labeled_samples == 3
        run = MonitoringMetricsRepository(db).insert(
            model_name="jobs",
            model_version_id=version_id,
            timestamp=at,
            lookback_hours=24.0,
            num_predictions=3,
        )
        decision = RetrainingDecisionsRepository(db).insert(
            model_name="jobs", action="reject", trigger_reason="drift", monitoring_run_id=run
        )
        assert decision
    with PredictionLogger(settings, model_name="jobs", model_version="1") as log:
        log(probability=0.5, inputs={"a": 1})
    assert log.counters.stored == 1


def test_a_reader_can_look_but_not_see_inputs(users: Users) -> None:
    with Database(users.dsn_of("reader")) as db:
        ModelVersionRepository(db).timeline(model_name="m")
        assert (
            GroundTruthRepository(db).performance(model_name="m", since=SINCE).num_predictions == 1
        )
        assert PredictionsRepository(db).stats(model_name="m", since=SINCE).count == 1
        with pytest.raises(LedgerError, match=r"permission denied for table predictions"):
            PredictionsRepository(db).list_predictions(model_name="m", since=SINCE)
        [seen] = PredictionsRepository(db).list_recent(model_name="m", since=SINCE)
        assert PredictionsRepository(db).get_recent(id=seen.id) == seen
        with pytest.raises(LedgerError, match=r"permission denied for table predictions"):
            PredictionsRepository(db).get(id=seen.id)
        with pytest.raises(LedgerError, match=r"permission denied for function promote"):
            ModelVersionRepository(db).promote(model_name="m", model_version="2")


@pytest.mark.parametrize("column", ["inputs", "metadata", "user_agent", "client_ip"])
@pytest.mark.parametrize("kind", ["reader", "approver", "agent"])
def test_what_went_in_and_who_asked_is_not_for_everybody(
    users: Users, kind: str, column: str
) -> None:
    statement = f"SELECT {column} FROM predictions".encode()  # noqa: S608
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        users.connection(kind).execute(statement)
    assert users.connection("auditor").execute(statement).fetchall()


def test_an_auditor_can_verify_the_log(users: Users) -> None:
    with Database(users.dsn_of("auditor")) as db:
        assert AuditRepository(db).verify().problem is None


def test_an_approver_can_review(users: Users) -> None:
    with Database(users.dsn_of("approver")) as db:
        [action] = AgentActionsRepository(db).list_pending()
        [alert] = AlertsRepository(db).list_active()
        with db.transaction() as tx:
            assert AgentActionsRepository(tx).approve(id=action.id).status == "approved"
            assert AlertsRepository(tx).acknowledge(id=alert.id).status == "acknowledged"


def test_making_the_roles_again_changes_nothing_and_takes_back_what_is_too_much(
    users: Users,
) -> None:
    with Database(users.dsn) as db, psycopg.connect(users.dsn, autocommit=True) as admin:
        roles = Roles(db)
        before = roles.show(prefix=users.prefix)
        assert roles.missing(prefix=users.prefix) == []
        excess = psycopg.sql.SQL("GRANT DELETE ON predictions TO {}")
        admin.execute(excess.format(psycopg.sql.Identifier(f"{users.prefix}reader")))
        # As databases older than PostgreSQL 15 had it, and keep it.
        admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        assert roles.show(prefix=users.prefix) != before
        statements = roles.create(prefix=users.prefix)
        assert attempt(users, "writer", "CREATE TABLE deceiving (id integer)") == "42501"
        assert not [each for each in statements if each.startswith(("CREATE", "ALTER"))]
        assert roles.show(prefix=users.prefix) == before


@pytest.mark.not_distributed("who owns a database owns its copies on the workers not by that")
def test_somebody_who_is_no_superuser_can_make_them(
    empty_database: str, template: str, server_dsn: str
) -> None:
    name = f"t{new_id().hex}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'secret'")
        database = psycopg.conninfo.conninfo_to_dict(empty_database)["dbname"]
        admin.execute(f"ALTER DATABASE {database} OWNER TO {name}")
        dsn = psycopg.conninfo.make_conninfo(empty_database, user=name, password="secret")
        try:
            run = CliRunner(env={"DATABASE_URL": dsn})
            assert run.invoke(main, ["init"]).exit_code == 0
            prefix = f"{name[:12]}{name[-8:]}_"
            planned = run.invoke(main, ["roles", "create", "--prefix", prefix, "--dry-run"])
            assert planned.stdout.startswith(f"CREATE ROLE {prefix}owner NOLOGIN;\n")
            assert run.invoke(main, ["roles", "show", "--prefix", prefix]).exit_code == 1
            for _ in range(2):
                made = run.invoke(main, ["roles", "create", "--prefix", prefix])
                assert made.exit_code == 0, made.stderr
            shown = run.invoke(main, ["roles", "show", "--prefix", prefix, "--json"])
            grants = json.loads(shown.stdout)["grants"]
            assert {grant["role"] for grant in grants} == {f"{prefix}{kind}" for kind in KINDS}
            # The owner's member still works and migrates as before.
            for command in (["models", "register", "m"], ["models", "promote", "m", "1"]):
                assert run.invoke(main, command).exit_code == 0
            down = run.invoke(main, ["migrate", "down", "--steps", "2", "--yes"])
            assert down.exit_code == 0, down.stderr
            assert run.invoke(main, ["migrate", "up"]).exit_code == 0
        finally:
            with psycopg.connect(empty_database, autocommit=True) as there:
                drop_roles(there, *(prefix + kind for kind in KINDS), name)


@pytest.mark.not_distributed("Citus does not keep the quotes of the name of a schema")
def test_a_ledger_in_a_schema_of_its_own(empty_database: str, users: Users) -> None:
    with psycopg.connect(empty_database, autocommit=True) as admin:
        admin.execute('CREATE SCHEMA "Team A"')
        options = '-c search_path="Team\\ A"'
        dsn = psycopg.conninfo.make_conninfo(empty_database, options=options)
        Migrator(dsn).up()
        with Database(dsn) as db:
            Roles(db).create(prefix=users.prefix)
            ModelVersionRepository(db).insert(model_name="m")
            assert verify(Settings(conninfo=dsn))[0].found == 0
            assert [table.rows for table in Statistics(db).tables() if table.rows]
        writer = psycopg.conninfo.make_conninfo(
            users.dsn_of("writer"), dbname=admin.info.dbname, options=options
        )
        with Database(writer) as db:
            ModelVersionRepository(db).promote(model_name="m", model_version="1")
        # The users are shared with the other tests of this module.
        drop_owned(admin, *(users.prefix + kind for kind in KINDS))


@pytest.mark.parametrize("prefix", ["", "Upper_", "pg_", 'a"b', "x" * 60, "a; DROP TABLE"])
def test_a_malformed_prefix_is_refused(users: Users, prefix: str) -> None:
    with Database(users.dsn) as db, pytest.raises(InvalidValue, match=r"^prefix: "):
        Roles(db).statements(prefix=prefix)


@pytest.mark.not_distributed("Citus refuses triggers on distributed tables")
def test_verify_knows_what_each_role_may_do(users: Users) -> None:
    with psycopg.connect(users.dsn) as connection, Database(users.dsn_of("auditor")) as db:
        expected = expected_objects()
        assert Objects(db).differences(expected) == ([], [], [])
        assert Objects(db).wrong_grants(expected) == []
        writer, reader = f"{users.prefix}writer", f"{users.prefix}reader"
        for statement, role in (
            ("GRANT UPDATE (metrics) ON model_versions TO {}", writer),
            ("REVOKE SELECT ON alerts FROM {}", reader),
            ("GRANT SELECT ON audit_log TO {}", reader),
        ):
            connection.execute(sql.SQL(statement).format(sql.Identifier(role)))
        connection.commit()
        try:
            assert set(Objects(db).wrong_grants(expected)) == {
                f"{writer} may UPDATE model_versions",
                f"{writer} may not UPDATE model_versions",
                f"{reader} may not SELECT alerts",
                f"{reader} may SELECT audit_log",
            }
        finally:
            with Database(users.dsn) as owner:
                Roles(owner).create(prefix=users.prefix)
        assert Objects(db).wrong_grants(expected) == []


def test_a_reader_gets_metrics_and_leaves_what_waits_to_writers(users: Users) -> None:
    asked = {"model_name": "m", "since": SINCE, "until": datetime.now(UTC) + timedelta(minutes=1)}
    with Database(users.dsn) as db:
        PredictionsRepository(db).insert(
            model_name="m", model_version="1", request_id="later", probability=0.9
        )
    with Database(users.dsn_of("reader")) as db:
        labels = GroundTruthRepository(db)
        before = labels.performance(**asked)
        assert before.num_predictions > 0
        assert labels.performance(**asked) == before


def test_nobody_reviews_under_another_name_what_they_requested(
    users: Users, conn: psycopg.Connection[Any]
) -> None:
    login = f"{users.prefix}both_user"
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'both' IN ROLE {}, {}").format(
        *(sql.Identifier(f"{users.prefix}{name}") for name in ("both_user", "writer", "approver"))
    )
    conn.execute(statement)
    request: dict[str, Any] = {"action_type": "retrain", "risk_level": "high"}
    try:
        dsn = psycopg.conninfo.make_conninfo(users.dsn_of("owner"), user=login, password="both")
        with Database(dsn) as own, Database(users.dsn_of("approver")) as other:
            mine, theirs = AgentActionsRepository(own), AgentActionsRepository(other)
            first = mine.insert(requested_by="agent", **request)
            with pytest.raises(InvalidValue, match="must log in as somebody other"):
                mine.approve(id=first, reviewed_by="ann")
            with pytest.raises(InvalidValue, match="must log in as somebody other"):
                mine.reject(id=first, reviewed_by="ann")
            reviewed = theirs.approve(id=first, reviewed_by="ann")
            assert reviewed.requested_login == login
            assert reviewed.reviewed_login == f"{users.prefix}approver_user"
        # Programs share the owner's login, so there only the names are compared.
        with Database(users.dsn_of("owner")) as db:
            shared = AgentActionsRepository(db)
            second = shared.insert(requested_by="agent", **request)
            assert shared.approve(id=second, reviewed_by="ann").reviewed_login is None
    finally:
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(login)))


def test_a_login_cannot_be_made_up(users: Users) -> None:
    connection = users.connection("writer")
    with connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO agent_actions (action_type, risk_level, requested_login)"
            " VALUES ('x', 'low', 'somebody else')"
        )
        query = "SELECT requested_login FROM agent_actions ORDER BY requested_at DESC LIMIT 1"
        assert connection.execute(query).fetchone() == (f"{users.prefix}writer_user",)


def test_a_consumer_of_events_belongs_to_the_user_who_made_it(users: Users) -> None:
    with Database(users.dsn_of("reader")) as db:
        first = next(iter(events(db, consumer="mine")))
        EventsRepository(db).move_consumer(consumer="mine", seq=first.seq)
    with Database(users.dsn_of("writer")) as db:
        repository = EventsRepository(db)
        for attempted in (
            lambda: repository.start_consumer(consumer="mine"),
            lambda: repository.move_consumer(consumer="mine", seq=5),
            lambda: repository.remove_consumer(consumer="mine"),
        ):
            with pytest.raises(Conflict, match=f"consumer: mine belongs to {users.prefix}reader"):
                attempted()
        assert [one.seq for one in repository.list_consumers()] == [first.seq]
    with Database(users.dsn_of("owner")) as db:
        EventsRepository(db).remove_consumer(consumer="mine")
