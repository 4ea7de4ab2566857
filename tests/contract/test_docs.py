"""The documentation is true: examples run, references are fresh, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import psycopg
import pytest
from fix_servers import make_quick, open_folder

from mlops_ledger import Settings, new_id
from mlops_ledger.admin.create import drop_database, initialise
from mlops_ledger.cli import main
from mlops_ledger.embedded import EmbeddedServer
from tools import forked
from tools import run_page as runner

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
WITHOUT_EXAMPLES = {
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "capacity.md",
    ROOT / "docs" / "comparison.md",
    ROOT / "docs" / "design.md",
    ROOT / "docs" / "extras.md",
    ROOT / "docs" / "glossary.md",
    ROOT / "docs" / "how-to" / "grow-past-one-machine.md",
    ROOT / "examples" / "airflow" / "README.md",
    ROOT / "examples" / "flight_delays" / "README.md",
    ROOT / "examples" / "sentiment_service" / "README.md",
    *REFERENCE.glob("*.md"),
}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
COMMAND = re.compile(r"\bmlops-ledger (\w[^`\n]+?)(?=`|\n)")
VARIABLE = re.compile(r"\b(?:MLOPS_|POSTGRES_)[A-Z_]+[A-Z]\b|\bDATABASE_URL\b")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
# By three processes of the page, at two seconds each.
IMPORTED = ("mlflow", "mlflow.store.tracking.sqlalchemy_store")
MODEL = re.compile(r'model_name"?[=:] ?"([\w-]+)"')


def in_the_order_of_the_readme() -> list[Path]:
    readme = ROOT / "README.md"
    linked = LINK.findall(readme.read_text(encoding="utf-8"))
    pages = [readme, *((ROOT / target).resolve() for target in linked)]
    return [page for page in dict.fromkeys(pages) if page in PAGES and page not in WITHOUT_EXAMPLES]


WITH_EXAMPLES = in_the_order_of_the_readme()


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page", [page for page in WITH_EXAMPLES if page.parent.name == "how-to"], ids=name
)
def test_a_page_whose_examples_need_a_ledger_says_what_makes_one(page: Path) -> None:
    text = page.read_text("utf-8")
    if re.search(r"Database\(\)", text):
        assert re.search("mlops-ledger init|create_ledger|run-on-your-postgresql.md", text)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home with a server of its own: pages make roles, and one stops the server."""
    with open_folder() as folder:
        yield folder / "home"


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """The settings that a reader has who has set nothing, and no database yet."""
    settings = Settings(home=home)
    drop_database(settings)
    make_quick(EmbeddedServer(home))
    return settings


def test_the_readme_links_every_page_with_examples() -> None:
    assert {*PAGES} - WITHOUT_EXAMPLES == {*WITH_EXAMPLES}


def test_each_page_has_a_model_of_its_own() -> None:
    named = [(m, p) for p in WITH_EXAMPLES for m in set(MODEL.findall(p.read_text("utf-8")))]
    assert len(named) > 10
    assert len({model for model, _ in named}) == len(named), sorted(named)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_examples_of_a_page_run_and_print_what_it_says(
    page: Path, settings: Settings, tmp_path: Path
) -> None:
    """All on one ledger, in the order of the README."""
    if "\nmlops-ledger init\n" not in page.read_text(encoding="utf-8"):
        initialise(settings)
    done = run_page(page, settings.home, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", WITH_EXAMPLES[::-1], ids=name)
def test_the_pages_run_again_in_the_other_order_on_the_same_ledger(
    page: Path, settings: Settings, tmp_path: Path
) -> None:
    initialise(settings)
    done = run_page(page, settings.home, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "quickstart.md"], ids=name)
