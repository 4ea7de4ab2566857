"""The words that the glossary replaces stay away."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.once


def test_no_page_message_or_name_has_a_replaced_word(tool, capsys) -> None:
    assert tool("terms").main() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        *("at any moment", "def settle(", "the instants", "x.write_id", "STRETCH", "newest_label"),
        *("a write-id", "once-a-batch", "WriteId", "trying again"),
    ],
)
def test_a_replaced_word_is_found(tool, text: str) -> None:
    terms = tool("terms")
    known = terms.replaced(terms.GLOSSARY.read_text("utf-8"))
    assert len(known) >= 10
    assert [line for line, *_ in terms.findings(f"first\n{text}\n", known)] == [2]


def test_every_text_of_the_project_is_read(tool) -> None:
    terms = tool("terms")
    read = {str(page.relative_to(terms.ROOT)) for page in terms.pages()}
    for page in (
        *("Makefile", ".env.example", "docker-compose.yml", "mkdocs.yml", "pyproject.toml"),
        *(".ci/run", ".github/workflows/ci.yml", "docs/images/prediction.svg", "schema/objects"),
        *("src/mlops_ledger/contrib/ui/templates/base.html", "README.md", "tests/conftest.py"),
    ):
        assert page in read, page


@pytest.mark.parametrize("text", ["an instance, instantly", "momentum", "settings", "tallest"])
def test_other_words_are_left_alone(tool, text: str) -> None:
    terms = tool("terms")
    known = terms.replaced(terms.GLOSSARY.read_text("utf-8"))
    assert list(terms.findings(text, known)) == []
