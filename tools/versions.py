"""The supported versions, which pyproject.toml states: what make, tests and the workflow read.

python -m tools.versions             print the versions of PostgreSQL
python -m tools.versions --diagonal  print a matrix for GitHub: each version of Python and of
                                     PostgreSQL once, not every pair
"""

from __future__ import annotations

import json
import sys
import tomllib
from itertools import zip_longest
from pathlib import Path
from typing import Any

_PROJECT: dict[str, Any] = tomllib.loads(
    (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
)
_PYTHON = "Programming Language :: Python :: 3."

POSTGRESQL: list[int] = _PROJECT["tool"]["mlops-ledger"]["postgresql"]
PYTHON: list[str] = [
    f"3.{name.removeprefix(_PYTHON)}"
    for name in _PROJECT["project"]["classifiers"]
    if name.startswith(_PYTHON)
]


def diagonal() -> list[dict[str, str | int]]:
    """Pair the oldest with the oldest; the longer list's rest goes with the newest of the other."""
    pairs = zip_longest(PYTHON, POSTGRESQL)
    return [
        {"python": python or PYTHON[-1], "postgresql": postgresql or POSTGRESQL[-1]}
        for python, postgresql in pairs
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--diagonal"]:
        print(json.dumps(diagonal()))
    else:
        print(*POSTGRESQL)
