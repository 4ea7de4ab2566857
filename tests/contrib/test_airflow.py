"""The provider in a real Airflow: DAGs pass twice, tasks are killed, sensors wait."""

from __future__ import annotations

import json
from subprocess import Popen
from time import sleep

import psycopg
import pytest
from fix_airflow import Airflow, rows_of

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.rows import AgentAction

pytestmark = pytest.mark.once

AT = "2026-02-03T04:05:06+00:00"


@pytest.fixture
def db(dsn: str) -> Database:
    """The ledger, with two versions of a model, the first of them in production."""
    database = Database(dsn)
    models = ModelVersionRepository(database)
    for number in ("1", "2"):
        models.insert(model_name="churn", model_version=number)
    models.promote(model_name="churn", model_version="1")
    return database


@pytest.fixture
def early(db: Database, conn: psycopg.Connection) -> None:
    """Version 1 is in production since before the DAG's logical date."""
    conn.execute("ALTER TABLE model_deployments DISABLE TRIGGER USER")
    conn.execute("UPDATE model_deployments SET deployed_at = '2026-01-01Z'")
    conn.execute("ALTER TABLE model_deployments ENABLE TRIGGER USER")


def request(db: Database, process: Popen[str] | None = None) -> AgentAction:
    """Return the action that the DAG asks for, once it does."""
    actions = AgentActionsRepository(db)
    while not (found := actions.list_actions(model_name="churn")):
        assert process is not None
        assert process.poll() is None, process.communicate()[0][-5000:]
        sleep(0.1)
    return found[0]


def review(db: Database, airflow: Airflow, deferrable: str, verdict: str) -> str:
    """Run the cycle and review its request while it waits; return what it printed."""
    arguments = ("-m", "airflow", "dags", "test", "cycle", AT)
    process = airflow.start(*arguments, DEFERRABLE=deferrable)
    action = request(db, process)
    # The sensor looks first, and has to look again.
    sleep(1)
    actions = AgentActionsRepository(db)
    getattr(actions, verdict)(id=action.id, reviewed_by="ann", comment="seen")
    output, _ = process.communicate()
    assert process.returncode == 0, output[-5000:]
    return output


def test_airflow_knows_the_provider(airflow: Airflow) -> None:
    output = airflow.run("-m", "airflow", "providers", "hooks", "-o", "json")
    (listed,) = [line for line in output.splitlines() if line.startswith("[{")]
    (hook,) = [each for each in json.loads(listed) if each["connection_type"] == "mlops_ledger"]
    assert hook["class"] == "airflow_provider_mlops_ledger.hook.MlopsLedgerHook"
    assert hook["package_name"] == "airflow-provider-mlops-ledger"


TEST_BUTTON = """
import os, json
from airflow_provider_mlops_ledger.hook import MlopsLedgerHook
print(json.dumps(MlopsLedgerHook().test_connection()))
"""


def test_the_test_button_says_what_is_wrong_and_no_secret(airflow: Airflow, db: Database) -> None:
    works, text = json.loads(airflow.run("-c", TEST_BUTTON).splitlines()[-1])
    assert works
    assert text.startswith("connected to ")
    name = "AIRFLOW_CONN_MLOPS_LEDGER_DEFAULT"
    given = json.loads(airflow.environment[name])
    wrong = (
        given | {"password": "Geheim-77"},
        given | {"port": 1, "password": "Geheim-77"},
        given | {"extra": {"sslmode": "Geheim-77"}},
        given | {"extra": {"Geheim-77": "x"}},
    )
    for connection in wrong:
        output = airflow.run("-c", TEST_BUTTON, **{name: json.dumps(connection)})
        works, text = json.loads(output.splitlines()[-1])
        assert not works
        assert text
        assert "\n" not in text
        assert "Geheim-77" not in output


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("deferrable", ["yes", "no"])
def test_the_cycle_passes_twice_with_the_same_rows(
    airflow: Airflow, db: Database, conn: psycopg.Connection, deferrable: str
) -> None:
    output = review(db, airflow, deferrable, "approve")
    first = rows_of(conn)
    assert ("running trigger in line" in output) == (deferrable == "yes")
    timeline = ModelVersionRepository(db).timeline(model_name="churn")
    assert [each.model_version for each in timeline] == ["1", "2", "1"]
    (decision,) = RetrainingDecisionsRepository(db).list_decisions(model_name="churn")
    assert (decision.action, decision.decided_by) == ("promote", "airflow:cycle")
    assert request(db).status == "executed"
    assert first["monitoring_metrics"][0] == 1
    airflow.test_dag("cycle", AT, DEFERRABLE=deferrable)
    assert rows_of(conn) == first


@pytest.mark.usefixtures("early")
def test_a_rejection_skips_the_promotion(airflow: Airflow, db: Database) -> None:
    output = review(db, airflow, "yes", "reject")
    assert "is rejected by ann: seen" in output
    assert len(ModelVersionRepository(db).timeline(model_name="churn")) == 1


