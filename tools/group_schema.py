"""Puts what pg_dump prints by kind and name in the order in which a person reads it.

A table comes with its columns and what they mean, its keys, indexes, triggers and their functions,
in the place where the migrations make it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_HEADING = re.compile(r"^--\n-- Name: (.+); Type: ([A-Z ]+); Schema: .*\n--\n", re.MULTILINE)
_CREATE = re.compile(r"^CREATE (?:TABLE|VIEW|FUNCTION) (\w+)", re.MULTILINE)
_SETTING = re.compile(r"^(?:SET \w+ = .*|SELECT pg_catalog\.set_config.*);\n", re.MULTILINE)
_COLUMN = re.compile(r'^    ("?\w+"?) ', re.MULTILINE)
_COMMENT = re.compile(r"COMMENT ON COLUMN \w+\.(\"?\w+\"?) IS '(.*)';", re.DOTALL)
# Which relation an index or the numbering of a column belongs to.
_ON = re.compile(r" ON (?:ONLY )?(\w+)|ALTER TABLE (\w+)")
_WIDTH = 100


def in_order(scripts: Iterable[str]) -> dict[str, int]:
    """Number the tables, views and functions in the order in which migrations make them."""
    made = _CREATE.findall("\n".join(scripts))
    return {name: number for number, name in reversed(list(enumerate(made)))}


def grouped(dump: str, order: Mapping[str, int]) -> str:
    """Return the sections of a dump by what they belong to, in that order."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind, subject, text in _sections(dump):
        groups.setdefault(_owner(subject, text, order), []).append((kind, text))
    subjects = sorted(groups, key=lambda subject: (order[subject], subject))
    return "\n".join(_chapter(subject, groups[subject]) for subject in subjects)


def _sections(dump: str) -> Iterable[tuple[str, str, str]]:
    parts = _HEADING.split(_SETTING.sub("", dump.replace("public.", "")))[1:]
    for name, kind, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        text = body.partition("\n--\n-- PostgreSQL database dump complete")[0].strip()
        if kind == "COMMENT":
            kind, _, name = name.partition(" ")
            kind = f"COMMENT {kind}"
        elif kind in {"INDEX", "SEQUENCE"} and (found := _ON.search(text)):
            name = found[1] or found[2]
        yield kind, re.split(r"[ .(]", name)[0], text


def _owner(subject: str, text: str, order: Mapping[str, int]) -> str:
    """Return the table whose trigger function this is, else the subject itself."""
    if "RETURNS trigger" not in text and "COMMENT ON FUNCTION" not in text:
        return subject
    tables = [name for name in order if subject.startswith(f"{name}_")]
    return max(tables, key=len, default=subject)


def _chapter(subject: str, sections: list[tuple[str, str]]) -> str:
    comments: dict[str, str] = {}
    texts = []
    # Functions before the triggers that call them, and those last.
    for kind, text in sorted(sections, key=lambda section: section[0] == "TRIGGER"):
        if kind == "COMMENT COLUMN" and (found := _COMMENT.fullmatch(text)):
            comments[found[1]] = found[2].replace("''", "'")
        else:
            texts.append((kind, text))
    first = [text for kind, text in texts if kind == "TABLE"]
    body = "\n".join(_with_comments(text, comments) if text in first else text for _, text in texts)
    if not first and comments:
        lines = [f"--   {name}: {meaning}" for name, meaning in comments.items()]
        body = "\n".join([body, *lines])
    return f"-- {subject} {'-' * (_WIDTH - 4 - len(subject))}\n\n{body}\n"


def _with_comments(table: str, comments: Mapping[str, str]) -> str:
    def with_comment(column: re.Match[str]) -> str:
        meaning = comments.get(column[1])
        return f"    -- {meaning}\n{column[0]}" if meaning else column[0]

    return _COLUMN.sub(with_comment, table)
