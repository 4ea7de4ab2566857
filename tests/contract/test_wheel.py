from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from mlops_ledger.migrations import find_migrations

ROOT = Path(__file__).parents[2]

# Run in the new environment; prints where the package is, then what it applied.
MIGRATE = """
import os
import mlops_ledger
from mlops_ledger.migrations import Migrator
print(mlops_ledger.__file__)
print(*Migrator(os.environ["DSN"]).up())
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel with this environment's build tools, as no network may be there."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, ROOT],
        check=True,
        capture_output=True,
    )
    [path] = target.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def clean_python(tmp_path_factory, wheel) -> Path:
    """Install the wheel into an environment that borrows only this one's dependencies."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel],
        check=True,
    )
    # A path line does not run the .pth files there, so an editable install stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.mark.once
def test_the_wheel_migrates_from_another_directory(clean_python, empty_database, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [clean_python, "-c", MIGRATE],
        cwd=tmp_path,
        env={**environment, "DSN": empty_database},
        check=True,
        capture_output=True,
        text=True,
    )

    module, applied = done.stdout.splitlines()
    assert Path(module).is_relative_to(clean_python.parents[1])
    assert applied.split() == [str(migration) for migration in find_migrations()]
