"""`mlops-ledger baselines`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from mlops_ledger import Database, ModelVersionRepository
from mlops_ledger.cli import main


@pytest.fixture
def file(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A table of four flights, for a version that the database knows."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    with Database() as db:
        ModelVersionRepository(db).insert(model_name="m", feature_names=["miles"])
    columns = {"miles": [1, 2, 3, 4], "carrier": list("aabb"), "row": [1, 2, 3, 4]}
    path = tmp_path / "flights.parquet"
    pq.write_table(pa.table({**columns, "p": [0.1, 0.2, 0.3, 0.4], "late": list("ynyn")}), path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["baselines", *map(str, arguments)])


def register(file: Path, *others: str) -> Result:
    return run("register", file, "--model", "m", "--version", "1", *others)


def test_a_file_is_registered_listed_and_shown(file: Path) -> None:
    options = ("--leave-out", "row", "--probabilities", "p", "--labels", "late")
    id = register(file, *options).stdout.strip()
    assert [each["id"] for each in json.loads(run("list", "--json").stdout)] == [id]
    shown = json.loads(run("show", id, "--json").stdout)
    assert shown["baseline"]["num_rows"] == 4
    features = [(each["feature"], each["kind"]) for each in shown["features"]]
    assert features == [
        ("miles", "numeric"),
        ("carrier", "categorical"),
        ("probability", "numeric"),
        ("actual_label", "categorical"),
    ]
    for command in (("list",), ("show", id)):
        assert id in run(*command).stdout


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--labels", "nothing"), "flights.parquet has no column nothing"),
        ((), "data.row: is not a feature of this version"),
        (("--version", "9"), "model m has no version 9"),
    ],
)
def test_what_does_not_fit_is_one_line(file: Path, options: tuple[str, ...], problem: str) -> None:
    result = register(file, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {problem}")
    assert result.stderr.count("\n") == 1


def test_a_file_of_another_kind_is_refused(file: Path) -> None:
    file.write_text("a,b\n")
    result = register(file)
    assert result.stderr == "error: flights.parquet is not a Parquet file that can be read\n"


def test_an_unknown_baseline_is_refused(file: Path) -> None:
    assert run("show", "01980000-0000-7000-8000-000000000000").exit_code == 2
