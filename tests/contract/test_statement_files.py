"""What the loader of statements accepts and refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

import pytest

from mlops_ledger.statements import Statement, load


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("SELECT %(a)s;", "parameter a has no cast to a known type"),
        ("SELECT %(a)s::money;", "parameter a has no cast to a known type"),
        ("SELECT %(a)s::text, %(a)s::uuid;", "parameter a has two types"),
        ("SELECT {b};", "there is no fragment b above"),
        ("SELECT {b};\n\n-- fragment b --\n-- Two.\n1", "there is no fragment b above"),
    ],
)
def test_a_statement_that_cannot_be_bound_is_refused(
    made: Callable[[str], Mapping[str, Statement]], body: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^sql/made.sql:1 a: {problem}"):
        made(f"-- a --\n-- One.\n{body}\n")


@pytest.mark.parametrize("kind", ["", "fragment "])
def test_a_second_statement_or_fragment_of_a_name_is_refused(
    made: Callable[[str], Mapping[str, Statement]], kind: str
) -> None:
    with pytest.raises(ValueError, match=r"^sql/made\.sql:5 a: a second statement or fragment"):
        made(f"-- {kind}a --\n-- One.\n1\n\n-- a --\n-- Two.\nSELECT 2;\n")


def test_a_fragment_is_put_in_where_it_is_named(
    made: Callable[[str], Mapping[str, Statement]],
) -> None:
    found = made(
        "-- fragment pair --\n-- Two numbers.\n1 AS a,\n2 AS b\n\n"
        "-- fragment chosen --\n-- With a third.\n{pair}, %(c)s::text AS c\n\n"
        "-- get --\n-- All three.\nSELECT {chosen} WHERE '{}' = '{a,b}';\n"
    )
    text = b"-- All three.\nSELECT 1 AS a,\n2 AS b, %(c)s::text AS c WHERE '{}' = '{a,b}';"
    expected = Statement("get", "sql/made.sql:10 get", text, {"c": "text"})
    assert found == {"get": expected}


def test_a_fragment_that_nothing_uses_is_refused(
    made: Callable[[str], Mapping[str, Statement]],
) -> None:
    with pytest.raises(ValueError, match=r"^sql/made\.sql: nothing uses the fragment b$"):
        made("-- fragment b --\n-- A number.\n1\n\n-- a --\n-- One.\nSELECT 1;\n")


@pytest.fixture
def made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Mapping[str, Statement]]:
    """A function that loads the text of a file of statements."""
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    (tmp_path / "sql").mkdir()

    def load_text(text: str) -> Mapping[str, Statement]:
        (tmp_path / "sql" / "made.sql").write_text(text)
        found: Mapping[str, Statement] = load.__wrapped__("made")
        return found

    return load_text
