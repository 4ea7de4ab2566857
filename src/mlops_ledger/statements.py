"""Loads the statements of `sql/*.sql`: one file per repository, one statement per method.

A statement begins with `-- name --` and a comment line that says what it does; that of a method
that only reads with `-- read name --`: a hot standby may answer it. Each parameter carries a cast,
`%(name)s::type`; the cast decides how the value is checked before it is sent. What several
statements share, such as a list of columns, stands above them as `-- fragment name --`, and
`{name}` puts it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from .checks.classes import CLASSES, class_name
from .checks.values import CHECKS
from .checks.windows import require_order

_HEADER = re.compile(r"^-- (fragment |read )?(\w+) --$", re.MULTILINE)
_COMMENT = re.compile(r"\A(?:--.*\n)+")
# Not '{}' and not '{a,b}', which are arrays.
_REFERENCE = re.compile(r"\{(\w+)\}")
_PARAMETER = re.compile(r"%\((\w+)\)s(?:::([a-z0-9 ]+(?:\[\])?))?")
_TYPE = re.compile(r"(?:double precision|[a-z0-9]+)(?:\[\])?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, where it stands, and the type of each of its parameters.

    `is_read` says that it only reads, for a method that only reads: a standby may answer it.
    """

    name: str
    origin: str
    text: bytes
    parameters: Mapping[str, str]
    is_read: bool = False

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """Check the values of all parameters and turn them into what the driver sends.

        Raises InvalidValue naming the parameter that does not fit, or for a window that ends
        before it begins.
        """
        bound: dict[str, Any] = {
            name: None if values[name] is None else _check(name, sql_type)(name, values[name])
            for name, sql_type in self.parameters.items()
        }
        require_order(bound.get("since"), bound.get("until"))
        return bound


def _check(name: str, sql_type: str) -> Callable[[str, object], object]:
    return class_name if name in CLASSES else CHECKS[sql_type]


@cache
def load(repository: str) -> Mapping[str, Statement]:
    """Read `sql/<repository>.sql` into its statements by name."""
    file = f"sql/{repository}.sql"
    source = resources.files(__package__).joinpath(file).read_text("utf-8")
    headers = list(_HEADER.finditer(source))
    ends = [header.start() for header in headers[1:]] + [len(source)]
    found: dict[str, Statement] = {}
    fragments = _Fragments()
    for header, end in zip(headers, ends, strict=True):
        name, body = header[2], source[header.end() : end].strip()
        line = source.count("\n", 0, header.start()) + 1
        origin = f"{file}:{line} {name}"
        if name in found or name in fragments.bodies:
            raise ValueError(f"{origin}: a second statement or fragment of that name")
        body = fragments.put_into(origin, body)
        if header[1] == "fragment ":
            fragments.bodies[name] = _COMMENT.sub("", body)
        else:
            parameters, is_read = _parameters(origin, body), header[1] == "read "
            found[name] = Statement(name, origin, body.encode(), parameters, is_read)
    if unused := fragments.bodies.keys() - fragments.used:
        raise ValueError(f"{file}: nothing uses the fragment {min(unused)}")
    return found


class _Fragments:
    """What the statements of one file share, and which of it they use."""

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}
        self.used: set[str] = set()

    def put_into(self, origin: str, body: str) -> str:
        def text(reference: re.Match[str]) -> str:
            name = reference[1]
            if name not in self.bodies:
                raise ValueError(f"{origin}: there is no fragment {name} above")
            self.used.add(name)
            return self.bodies[name]

        return _REFERENCE.sub(text, body)


def _parameters(origin: str, body: str) -> dict[str, str]:
    types: dict[str, str] = {}
    for name, cast in _PARAMETER.findall(body):
        match = _TYPE.match(cast)
        if match is None or match[0] not in CHECKS:
            raise ValueError(f"{origin}: parameter {name} has no cast to a known type")
        if types.setdefault(name, match[0]) != match[0]:
            raise ValueError(f"{origin}: parameter {name} has two types")
    return types
