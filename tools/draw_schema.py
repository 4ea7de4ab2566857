"""Draw docs/images/schema.svg: the tables of schema/schema.sql and their foreign keys.

python -m tools.draw_schema          write the drawing
python -m tools.draw_schema --check  compare, print the difference, exit with 1 if there is one
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from tools.dump_schema import FILE as SCHEMA
from tools.generated import REFERENCE, run

DRAWING = REFERENCE.parent / "images" / "schema.svg"
TABLE = re.compile(r"^CREATE TABLE (\w+) ", re.MULTILINE)
FOREIGN_KEY = re.compile(
    r"^ALTER TABLE ONLY (\w+)\n\s+ADD CONSTRAINT \w+ FOREIGN KEY \((\w+).*?\) REFERENCES (\w+)\(",
    re.MULTILINE,
)
# In pixels. A box is as wide as its longest line can be.
WIDTH, GAP, LINE, MARGIN = 290, 60, 17, 8
STYLE = """\
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2937 }
.name { font-weight: 600 }
.box { fill: #ffffff; stroke: #6b7280 }
.head { fill: #e0e7ff; stroke: #6b7280 }
path { fill: none; stroke: #6366f1; stroke-width: 1.3; opacity: .75 }"""


@dataclass(frozen=True)
class Key:
    """A foreign key, by the column that tells it from others."""

    column: str
    target: str


@dataclass(frozen=True)
class Box:
    """Where a table is drawn, and the keys that it lists."""

    x: int
    y: int
    keys: tuple[Key, ...]

    @property
    def height(self) -> int:
        return LINE * (1 + len(self.keys)) + MARGIN * (2 if self.keys else 1) + 2 * bool(self.keys)

    def line(self, number: int) -> int:
        """Return the middle of a line of the box; its name is line 0."""
        return self.y + MARGIN // 2 + LINE * number + LINE // 2 + (MARGIN if number else 0)


def read_keys(schema: str) -> dict[str, tuple[Key, ...]]:
    """Return the foreign keys of every table."""
    keys: defaultdict[str, list[Key]] = defaultdict(list)
    for table, column, target in FOREIGN_KEY.findall(schema):
        keys[table].append(Key(column, target))
    return {table: tuple(keys[table]) for table in TABLE.findall(schema)}


def layers(keys: Mapping[str, tuple[Key, ...]]) -> list[list[str]]:
    """Put each table one column to the right of all that it refers to; those alone come last."""

    def depth(table: str) -> int:
        targets = {key.target for key in keys[table]} - {table}
        return 1 + max(map(depth, targets)) if targets else 0

    targets = {key.target for of_table in keys.values() for key in of_table}
    related = [table for table in keys if keys[table] or table in targets]
    columns: list[list[str]] = [[] for _ in range(1 + max(map(depth, related)))]
    for table in related:
        columns[depth(table)].append(table)
    return [*columns, [table for table in keys if table not in related]]


def place(keys: Mapping[str, tuple[Key, ...]]) -> dict[str, Box]:
    """Give every table its place."""
    boxes: dict[str, Box] = {}
    *columns, alone = layers(keys)
    for number, column in enumerate(columns):
        y = 1
        for table in column:
            boxes[table] = Box(1 + number * (WIDTH + GAP), y, keys[table])
            y += boxes[table].height + 2 * LINE
    below = max(box.y + box.height for box in boxes.values()) + 3 * LINE
    for number, table in enumerate(alone):
        row, place_in_row = divmod(number, len(columns))
        boxes[table] = Box(1 + place_in_row * (WIDTH + GAP), below + row * 3 * LINE, ())
    return boxes


def draw(boxes: Mapping[str, Box]) -> str:
    """Return the drawing."""
    width = max(box.x + WIDTH for box in boxes.values()) + GAP // 2
    height = max(box.y + box.height for box in boxes.values()) + 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>The tables of mlops-ledger and their foreign keys</title>",
        f"<style>\n{STYLE}\n</style>",
    ]
    for box in boxes.values():
        for number, key in enumerate(box.keys, 1):
            parts.append(_curve(box, number, boxes[key.target]))
    for table, box in boxes.items():
        parts.extend(_box(table, box))
    return "\n".join([*parts, "</svg>", ""])


def _curve(box: Box, number: int, target: Box) -> str:
    y, end = box.line(number), target.line(0)
    if box is target:
        edge = box.x + WIDTH
        return f'<path d="M{edge} {y}C{edge + 30} {y} {edge + 30} {end} {edge} {end}"/>'
    start, reach = target.x + WIDTH, GAP
    return f'<path d="M{start} {end}C{start + reach} {end} {box.x - reach} {y} {box.x} {y}"/>'


def _box(table: str, box: Box) -> list[str]:
    head = LINE + MARGIN
    parts = [
        f'<rect class="box" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="3"/>',
        f'<rect class="head" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{head}" rx="3"/>',
    ]
    lines = [("name", table), *(("key", f"{key.column} → {key.target}") for key in box.keys)]
    for number, (kind, text) in enumerate(lines):
        y = box.line(number) + LINE // 4
        parts.append(f'<text class="{kind}" x="{box.x + MARGIN}" y="{y}">{escape(text)}</text>')
    return parts


def generate() -> str:
    """Return what the drawing should hold."""
    return draw(place(read_keys(SCHEMA.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    raise SystemExit(run(DRAWING, generate))
