"""Write a generated page, or check that it is fresh: what the document_*.py tools share."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def difference(page: Path, expected: str) -> str:
    """Return how a page differs from what it should hold, as a unified diff."""
    actual = page.read_text(encoding="utf-8") if page.exists() else ""
    lines = difflib.unified_diff(
        actual.splitlines(keepends=True), expected.splitlines(keepends=True), str(page), "expected"
    )
    return "".join(lines)


def run(page: Path, generate: Callable[[], str]) -> int:
    """Write the page, or compare it with --check; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    expected = generate()
    if not check:
        page.write_text(expected, encoding="utf-8")
        return 0
    if diff := difference(page, expected):
        print(diff, end="")
        print(f"error: {page.name} is stale: run make docs", file=sys.stderr)
        return 1
    return 0
