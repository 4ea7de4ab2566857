"""What a plain installation can do: all that needs no extra, and one line for what does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# What the extras bring, as far as the package imports it.
BROUGHT = [
    "adbc_driver_manager",
    "adbc_driver_postgresql",
    "alembic",
    "fastapi",
    "jinja2",
    "mcp",
    "mlflow",
    "numpy",
    "pandas",
    "pandera",
    "polars",
    "prometheus_client",
    "psutil",
    "pyarrow",
    "pynvml",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "whylogs",
]
# What has nothing but calls with arrays.
NEEDS_NUMPY = {
    "mlops_ledger.admin.transfer.predictions.column_ids",
    "mlops_ledger.admin.transfer.predictions.columns",
    "mlops_ledger.analysis.binning",
    "mlops_ledger.copying.blocks",
    "mlops_ledger.copying.column_fields",
    "mlops_ledger.copying.column_input",
    "mlops_ledger.copying.columns",
    "mlops_ledger.copying.metric_columns",
}
PREDICTIONS = "predicted_at,request_id,probability\n2026-01-01T09:00:00Z,a,0.5\n"
METRICS = (
    "timestamp,model_name,model_version,metric_name,metric_value\n2026-01-01T09:00:00Z,m,1,rmse,1\n"
)
# A name comes as it is when the distribution is not there: that of the first package.
WITHOUT = """
import sys
class NotInstalled:
    def find_spec(self, name, *_):
        first = name.partition(".")[0]
        if first in LACKING:
            raise ModuleNotFoundError(f"No module named {first!r}", name=first)
sys.meta_path.insert(0, NotInstalled())
"""
BRINGS = {
    "fastapi": {"fastapi", "starlette"},
    "mcp": {"mcp", "starlette", "uvicorn"},
    "prometheus": {"prometheus_client"},
    "ui": {"jinja2", "starlette", "uvicorn"},
}

Plain = Callable[..., subprocess.CompletedProcess[str]]


def python(
    code: str, *arguments: str, extra: str = "", **given: Any
) -> subprocess.CompletedProcess[str]:
    """Run code with no extra but one."""
    lacking = set(BROUGHT) - BRINGS.get(extra, set())
    return subprocess.run(
        [sys.executable, "-c", f"LACKING = {lacking!r}{WITHOUT}{code}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **given,
    )


@pytest.fixture
def plain(ledger: object, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plain:
    """Run a command where no extra is installed, in a folder with files to import."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    (tmp_path / "predictions.csv").write_text(PREDICTIONS)
    (tmp_path / "metrics.csv").write_text(METRICS)
    (tmp_path / "any.parquet").write_bytes(b"PAR1")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from mlops_ledger.__main__ import run\nrun()\n"
        return python(code, *arguments, cwd=tmp_path)

    return run


def test_only_what_has_arrays_imports_more_than_the_package_brings() -> None:
    code = """
import importlib, pkgutil
import mlops_ledger
for module in pkgutil.walk_packages(mlops_ledger.__path__, "mlops_ledger."):
    if ".contrib" not in module.name and not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError:
            print(module.name)
"""
    done = python(code)
    assert (set(done.stdout.split()), done.stderr) == (NEEDS_NUMPY, "")


@pytest.mark.parametrize("extra", BRINGS)
def test_an_extra_needs_no_other(extra: str) -> None:
    code = f"""
import importlib, pkgutil
package = importlib.import_module("mlops_ledger.contrib.{extra}")
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""
    done = python(code, extra=extra)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        "predictions import predictions.csv --model m --version 1",
        "import csv metrics.csv --kind metrics",
        "baselines list",
        "metrics system",
    ],
)
def test_what_needs_no_extra_works_without(plain: Plain, arguments: str) -> None:
    done = plain(*arguments.split())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("predictions import any.parquet --model m --version 1", "arrow"),
        ("predictions export new.csv", "arrow"),
        ("predictions export new.ndjson", "arrow"),
        ("predictions export new.parquet", "arrow"),
        ("labels import any.parquet", "arrow"),
        ("baselines register any.parquet --model m --version 1", "arrow"),
        ("import parquet any.parquet --kind metrics", "arrow"),
        ("export parquet new", "arrow"),
        ("exporter", "prometheus"),
        ("serve", "ui"),
        ("report new.html --model m", "ui"),
        ("mcp", "mcp"),
        ("import mlflow sqlite:///new", "mlflow"),
        ("metrics collect", "metrics"),
    ],
)
def test_what_needs_an_extra_says_which(
    plain: Plain, tmp_path: Path, arguments: str, extra: str
) -> None:
    done = plain(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: "), done.stderr
    assert f"mlops-ledger[{extra}]" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("new")] == []
