"""The documentation is true: examples run, references are fresh, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import psycopg
import pytest

from mlops_ledger import Settings
from mlops_ledger.admin.create import drop_database, initialise
from mlops_ledger.embedded import EmbeddedServer

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"
REFERENCE = ROOT / "docs" / "reference"
WITHOUT_EXAMPLES = {
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "design.md",
    ROOT / "docs" / "glossary.md",
    ROOT / "examples" / "flight_delays" / "README.md",
    *REFERENCE.glob("*.md"),
}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
WITH_EXAMPLES = [page for page in PAGES if page not in WITHOUT_EXAMPLES]
VARIABLE = re.compile(r"\b(?:MLOPS_|POSTGRES_)[A-Z_]+[A-Z]\b|\bDATABASE_URL\b")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home with a server of its own: pages make roles, and one stops the server."""
    with TemporaryDirectory(prefix="mlops-ledger-docs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"
        EmbeddedServer(Path(folder) / "home").stop()


@pytest.fixture
def settings(home: Path) -> Settings:
    """The settings that a reader has who has set nothing, and no database yet."""
    settings = Settings(home=home)
    drop_database(settings)
    return settings


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_examples_of_a_page_run_and_print_what_it_says(
    page: Path, settings: Settings, tmp_path: Path
) -> None:
    if "\nmlops-ledger init\n" not in page.read_text(encoding="utf-8"):
        initialise(settings)
    done = run_page(page, settings.home, tmp_path)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_runner_finds_examples_on_a_page(page: Path, tool) -> None:
    assert list(tool("run_page").find_examples(page.read_text(encoding="utf-8")))


def test_the_schema_reference_is_what_the_comments_say(conn: psycopg.Connection, tool) -> None:
    document = tool("document_schema")
    assert tool("generated").difference(document.PAGE, document.describe(conn)) == ""


@pytest.mark.parametrize("reference", ["document_cli", "document_python"])
def test_the_reference_is_what_the_code_says(reference: str, tool) -> None:
    document: ModuleType = tool(reference)
    assert tool("generated").difference(document.PAGE, document.generate()) == ""


def test_every_variable_is_explained() -> None:
    explained = (ROOT / "docs" / "how-to" / "run-on-your-postgresql.md").read_text("utf-8")
    sources = [ROOT / ".env.example", ROOT / "src" / "mlops_ledger" / "config.py"]
    read = {v for file in sources for v in VARIABLE.findall(file.read_text("utf-8"))}
    assert len(read) > 10
    assert [variable for variable in sorted(read) if f"`{variable}`" not in explained] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= 6 * 1024


def run_page(page: Path, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a process of its own, as a reader without settings would."""
    scripts = Path(sys.executable).parent
    return subprocess.run(
        [sys.executable, TOOLS / "run_page.py", page],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "MLOPS_LEDGER_HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
