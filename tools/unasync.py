"""Generates the sync twins in `_sync` from the async sources in `_async`.

`python tools/unasync.py` writes them, `--check` exits with 1 when they are not in step. Where the
two worlds differ by more than these patterns, the code belongs in a module both import.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "src" / "mlops_ledger", ROOT / "tests")
HEADER = "# Generated from {source} by tools/unasync.py: edit that file, then run `make sync`.\n"

PATTERNS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"await asyncio\.to_thread\(([\w.]+), ", r"\1("),
        (r"await asyncio\.shield\((.+)\)", r"\1"),
        (r"\basyncio\.Lock\b", "threading.Lock"),
        (r"\bfrom asyncio import sleep\b", "from time import sleep"),
        (r"\bimport asyncio\b", "import threading"),
        (r"\basync (def|with|for) ", r"\1 "),
        (r"\bawait ", ""),
        (r"\basynccontextmanager\b", "contextmanager"),
        (r"\baclosing\b", "closing"),
        (r"\b__a(enter|exit)__\b", r"__\1__"),
        (r"\bAsync(?=[A-Z])", ""),
        (r"\b_async\b", "_sync"),
    )
]


def twin(source: Path) -> str:
    """Return the sync text of an async module."""
    text = source.read_text("utf-8")
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return HEADER.format(source=source.relative_to(ROOT).as_posix()) + text


def twins() -> dict[Path, str]:
    """Return the text of every twin by its path."""
    return {
        folder / "_sync" / source.name: twin(source)
        for folder in FOLDERS
        for source in sorted((folder / "_async").glob("*.py"))
    }


def main(arguments: list[str]) -> int:
    """Write the twins, or check them."""
    expected = twins()
    present = {path for folder in FOLDERS for path in (folder / "_sync").glob("*.py")}
    if arguments == ["--check"]:
        stale = [
            path
            for path, text in expected.items()
            if path not in present or path.read_text("utf-8") != text
        ]
        for path in sorted({*stale, *(present - set(expected))}):
            print(f"{path.relative_to(ROOT)} is not in step: run `make sync`", file=sys.stderr)
        return 1 if stale or present - set(expected) else 0
    for path, text in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    for path in present - set(expected):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
