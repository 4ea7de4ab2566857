"""`mlops-ledger docs`: every page is found by its name, and as a link names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from mlops_ledger.cli import main

Answer = Callable[..., Any]

pytestmark = pytest.mark.once


def test_every_page_is_shown_by_its_listed_name(answer: Answer) -> None:
    pages = answer("docs")
    assert len(pages) > 30
    assert len({page["page"] for page in pages}) == len(pages)
    for page in pages:
        text = answer("docs", page["page"])["text"]
        assert text.startswith(f"# {page['title']}"), page


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("quickstart", "quickstart"),
        ("troubleshooting.md", "troubleshooting"),
        ("how-to/metrics", "how-to/metrics"),
        ("how-to/metrics.md", "how-to/metrics"),
        ("../reference/metrics.md", "reference/metrics"),
        ("./cli.md#mlops-ledger-docs", "reference/cli"),
        ("docs/how-to/audit.md", "how-to/audit"),
        ("../../docs/quickstart.md", "quickstart"),
    ],
)
def test_a_page_is_found_as_a_link_names_it(answer: Answer, given: str, page: str) -> None:
    assert answer("docs", given)["page"] == page


@pytest.mark.parametrize("given", ["metrics", "metrics.md"])
def test_a_name_of_two_pages_names_both(run: Answer, given: str) -> None:
    result = run("docs", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{given}: how-to/metrics and reference/metrics" in result.stderr


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("README.md", "begin with mlops-ledger docs quickstart"),
        ("index", "begin with mlops-ledger docs quickstart"),
        ("zzz", "begin with mlops-ledger docs quickstart"),
        ("reference/metric", "did you mean reference/metrics?"),
    ],
)
def test_another_name_is_told_what_there_is(run: Answer, given: str, near: str) -> None:
    result = run("docs", given)
    assert result.exit_code == 2
    assert f"there is no page {given}; {near}" in result.stderr


@pytest.mark.parametrize("given", ["", " ", "#top", "../"])
def test_no_name_is_told_where_to_begin(run: Answer, given: str) -> None:
    result = run("docs", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: no page is named; begin with mlops-ledger docs quickstart\n"


def test_what_a_page_hides_is_not_shown(run: Answer) -> None:
    for page in ("cli", "messages", "python", "schema", "migrations"):
        shown = run("docs", page).stdout
        assert "<!--" not in shown
        assert "run unseen" not in shown
        # A comment is taken away as if it had never been there.
        assert not shown.startswith("\n")


def test_a_shell_completes_folders_and_last_words() -> None:
    def completed(word: str) -> list[str]:
        shell = ShellComplete(main, {}, "mlops-ledger", "_C")
        return [item.value for item in shell.get_completions(["docs"], word)]

    assert completed("how-to/met") == ["how-to/metrics"]
    assert completed("trouble") == ["troubleshooting"]
    assert set(completed("cap")) == {"capacity"}
    assert "how-to/metrics" in completed("")
    assert "metrics" not in completed("")
