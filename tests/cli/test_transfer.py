"""mlops-ledger predictions import and export, labels import."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlops_ledger import Database, GroundTruthRepository, ModelVersionRepository
from mlops_ledger import PredictionsRepository as Predictions

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FORMATS = ("csv", "ndjson", "parquet")


@pytest.fixture
def registered(ledger: Database) -> Database:
    ModelVersionRepository(ledger).insert(
        model_name="f", model_version="1", feature_names=["a", "b"]
    )
    return ledger


def rows(number: int) -> list[dict[str, Any]]:
    """Some rows say the same as the row before."""
    return [
        {
            "predicted_at": NOON + timedelta(seconds=i // 2),
            "request_id": None if i % 2 else "café",
            "probability": i // 2 / number,
            "predicted_label": "yes",
            "a": 1.5,
            "b": float(i // 4),
        }
        for i in range(number)
    ]


def write(file: Path, given: list[dict[str, Any]]) -> Path:
    if file.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(given), file)
    elif file.suffix == ".csv":
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, given[0])
            writer.writeheader()
            writer.writerows(given)
    else:
        file.write_text("".join(json.dumps(row, default=str) + "\n" for row in given), "utf-8")
    return file


def imported(run, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    result = run("predictions", "import", str(file), *options, "--json")
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}


F = ("--model", "f", "--version", "1")


@pytest.mark.parametrize("kind", FORMATS)
def test_an_import_stores_all_rows_and_again_adds_nothing(
    run, registered, tmp_path, kind: str
) -> None:
    given = rows(40)
    file = write(tmp_path / f"x.{kind}", given)
    assert imported(run, file, *F)[1]["stored"] == 40
    code, again = imported(run, file, *F)
    assert (code, again["stored"], again["duplicates"]) == (0, 0, 40)
    # Shortened and lengthened, it adds what is new: rows are known by what they say.
    write(file, [*given[7:], *({**row, "predicted_label": "no"} for row in given[:3])])
    assert imported(run, file, *F)[1]["stored"] == 3
    found = Predictions(registered).list_predictions(model_name="f", limit=100)
    assert len(found) == 43
    assert {row.request_id for row in found} == {"café", None}
    assert sorted(row.features["b"] for row in found)[-1] == 9


@pytest.mark.parametrize("kind", FORMATS)
def test_refused_rows_go_to_a_file_with_line_and_reason(
    run, registered, tmp_path, kind: str
) -> None:
    given = rows(300)
    places = (3, 4, 77, 299)
    for place in places[:3]:
        given[place]["probability"] = 1.5
    given[299]["predicted_at"] = datetime(1999, 1, 1, tzinfo=UTC)
    file = write(tmp_path / f"x.{kind}", given)
    stopped = run("predictions", "import", str(file), *F)
    assert (stopped.exit_code, stopped.stdout) == (2, "")
    first = {"csv": 5, "ndjson": 4, "parquet": 4}[kind]
    assert f"x.{kind}:{first}: probability: must be between 0 and 1" in stopped.stderr
    assert Predictions(registered).list_predictions(model_name="f") == []
    code, done = imported(run, file, *F, "--on-error", "skip")
    assert (code, done["stored"], done["refused"]) == (1, 296, 4)
    lines = [json.loads(line) for line in Path(done["refused_file"]).read_text().splitlines()]
    assert sorted(line["line"] for line in lines) == [place + first - 3 for place in places]
    assert {line["reason"].split(":")[0] for line in lines} == {"probability", "predicted_at"}
    for place in places:
        given[place] |= {"probability": 0.5, "predicted_at": NOON}
    write(file, given)
    assert imported(run, file, *F)[1]["stored"] == 4


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_exported_can_be_imported(run, registered, tmp_path, kind: str) -> None:
    for i in range(5):
        Predictions(registered).insert(
            model_name="f",
            model_version="1",
            features=[i, 0.5],
            inputs={"text": "naïve\n"},
            cache_hit=bool(i % 2),
            client_ip="10.0.0.1",
            predicted_at=NOON + timedelta(days=i),
        )
    file = tmp_path / f"all.{kind}"
    assert json.loads(run("predictions", "export", str(file), "--json").stdout)["exported"] == 5
    assert run("predictions", "export", str(file)).exit_code == 2
    assert imported(run, file)[1]["duplicates"] == 5
    before = Predictions(registered).list_predictions(model_name="f")
    with registered.connection() as connection:
        connection.execute("DELETE FROM predictions")
    assert imported(run, file)[1]["stored"] == 5
    assert Predictions(registered).list_predictions(model_name="f") == before


@pytest.mark.parametrize("kind", FORMATS)
def test_versions_come_from_columns(run, registered, tmp_path, kind: str) -> None:
    ModelVersionRepository(registered).insert(model_name="g", model_version="1")
    given = [
        {"predicted_at": NOON, "model_name": name, "model_version": "1", "prediction": 1.0}
        for name in ("g", "m", "g")
    ]
    assert imported(run, write(tmp_path / f"x.{kind}", given))[1]["stored"] == 3
    assert len(Predictions(registered).list_predictions(model_name="g")) == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_labels_are_imported_once(run, registered, tmp_path, kind: str) -> None:
    for i in range(3):
        Predictions(registered).insert(
            model_name="m", model_version="1", request_id=f"r{i}", predicted_at=NOON
        )
    given = [
        {"request_id": f"r{i}", "actual_label": "yes", "labeled_at": NOON + timedelta(hours=i)}
        for i in range(4)
    ]
    given.append({"request_id": "r0", "actual_label": None, "labeled_at": NOON})
    file = write(tmp_path / f"l.{kind}", given)
    skip = ("--on-error", "skip", "--json")
    first = json.loads(run("labels", "import", str(file), *skip).stdout)
    assert (first["stored"], first["waiting"], first["refused"]) == (3, 1, 1)
    again = json.loads(run("labels", "import", str(file), *skip).stdout)
    assert (again["stored"], again["duplicates"], again["refused"]) == (0, 3, 1)
    assert GroundTruthRepository(registered).performance(model_name="m", since=NOON) is not None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.txt", "", "must end in one of .csv"),
        ("x.parquet", "no", "is not a Parquet file"),
        ("x.csv", "prediction\n1\n", "predicted_at: is missing"),
        ("x.csv", "predicted_at,colour\n2026-01-01T00:00Z,red\n", "colour: is neither a field"),
        ("x.csv", "predicted_at\n2026-01-01\n", "has no time zone"),
        ("x.csv", "predicted_at\nnoon\n", "is not a time"),
        ("x.csv", "predicted_at\n2026-01-01T00:00Z,1,2\n", "more fields than the header"),
        ("x.ndjson", "[1]\n", "x.ndjson:1: is not a JSON object"),
        ("x.ndjson", '{"predicted_at": "2026-01-01T00:00Z", "inputs": "{"}', "is not valid JSON"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(
    run, registered, tmp_path, name: str, text: str, reason: str
) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    result = run("predictions", "import", str(file), *F)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert reason in result.stderr


@pytest.mark.parametrize("rows", [b"", b"2026-01-01T00:00Z,1\n"])
@pytest.mark.parametrize(
    "command", ["predictions import", "labels import", "import csv --kind metrics"]
)
def test_a_header_that_is_not_utf8_is_refused(
    run, registered, tmp_path, command: str, rows: bytes
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"predicted_at,\xe9t\xe9\n" + rows)
    where = F if command.startswith("predictions") else ()
    result = run(*command.split(), str(file), *where)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "x.csv:1: the header is not UTF-8" in result.stderr


def test_labels_of_a_file_name_their_model(run, registered: Database, tmp_path: Path) -> None:
    ModelVersionRepository(registered).insert(model_name="g", model_version="1")
    for name in "fg":
        Predictions(registered).insert(
            model_name=name, model_version="1", request_id="both", prediction=1, predicted_at=NOON
        )
    label = {"request_id": "both", "actual_value": 1}
    for number, suffix in enumerate(FORMATS):
        at = NOON + number * HOUR
        file = write(tmp_path / f"labels.{suffix}", [{**label, "labeled_at": at}])
        assert run("labels", "import", str(file)).exit_code != 0
        done = run("labels", "import", str(file), "--model", "g", "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        assert json.loads(done.stdout)["stored"] == 1
    found = {
        name: GroundTruthRepository(registered).performance(model_name=name, since=NOON)
        for name in "fg"
    }
    assert (found["f"].labeled_samples, found["g"].labeled_samples) == (0, 1)
