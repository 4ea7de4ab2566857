"""Numbers over time as a line of blocks, for people who look rather than read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from ..visible import visible
from .output import say
from .text import cell, printed

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=+*%#"


def echo_sparklines(lines: dict[str, Sequence[float | None]]) -> None:
    """Print a line of blocks for each series with its ends; on a terminal only."""
    if not sys.stdout.isatty():
        return
    names = [printed(visible(name)) for name in lines]
    width = max(map(cell_len, names), default=0)
    for name, series in zip(names, lines.values(), strict=True):
        known = [value for value in series if value is not None]
        if known:
            ends = f"{cell(min(known))} to {cell(max(known))}"
            say(f"{name}{' ' * (width - cell_len(name))}  {sparkline(series[-40:])}  {ends}")


def sparkline(series: Sequence[float | None]) -> str:
    """Write a series as blocks between its least and its greatest; a gap where there is none."""
    known = [value for value in series if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    blocks = _BLOCKS if printed(_BLOCKS) == _BLOCKS else _PLAIN
    top = len(blocks) - 1

    def block(value: float | None) -> str:
        if value is None:
            return " "
        return blocks[round((value - low) / span * top) if span else top // 2]

    return "".join(map(block, series))
