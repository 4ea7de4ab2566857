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
        (("--labels", "b", "--leave-out", "a"), "flights.parquet has no column a, b"),
        (
            (),
            "data: columns that do not fit: row, p: is not a feature of this version: take it for "
            "categorical, or leave it out (--categorical COLUMN or --leave-out COLUMN, "
            "once for each)",
        ),
        (("--leave-out", "p"), "data.row: is not a feature of this version: take it for categ"),
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


def test_a_csv_file_gives_the_same_bins(file: Path) -> None:
    text = "miles,carrier,row,p,late\n1,a,1,0.1,y\n2,a,2,0.2,n\n3,b,3,0.3,y\n4,b,4,0.4,n\n"
    csv = file.with_suffix(".csv")
    csv.write_text(text)
    options = ("--leave-out", "row", "--probabilities", "p", "--labels", "late")
    ids = [register(each, *options).stdout.strip() for each in (file, csv)]
    shown = [json.loads(run("show", id, "--json").stdout)["features"] for id in ids]
    assert shown[0] == shown[1]


def test_an_empty_field_of_csv_is_missing_and_a_column_without_name_left_out(file: Path) -> None:
    csv = file.with_suffix(".csv")
    csv.write_text(',miles,carrier\n0,1,NA\n1,,""\n2,3,\n')
    id = register(csv).stdout.strip()
    features = json.loads(run("show", id, "--json").stdout)["features"]
    assert [(each["feature"], each["num_missing"]) for each in features] == [
        ("miles", 1),
        ("carrier", 1),
    ]
    assert features[1]["categories"] == ["", "NA"]


def test_an_unknown_baseline_is_refused(file: Path) -> None:
    assert run("show", "01980000-0000-7000-8000-000000000000").exit_code == 2


def test_the_baseline_that_counts_is_shown_by_its_model(file: Path) -> None:
    options = ("--leave-out", "row", "--leave-out", "p")
    ids = [register(file, *options).stdout.strip() for _ in range(2)]
    assert ids[1] in run("show", "--model", "m", "--version", "1").stdout
    unsaid = run("show", "--model", "m")
    assert unsaid.stderr == (
        "error: no version of model m is in production: name one with --version\n"
    )
    with Database() as db:
        ModelVersionRepository(db).promote(model_name="m", model_version="1")
        ModelVersionRepository(db).insert(model_name="m", model_version="2")
    assert ids[1] in run("show", "--model", "m").stdout
    for arguments, problem in {
        ("--model", "m", "--version", "2"): "version 2 of model m has no baseline",
        ("--model", "m", "--version", "9"): "model m has no version 9; the newest is 2",
        ("--model", "n"): "there is no model n",
        ("--version", "1"): "give either ID or --model",
        (ids[0], "--model", "m"): "give either ID or --model",
        (ids[0], "--version", "1"): "--version needs --model",
    }.items():
        refused = run("show", *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"error: {problem}" in refused.stderr
