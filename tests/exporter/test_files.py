"""The alert rules and dashboards that come with the package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from fix_full import fill

from mlops_ledger import Database, SummariesRepository
from mlops_ledger.contrib.prometheus import copy_files
from mlops_ledger.contrib.prometheus.metrics import PREFIX, QUERIES, SPOOL, SPOOL_FILES, Counter
from tools.scratch import scratch_database

FILES = Path(__file__).parents[2] / "src/mlops_ledger/contrib/prometheus/files"
DASHBOARDS = sorted(FILES.glob("grafana/dashboards/*.json"))
# What Grafana puts in for its macros and variables.
MACROS = (
    (r"\$__timeFilter\(([\w.]+)\)", r"\1 BETWEEN '2000-01-01Z' AND '2100-01-01Z'"),
    (r"\$__timeFrom\(\)", "'2000-01-01Z'::timestamptz"),
    (r"\$__timeTo\(\)", "'2100-01-01Z'::timestamptz"),
    (r"\$\{model:sqlstring\}", "'m','o''m'"),
)


def fields(found: Any, *names: str) -> Iterator[str]:
    """Yield the texts of some fields, wherever they are in a dashboard."""
    if isinstance(found, dict):
        yield from (text for name, text in found.items() if name in names and isinstance(text, str))
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from fields(each, *names)


def queries(path: Path) -> list[str]:
    return list(fields(json.loads(path.read_text("utf-8")), "rawSql", "query"))


QUERY = [(path.stem, text) for path in DASHBOARDS for text in queries(path)]


@pytest.fixture(scope="module")
def ledger(server_dsn: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A ledger with something of everything."""
    with scratch_database(server_dsn, template) as dsn:
        with Database(dsn) as db:
            fill(db, "text")
            SummariesRepository(db).fold()
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield connection


def test_there_are_queries_to_run() -> None:
    assert len(QUERY) >= 10
    assert len(DASHBOARDS) == 2


@pytest.mark.parametrize(("dashboard", "query"), QUERY)
def test_every_query_of_a_dashboard_finds_something(
    ledger: psycopg.Connection[Any], dashboard: str, query: str
) -> None:
    for macro, text in MACROS:
        query = re.sub(macro, text, query)
    assert "$" not in query
    cursor = ledger.execute(query.encode())
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    rows = cursor.fetchall()
    assert rows
    if "time" in names:
        assert names[0] == "time"


def test_deployments_are_regions(ledger: psycopg.Connection[Any]) -> None:
    [annotation] = json.loads((FILES / "grafana/dashboards/models.json").read_text("utf-8"))[
        "annotations"
    ]["list"]
    query = annotation["target"]["rawSql"]
    for macro, text in MACROS:
        query = re.sub(macro, text, query)
    cursor = ledger.execute(query.encode())
    assert [column.name for column in cursor.description or ()] == [
        "time",
        "timeend",
        "text",
        "tags",
    ]
    for begin, end, _, tags in cursor.fetchall():
        assert begin < end
        assert tags == "m,production"


def test_rules_and_dashboards_name_metrics_that_there_are() -> None:
    families = [each for group in (*QUERIES.values(), SPOOL, SPOOL_FILES) for each in group]
    names = {
        PREFIX + each.name + ("_total" if isinstance(each, Counter) else "") for each in families
    }
    names |= {f"{PREFIX}prediction_latency_seconds_{part}" for part in ("sum", "count")}
    names |= {f"{PREFIX}{name}" for name in ("up", "query_age_seconds", "query_success")}
    names |= {f"{PREFIX}query_{name}" for name in ("duration_seconds", "series_left_out")}
    rules = yaml.safe_load((FILES / "alerts.yml").read_text("utf-8"))
    told = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for path in DASHBOARDS:
        told += fields(json.loads(path.read_text("utf-8")), "expr")
    used = {name for expr in told for name in re.findall(rf"{PREFIX}\w+", expr)}
    assert len(used) > 15
    assert used - names == set()


def test_prometheus_accepts_the_rules() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    for check, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(
            ["promtool", "check", check, FILES / name], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("series", "values", "at", "alert"),
    [
        ("mlops_ledger_up", "0x600", "10m", "LedgerDown"),
        ('mlops_ledger_query_age_seconds{query="q"}', "0+60x600", "20m", "LedgerQueryFails"),
        ('mlops_ledger_query_success{query="q"}', "0x600", "20m", "LedgerQueryFails"),
        ('mlops_ledger_query_series_left_out{query="q"}', "1x600", "20m", "LedgerSeriesLeftOut"),
        (
            'mlops_ledger_open_alerts{model="m",severity="critical"}',
            "1x600",
            "5m",
            "LedgerAlertOpen",
        ),
        ("mlops_ledger_last_prediction_timestamp_seconds", "0x3000", "30h", "LedgerNoPredictions"),
        ("mlops_ledger_unfolded_seconds", "0+60x600", "3h", "LedgerNotFolded"),
        ('mlops_ledger_spool_records{live="false"}', "1x600", "20m", "LedgerSpoolLeft"),
        ("mlops_ledger_spool_dead_letters", "1x600", "5m", "LedgerDeadLetters"),
    ],
)
def test_a_rule_fires_for_what_it_names_and_not_at_rest(
    tmp_path: Path, series: str, values: str, at: str, alert: str
) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    # At rest a number is 0; `up` and success are 1, and a prediction has just been made.
    rest = {"mlops_ledger_up": "1x3000", "mlops_ledger_query_success": "1x3000"}
    name = series.partition("{")[0]
    quiet = "0+60x3000" if "timestamp" in name else rest.get(name, "0x3000")
    tests = []
    for given, fires in ((values, True), (quiet, False)):
        rule = f"count(ALERTS{{alertname='{alert}',alertstate='firing'}})"
        tests.append(
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": given}],
                "promql_expr_test": [
                    {
                        "expr": rule,
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                    }
                ],
            }
        )
    file = tmp_path / "rules_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FILES / "alerts.yml")], "tests": tests}))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_are_copied(tmp_path: Path) -> None:
    copied = copy_files(tmp_path / "made")
    assert {path.name for path in copied} >= {"alerts.yml", "models.json", "prometheus.yml"}
    with pytest.raises(FileExistsError):
        copy_files(tmp_path / "made")
