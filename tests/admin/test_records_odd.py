"""Values of files that Python or PostgreSQL cannot hold are refused with their row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mlops_ledger import Database, ModelVersionRepository
from mlops_ledger.admin.transfer.predictions import import_labels, import_predictions
from mlops_ledger.admin.transfer.records import Mapping, import_records
from mlops_ledger.errors import LedgerError

pytestmark = pytest.mark.once

START = 1_767_225_600_000_000


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """One version of model m."""
    with Database(dsn) as database:
        ModelVersionRepository(database).insert(model_name="m")
        yield database


def refused(db: Database, file: Path, kind: str = "metrics") -> list[tuple[int, str]]:
    done = import_records(db, file, file.suffix[1:], Mapping(), kind=kind)
    return [(row.line, row.reason) for row in done.refused]


def parquet(folder: Path, **columns: Any) -> Path:
    """Write three metrics, with some columns otherwise."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    given = {
        "timestamp": pa.array([START, START + 1, START + 2], pa.timestamp("us", "UTC")),
        "model_name": pa.array(["m"] * 3).dictionary_encode(),
        "model_version": ["1"] * 3,
        "metric_name": ["a", "b", "c"],
        "metric_value": [0.5, 1.5, 2.5],
        **columns,
    }
    file = folder / "odd.parquet"
    pq.write_table(pa.table(given), file)
    return file


def test_a_time_beyond_those_of_python_refuses_its_row(db: Database, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    times = pa.array([START, 2**62, START], pa.timestamp("us", "UTC"))
    found = refused(db, parquet(tmp_path, timestamp=times))
    assert found == [(2, "timestamp: has a timestamp[us, tz=UTC] that cannot be read")]


def test_a_zone_that_nobody_knows_refuses_rows(db: Database, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    times = pa.array([START] * 3, pa.timestamp("us", "Mars/X"))
    found = refused(db, parquet(tmp_path, timestamp=times))
    assert [line for line, reason in found if "cannot be read" in reason] == [1, 2, 3]


def test_bytes_are_text_if_they_are_utf8(db: Database, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    names = pa.array([b"one", b"\xff", "drei ü".encode()], pa.binary())
    assert refused(db, parquet(tmp_path, metric_name=names)) == [(2, "metric_name: is not UTF-8")]
    # A file that says that it is text although it is none.
    file = parquet(tmp_path, metric_name=pa.array(["zyxwv", "b", "c"]))
    file.write_bytes(file.read_bytes().replace(b"zyxwv", b"zy\xffwv"))
    assert refused(db, file) == [(1, "metric_name: has a string that cannot be read")]


def test_two_columns_of_one_name_are_refused(db: Database, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    file = tmp_path / "two.parquet"
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["x", "x"]), file)
    with pytest.raises(LedgerError, match=r"two\.parquet: has two columns 'x'"):
        refused(db, file)
    for names, load in (
        (["probability"] * 2, import_predictions),
        (["actual_value"] * 2, import_labels),
    ):
        pq.write_table(pa.table([pa.array([0.25]), pa.array([0.5])], names=names), file)
        with pytest.raises(LedgerError, match=f"two.parquet: has two columns '{names[0]}'"):
            load(db, file, model_name="m", on_refusal=print)


def test_a_time_that_leaves_the_calendar_in_utc_is_refused(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "late.json"
    row = {"model_name": "m", "action": "reject", "trigger_reason": "t"}
    times = ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00")
    file.write_bytes(orjson.dumps([{**row, "timestamp": at} for at in times]))
    reason = "timestamp: is not in the years 1 to 9999 of UTC"
    assert refused(db, file, "decisions") == [(1, reason), (2, reason)]


def test_a_field_of_csv_may_be_as_long_as_any(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    head = "timestamp,model_name,action,trigger_reason,reasoning"
    row = f"2026-01-01T00:00:00Z,m,reject,t,{'r' * 300_000}"
    file.write_text("\n".join([head, row, row.replace("r" * 300_000, "r" * 1_100_000)]))
    [(line, reason)] = refused(db, file, "decisions")
    assert (line, reason.partition(" ")[0]) == (3, "reasoning:")


def test_predictions_and_labels_that_cannot_be_read_are_refused(
    db: Database, tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    times = pa.array([START, 2**62], pa.timestamp("us", "UTC"))
    columns = {"predicted_at": times, "request_id": ["zyxwv", "b"], "prediction": [1.0, 2.0]}
    file = tmp_path / "odd.parquet"
    pq.write_table(pa.table(columns), file)
    bad: list[Any] = []
    given: dict[str, Any] = {"model_name": "m", "model_version": "1", "on_refusal": bad.append}
    assert import_predictions(db, file, **given).stored == 1
    pq.write_table(pa.table({**columns, "predicted_at": times.take(pa.array([0, 0]))}), file)
    file.write_bytes(file.read_bytes().replace(b"zyxwv", b"zy\xffwv"))
    assert import_predictions(db, file, **given).stored == 1
    labels = {"request_id": ["b", "c"], "actual_value": [1.0, 1.0], "labeled_at": times}
    pq.write_table(pa.table(labels), file)
    assert import_labels(db, file, on_refusal=bad.append).stored == 1
    assert [each.line for each in bad] == [2, 1, 2]
