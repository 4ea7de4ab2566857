"""Write a generated file, or check that it is fresh: what the other tools share."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def difference(file: Path, expected: str) -> str:
    """Return how a file differs from what it should hold, as a unified diff."""
    actual = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = difflib.unified_diff(
        actual.splitlines(keepends=True), expected.splitlines(keepends=True), str(file), "expected"
    )
    return "".join(lines)


def run(file: Path, generate: Callable[[], str], target: str = "docs") -> int:
    """Write the file, or compare it with --check; return the exit code."""
    return run_all(lambda: {file: generate()}, target)


def run_all(generate: Callable[[], Mapping[Path, str]], target: str) -> int:
    """Write several files, or compare them with --check; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    status = 0
    for file, expected in generate().items():
        if not check:
            file.write_text(expected, encoding="utf-8")
        elif diff := difference(file, expected):
            print(diff, end="")
            print(f"error: {file.name} is stale: run make {target}", file=sys.stderr)
            status = 1
    return status