@pytest.mark.usefixtures("early")
def test_a_task_that_is_killed_after_its_commit_writes_nothing_twice(
    airflow: Airflow, db: Database, conn: psycopg.Connection
) -> None:
    killed = ("monitor", "decide", "request")
    for task in killed:
        airflow.test_dag("cycle", AT, code=-9, KILL_AFTER=task)
    AgentActionsRepository(db).approve(id=request(db).id, reviewed_by="ann")
    for task in ("promote", "rollback"):
        airflow.test_dag("cycle", AT, code=-9, KILL_AFTER=task)
    before = rows_of(conn)
    airflow.test_dag("cycle", AT)
    assert rows_of(conn) == before
    tables = ("monitoring_metrics", "retraining_decisions", "agent_actions", "model_deployments")
    assert [before[table][0] for table in tables] == [1, 1, 1, 3]


@pytest.mark.parametrize("deferrable", ["yes", "no"])
def test_an_alert_ends_the_wait(airflow: Airflow, db: Database, deferrable: str) -> None:
    arguments = ("-m", "airflow", "dags", "test", "alert", AT)
    process = airflow.start(*arguments, DEFERRABLE=deferrable)
    alerts = AlertsRepository(db)
    alerts.raise_alert(alert_type="coverage", title="few labels", model_name="churn")
    sleep(1)
    alerts.raise_alert(
        alert_type="drift", severity="critical", title="{{ 1/0 }}", model_name="churn"
    )
    output, _ = process.communicate()
    assert process.returncode == 0, output[-5000:]
    assert "found critical drift" in output


def test_each_mapped_task_has_ids_of_its_own(airflow: Airflow, db: Database) -> None:
    for _ in range(2):
        airflow.test_dag("mapped", AT)
    actions = AgentActionsRepository(db).list_actions(model_name="churn")
    assert sorted(each.description or "" for each in actions) == ["a", "b", "b"]


def test_tasks_written_as_functions_write_once_too(airflow: Airflow, db: Database) -> None:
    for task in ("judge", "note"):
        airflow.test_dag("functions", AT, code=-9, KILL_AFTER=task)
    for _ in range(2):
        airflow.test_dag("functions", AT)
    (decision,) = RetrainingDecisionsRepository(db).list_decisions(model_name="churn")
    assert (decision.action, decision.decided_by) == ("promote", "airflow:functions")
    assert decision.reasoning == "against 1 in functions"
    (alert,) = AlertsRepository(db).list_alerts(model_name="churn")
    assert (alert.title, alert.occurrences) == ("promote", 1)


def test_what_the_ledger_refuses_fails_at_once(airflow: Airflow, db: Database) -> None:
    output = airflow.run("-m", "airflow", "dags", "test", "refused", AT, code=1)
    assert "version 9" in output
    assert "UP_FOR_RETRY" not in output


IDS = """
import pendulum
from types import SimpleNamespace
from airflow_provider_mlops_ledger.ids import id_of_task, plain
def made(logical_date, run_id="r", map_index=-1, dag_id="d", task_id="t"):
    ti = SimpleNamespace(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    run = SimpleNamespace(logical_date=logical_date, run_after=pendulum.datetime(2026, 3, 1))
    return id_of_task({"ti": ti, "dag_run": run})
day = pendulum.datetime(2026, 2, 3, 4, tz="Europe/Berlin")
assert type(plain(day)).__module__ == "datetime" and plain(day) == day
# A date tells the run; the same time in another zone is the same run.
assert made(day) == made(day.in_timezone("UTC"), run_id="s")
# Without a date its id does.
assert made(None) == made(None) != made(None, run_id="s")
seen = {made(day), made(day, map_index=0), made(day.add(days=1)), made(None),
        made(day, dag_id="d.t", task_id="x"), made(day, dag_id="d", task_id="t.x")}
assert len(seen) == 6
"""


def test_ids_come_from_run_task_and_map_index(airflow: Airflow) -> None:
    airflow.run("-c", IDS)


@pytest.mark.usefixtures("early")
def test_a_run_without_a_logical_date_is_told_by_its_id(airflow: Airflow, db: Database) -> None:
    script = "import airflow; print(airflow.__version__)"
    if airflow.run("-c", script).splitlines()[-1].startswith("2."):
        pytest.skip("Airflow 2 gives every run a logical date")
    airflow.run("-c", "from cycle import *; mapped().test(logical_date=None)", **_dags(airflow))
    assert len(AgentActionsRepository(db).list_actions(model_name="churn")) == 3


def _dags(airflow: Airflow) -> dict[str, str]:
    folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
    return {"PYTHONPATH": f"{airflow.environment['PYTHONPATH']}:{folder}"}
