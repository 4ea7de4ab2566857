"""Numbers over time as a line of blocks, for people who look rather than read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from .output import say
from .text import cell

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=+*%#"


def echo_sparklines(lines: dict[str, Sequence[float | None]]) -> None:
    """Print a line of blocks for each series with its ends; on a terminal only."""
    if not sys.stdout.isatty():
        return
    width = max(map(len, lines), default=0)
    for name, series in lines.items():
        known = [value for value in series if value is not None]
        if known:
            ends = f"{cell(min(known))} to {cell(max(known))}"
            say(f"{name:<{width}}  {sparkline(series[-40:])}  {ends}")


def sparkline(series: Sequence[float | None]) -> str:
    """Write a series as blocks between its least and its greatest; a gap where there is none."""
    known = [value for value in series if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    blocks = _BLOCKS if encoding.startswith("utf") else _PLAIN
    top = len(blocks) - 1

    def block(value: float | None) -> str:
        if value is None:
            return " "
        return blocks[round((value - low) / span * top) if span else top // 2]

    return "".join(map(block, series))
