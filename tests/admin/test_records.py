"""Records from files: mapped, in the order of their times, once; others with line and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from mlops_ledger import (
    AlertsRepository,
    Database,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.admin.transfer.records import Mapping, import_records, read_mapping
from mlops_ledger.admin.transfer.records.values import value_of
from mlops_ledger.errors import InvalidValue, LedgerError

pytestmark = pytest.mark.once

MAPPING = """
kind = "decisions"
zone = "Europe/Berlin"
[fields]
model_name = "model"
candidate_version = "candidate.version"
timestamp = "when"
action = "verdict"
gate_results = "gates"
decided_by = "by"
[constants]
trigger_reason = "import"
[values.action]
accepted = "promote"
refused = "reject"
"""
DECISIONS: list[Any] = [
    {
        "model": "m",
        "candidate": {"version": "2"},
        "when": "2026-01-02T12:00:00",
        "verdict": "accepted",
        "gates": [{"gate": "auc", "passed": True}],
        "by": "ann",
        "more": 1,
    },
    {"model": "m", "when": "2026-01-01T12:00:00+00:00", "verdict": "refused"},
    {"model": "m", "candidate": {"version": "9"}, "when": "2026-01-03", "verdict": "accepted"},
    {"model": "m", "when": "yesterday", "verdict": "refused"},
    {"model": "m", "when": "2026-01-04", "verdict": "perhaps"},
    {"model": "m", "when": "2026-01-05"},
    "text",
]


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """Two versions of model m."""
    with Database(dsn) as database:
        for _ in range(2):
            ModelVersionRepository(database).insert(model_name="m")
        yield database


def counts(conn: psycopg.Connection) -> list[Any]:
    return conn.execute(
        "SELECT (SELECT count(*) FROM retraining_decisions), (SELECT count(*) FROM audit_log)"
    ).fetchall()


@pytest.mark.parametrize("lines", [False, True])
def test_decisions_of_json_are_recorded_once_and_others_refused_with_their_line(
    db: Database, conn: psycopg.Connection, tmp_path: Path, lines: bool
) -> None:
    file, mapping_file = tmp_path / "decisions.json", tmp_path / "map.toml"
    mapping_file.write_text(MAPPING)
    mapping = read_mapping(mapping_file)
    file.write_text("\n".join(map(json.dumps, DECISIONS)) if lines else json.dumps(DECISIONS))
    dry = import_records(db, file, "json", mapping, dry_run=True)
    assert counts(conn) == [(0, 0)]
    done = import_records(db, file, "json", mapping)
    assert done == dry
    assert (done.stored, done.duplicates) == (2, 0)
    assert [(row.line, row.reason) for row in done.refused] == [
        (3, "candidate_version: model m has no version 9"),
        (4, "timestamp: is not a time: write 2026-01-31T12:00:00Z"),
        (5, "action: must be promote, reject or pending"),
        (6, "action: is missing"),
        (7, "is not a JSON object"),
    ]
    newest, oldest = RetrainingDecisionsRepository(db).list_decisions()
    # Noon in Berlin is eleven o'clock in UTC.
    assert newest.timestamp == datetime(2026, 1, 2, 11, tzinfo=UTC)
    assert (newest.action, newest.decided_by, newest.trigger_reason) == ("promote", "ann", "import")
    assert newest.gate_results == [{"gate": "auc", "passed": True}]
    assert oldest.action == "reject"
    # Mended and shortened, the file adds what is new.
    DECISIONS_MENDED = [*DECISIONS[:2], {**DECISIONS[5], "verdict": "refused"}]
    file.write_text(json.dumps(DECISIONS_MENDED))
    again = import_records(db, file, "json", mapping)
    assert (again.stored, again.duplicates, again.refused) == (1, 2, [])


def test_promotions_of_csv_are_history_in_the_order_of_their_times(
    db: Database, tmp_path: Path
) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(
        "model_name,model_version,at,promoted_by,reason\n"
        "m,2,2026-02-01T00:00:00Z,bob,better\n"
        'm,1,2026-01-01T00:00:00Z,ann,"first,\nof all"\n'
        "m,1,2026-01-15T00:00:00Z,ann,,more\n"
        "m,1,,ann,\n"
    )
    done = import_records(db, file, "csv", Mapping(), kind="promotions")
    assert (done.stored, done.duplicates) == (2, 0)
    assert [(row.line, row.reason) for row in done.refused] == [
        (5, "has more fields than the header"),
        (6, "at: is missing"),
    ]
    models = ModelVersionRepository(db)
    january = models.production_at(model_name="m", at=datetime(2026, 1, 20, tzinfo=UTC))
    assert january is not None
    assert (january.model_version, january.reason) == ("1", "first,\nof all")
    assert import_records(db, file, "csv", Mapping(), kind="promotions").duplicates == 2


def test_alerts_metrics_and_runs(db: Database, conn: psycopg.Connection, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    alerts = tmp_path / "alerts.parquet"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"alert_type": "odd", "title": "one", "at": at, "resolved_at": at, "resolved_by": "ann"}
        | {"severity": None},
        {"alert_type": "odd", "title": "two", "at": at.replace(day=2), "severity": None},
        {"alert_type": "odd", "title": "three", "at": at.replace(day=3), "severity": "bad"},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), alerts)
    metrics = tmp_path / "metrics.csv"
    metrics.write_text(
        "model_name,model_version,timestamp,metric_name,metric_value,metadata\n"
        'm,1,1767225600,rmse,0.5,"{""rows"": 3}"\n'
        "m,1,1767225600000,rmse,0.5,\n"
        "m,1,1767225600,rmse,much,\n"
    )
    runs = tmp_path / "runs.json"
    run = {
        "model_name": "m",
        "model_version": "1",
        "timestamp": "2026-01-01T00:00:00Z",
        "lookback_hours": 24,
        "num_predictions": 3,
        "drifted_features": ["x"],
    }
    runs.write_text(json.dumps(run))
    for again in (False, True):
        for file, form, kind, stored, refused in (
            (alerts, "parquet", "alerts", 2, ["severity: must be info, warning or critical"]),
            (metrics, "csv", "metrics", 2, ["metric_value: is not a number"]),
            (runs, "json", "monitoring", 1, []),
        ):
            done = import_records(db, file, form, Mapping(), kind=kind)
            assert (done.duplicates if again else done.stored) == stored, kind
            assert [row.reason for row in done.refused] == refused, kind
    found = AlertsRepository(db).list_alerts()
    assert [(one.title, one.status, one.occurrences) for one in found] == [
        ("two", "active", 1),
        ("one", "resolved", 1),
    ]
    values = PerformanceMetricsRepository(db).list_metrics(model_name="m")
    assert [(one.metric_value, one.metadata) for one in values] in (
        [(0.5, {"rows": 3}), (0.5, {})],
        [(0.5, {}), (0.5, {"rows": 3})],
    )
    # A run that its job recorded already is not recorded again.
    runs.write_text(
        json.dumps({**run, "metadata": {}, "id": "0199b6a0-0000-7000-8000-000000000000"})
    )
    assert import_records(db, runs, "json", Mapping(), kind="monitoring").duplicates == 1


HEADER = "model_name,model_version,metric_name,metric_value,timestamp"
GOOD = "m,1,rmse,0.5,2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "stored", "refused"),
    [
        (b"\xef\xbb\xbf%h\r\n%g\r\n", 1, []),
        (b"", 0, []),
        (b"%h\n", 0, []),
        (b"%h\n\n%g", 1, []),
        (b",%h\n0,%g\n1,%g\n", 2, []),
        (b"%h\n%g\n%g", 2, []),
        (b"%h\nm,1,rmse,0.5\n", 0, [(2, "has fewer fields than the header")]),
        (b"%h\n%g,x\n", 0, [(2, "has more fields than the header")]),
        (b"%h\nm,1,\xe9t\xe9,1,1767225600\n%g\n", 1, [(2, "is not UTF-8")]),
        (b'%h\n"m",1,"a ""b"", c",1,1767225600\n', 1, []),
        (b"%h\nm,1,x,NaN,1767225600\n", 0, [(2, "metric_value: ")]),
        (b"%h\nm,1,x,1e999,1767225600\n", 0, [(2, "metric_value: ")]),
        (b"%h\nm,1,x,1_000,1767225600\n", 0, [(2, "metric_value: is not a number")]),
        (b"%h\nm,1,a\0b,1,1767225600\n", 0, [(2, "metric_name: ")]),
        (b"%h\n" + b"m,1,x,1," + b"9" * 400 + b"\n", 0, [(2, "timestamp: is not a time")]),
    ],
)
def test_odd_files_of_csv(
    db: Database, tmp_path: Path, text: bytes, stored: int, refused: list[tuple[int, str]]
) -> None:
    file = tmp_path / "metrics.csv"
    file.write_bytes(text.replace(b"%h", HEADER.encode()).replace(b"%g", GOOD.encode()))
    done = import_records(db, file, "csv", Mapping(), kind="metrics")
    assert done.stored == stored
    assert [row.line for row in done.refused] == [line for line, _ in refused]
    for row, (_, reason) in zip(done.refused, refused, strict=True):
        assert row.reason.startswith(reason)
    orjson.dumps(done)
    assert import_records(db, file, "csv", Mapping(), kind="metrics").duplicates == stored


@pytest.mark.parametrize(
    ("text", "stored", "refused"),
    [
        ('[{"x": 1, "metric_value": NaN, %g}]', 0, [(1, "metric_value: ")]),
        ('{"metric_value": 1%z, %g}', 0, [(1, "metric_value: ")]),
        ('{"metric_value": 1, "metric_value": 2, %g}', 0, [(1, "has 'metric_value' twice")]),
        ('{"metric_value": 1, "metadata": {"a": [{"b": 12%z}]}, %g}', 0, [(1, "metadata")]),
        ('{"metric_value": 1, "slice": "\\ud800", %g}', 0, [(1, "slice: ")]),
        ('\ufeff{"metric_value": 1, %g}\r\n\r\n{"metric_value": 2\n', 1, [(3, "is not a JSON")]),
        ('{"metric_value": 1, "metadata": {"a": "b\u2028c"}, %g}\n1\n', 1, [(2, "is not a JSON")]),
        ('{"metric_value": {"a": 1}, %g}', 0, [(1, "metric_value: ")]),
        ("[" * 100_000, None, []),
        ('[{"metric_value": 1, %g},\n{"metric_value" 2}]', None, [(2, "is not JSON")]),
        ("null", 0, [(1, "is not a JSON object")]),
    ],
)
def test_odd_files_of_json(
    db: Database, tmp_path: Path, text: str, stored: int | None, refused: list[tuple[int, str]]
) -> None:
    file = tmp_path / "metrics.json"
    good = '"model_name": "m", "model_version": 1, "metric_name": "rmse", "timestamp": 1767225600'
    file.write_text(text.replace("%g", good).replace("%z", "0" * 60), "utf-8")
    columns = ("metric_value", "slice", "metadata", "model_name", "model_version")
    fields = (*columns, "metric_name", "timestamp")
    mapping = Mapping(fields={name: name for name in fields})
    if stored is None:
        lines = [f"metrics.json:{line}: {reason}" for line, reason in refused]
        if lines:
            with pytest.raises(LedgerError, match=lines[0]):
                import_records(db, file, "json", mapping, kind="metrics")
        else:
            assert import_records(db, file, "json", mapping, kind="metrics").stored == 0
        return
    done = import_records(db, file, "json", mapping, kind="metrics")
    assert (done.stored, [row.line for row in done.refused]) == (
        stored,
        [line for line, _ in refused],
    )
    for row, (_, reason) in zip(done.refused, refused, strict=True):
        assert row.reason.startswith(reason)
    orjson.dumps(done)


def test_a_column_that_is_there_twice_is_refused(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text(f"{HEADER},metric_value\n{GOOD},0.9\n")
    with pytest.raises(LedgerError, match=r"metrics\.csv: has two columns 'metric_value'"):
        import_records(db, file, "csv", Mapping(), kind="metrics")
    file.write_text(f'{HEADER}\n"m')
    with pytest.raises(LedgerError, match=r"metrics\.csv:2: "):
        import_records(db, file, "csv", Mapping(), kind="metrics")


def test_what_is_no_mapping_kind_or_file_is_refused(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    for text in ("kind = 1", "other = {}", "[fields]\na = 1", "not toml", "[values]\na = 1"):
        file.write_text(text)
        with pytest.raises(LedgerError, match=r"map\.toml"):
            read_mapping(file)
    with pytest.raises(LedgerError, match="zone: there is no time zone Nowhere"):
        Mapping(zone="Nowhere")
    file.write_text("")
    with pytest.raises(LedgerError, match="kind: must be one of"):
        import_records(db, file, "json", Mapping())
    with pytest.raises(LedgerError, match="colour: is no field of alerts"):
        import_records(db, file, "json", Mapping(fields={"colour": "c"}), kind="alerts")
    assert import_records(db, file, "json", Mapping(), kind="alerts").stored == 0


@pytest.mark.parametrize(
    ("sql_type", "given", "expected"),
    [
        ("boolean", "Yes", True),
        ("bigint", "12", 12),
        ("text[]", "a; b", ["a", "b"]),
        ("text[]", '["a;b"]', ["a;b"]),
        ("text", 12, "12"),
        ("timestamptz", "2026-01-01T00:00:00+02:00", datetime(2025, 12, 31, 22, tzinfo=UTC)),
        ("boolean", "maybe", None),
        ("bigint", "1.5", None),
        ("jsonb", "{", None),
        ("text", {"a": 1}, None),
        ("timestamptz", "2026-01-01", None),
        ("timestamptz", True, None),
        ("timestamptz", 1e300, None),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(sql_type: str, given: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises(InvalidValue, match=r"^field: "):
            value_of("field", sql_type, given, None)
    else:
        assert value_of("field", sql_type, given, None) == expected