def test_who_tries_the_first_pages_again_meets_no_error(
    page: Path, dsn: str, tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About the same model, as a reader does it."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    examples = [
        example
        for example in tool("run_page").find_examples(page.read_text(encoding="utf-8"))
        if example.language == "python"
    ]
    for _ in range(2):
        names: dict[str, Any] = {"__name__": "__main__"}
        for example in examples:
            printed = tool("run_page").run_example(example, names, page)
            if page.name == "README.md":
                assert printed == example.output


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "expected\n2\n\nbut got\n1"),
        ("```python\nprint(1 / 0)\n```\n", "ZeroDivisionError"),
        ("```sh\nfalse\necho on\n```\n", "exit code 1"),
        ("```sql\nSELECT nothing;\n```\n", "page.md:2: exit code"),
        ("<!-- not run: x -->\n```sh\ntrue\n```\n\n```sh\nfalse\n```\n<!-- -->\n", "exit code 1"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(
    page: str, complaint: str, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "page.md"
    file.write_text(page, encoding="utf-8")
    done = run_page(file, home, tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_page_is_run_by_its_command(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("```sh\nmlops-ledger --version\n```\n", "utf-8")
    command = [sys.executable, "-m", "tools.run_page", str(file)]
    environment = {**os.environ, "MLOPS_LEDGER_HOME": str(home)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_runner_finds_examples_on_a_page(page: Path, tool) -> None:
    assert list(tool("run_page").find_examples(page.read_text(encoding="utf-8")))


def test_the_schema_reference_is_what_the_comments_say(conn: psycopg.Connection, tool) -> None:
    document = tool("document_schema")
    assert tool("generated").difference(document.PAGE, document.describe(conn)) == ""


@pytest.mark.parametrize("reference", ["document_cli", "document_messages", "document_python"])
def test_the_reference_is_what_the_code_says(reference: str, tool) -> None:
    document: ModuleType = tool(reference)
    assert tool("generated").difference(document.PAGE, document.generate()) == ""


def test_the_drawing_is_of_the_schema(tool) -> None:
    draw = tool("draw_schema")
    assert tool("generated").difference(draw.DRAWING, draw.generate()) == ""


def test_troubleshooting_quotes_messages_that_there_are() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    messages = (REFERENCE / "messages.md").read_text("utf-8")
    sections = [part for part in page.split("\n## ") if "| Message |" in part]
    quoted = [q for part in sections for q in re.findall(r"^\| (`.+?`) \|", part, re.MULTILINE)]
    parts = [each for row in quoted for each in re.findall(r"`(.+?)`", row)]
    assert len(parts) > 40
    assert [each for each in parts if each not in messages] == []


def test_messages_are_read_from_python_sql_and_constraints(tool) -> None:
    messages = tool("document_messages").generate()
    for message in (
        "the transaction is over: begin another with db.transaction()",
        "at: the slot has changed since, at …. History cannot be inserted",
        "dedup_key: an alert of that key is open already",
        "cannot connect to …: the password or the user name is wrong",
    ):
        assert f"`{message}" in messages


def test_every_variable_is_explained() -> None:
    explained = (ROOT / "docs" / "how-to" / "run-on-your-postgresql.md").read_text("utf-8")
    sources = [ROOT / ".env.example", ROOT / "src" / "mlops_ledger" / "connection" / "config.py"]
    read = {v for file in sources for v in VARIABLE.findall(file.read_text("utf-8"))}
    assert len(read) > 10
    assert [variable for variable in sorted(read) if f"`{variable}`" not in explained] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_the_commands_of_pages_that_are_not_run_can_be_parsed() -> None:
    texts = [
        page.read_text(encoding="utf-8") for page in WITHOUT_EXAMPLES if page.name == "README.md"
    ]
    named = [each for text in texts for each in COMMAND.findall(text)]
    assert len(named) > 5
    for each in named:
        command: click.Command = main
        arguments = shlex.split(each.replace(" ID", f" {new_id()}"))
        while isinstance(command, click.Group) and arguments:
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, each
            command = found
        try:
            command.make_context(each, arguments)
        except click.UsageError as error:
            pytest.fail(f"mlops-ledger {each}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_a_page_are_not_long(page: Path) -> None:
    """Tables, code and what is generated have lines of their own length."""
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    long = [line for line in prose.split("\n") if len(line) > 120 and not line.startswith("|")]
    assert long == [] or page.is_relative_to(REFERENCE)


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= 6 * 1024


def run_page(page: Path, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a process of its own, as a reader without settings would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return forked.run(
        runner.run_page,
        str(page),
        imported=IMPORTED if page.name == "mlflow.md" else (),
        folder=folder,
        environment={**os.environ, "PATH": path, "MLOPS_LEDGER_HOME": str(home)},
        # As a page that ends is told from one that never does.
        timeout=1200,
    )
