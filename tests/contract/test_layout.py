"""The shape of the project: short modules, SQL in its files, everything public documented."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import click
import psycopg
import pytest

import mlops_ledger
from mlops_ledger.cli import main

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mlops_ledger"
FOLDERS = (
    "benchmarks",
    "docs",
    "examples",
    "packages",
    "schema/migrations",
    "scripts",
    "src",
    "tests",
    "tools",
)
FILES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml")
LONGEST = 400
# Arrows run down only: a module imports from the layers below its own, not from beside it.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("contrib",),
    ("admin",),
    ("monitoring",),
    ("logger",),
    ("database", "event_stream", "repositories"),
    ("_async", "_sync"),
    ("analysis", "arrow", "audit", "event_texts", "health", "host_metrics"),
    ("copying", "embedded", "migrations"),
    ("connection",),
    ("statements",),
    ("checks", "rows"),
    ("files", "ids"),
    ("errors", "notebooks"),
    ("visible",),
)


def test_the_layout_is_the_documented_one() -> None:
    assert [name for name in FOLDERS if not (ROOT / name).is_dir()] == []
    assert [name for name in FILES if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(("suffix", "at_least"), [("py", 50), ("sql", 40)])
def test_no_module_or_migration_is_longer_than_400_lines(suffix: str, at_least: int) -> None:
    modules = [path for name in FOLDERS for path in (ROOT / name).rglob(f"*.{suffix}")]
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in modules}
    assert len(lengths) > at_least
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_every_module_is_in_a_layer() -> None:
    layered = {name for layer in LAYERS for name in layer}
    assert {name for name, _, _ in _imports()} - layered == set()


def test_every_folder_is_in_the_map() -> None:
    [explained] = re.findall(
        r"## Where things live(.*?)\n## ", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.S
    )
    sources = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.sql")]
    folders = {name for path in sources for name in path.relative_to(SOURCE).parent.parts[:2]}
    assert set(re.findall(r"`(\w+)/`", explained)) == folders


def test_imports_run_down_only() -> None:
    depth = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    wrong = [
        f"{module} imports {imported}"
        for name, module, imported in _imports()
        if (part := imported.partition(".")[0]) != name and depth[part] <= depth[name]
    ]
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    waiting: dict[str, set[str]] = {}
    for _, module, imported in _imports():
        waiting.setdefault(module, set()).add(imported)
    # Whatever imports nothing that is left can be taken away; a circle stays.
    while ready := [module for module, imports in waiting.items() if not imports & set(waiting)]:
        for module in ready:
            del waiting[module]
    assert waiting == {}


def test_repositories_hold_no_sql() -> None:
    statement = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")
    found = [
        path.name for path in (SOURCE / "_async").glob("*.py") if statement.search(path.read_text())
    ]
    assert found == []


def test_examples_use_only_public_names() -> None:
    private = re.compile(
        r"^(?:from|import) "
        r"(mlops_ledger\.(?!(?:rows|errors|monitoring|contrib\.(?:fastapi|prometheus|ui)) import)"
        r"\S+)",
        re.M,
    )
    used = {
        path.name: private.findall(path.read_text("utf-8"))
        for path in (ROOT / "examples").rglob("*.py")
    }
    assert len(used) > 10
    assert {name: modules for name, modules in used.items() if modules} == {}


def test_the_package_says_which_release_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert mlops_ledger.__version__ == project["version"]


def _imports() -> list[tuple[str, str, str]]:
    """Return the part of the package, the module and what it imports, for each import inside."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        folder, module = parts[:-1], ".".join(parts).removesuffix(".__init__")
        if module == "__init__":
            continue  # gives the public names of all
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = [*folder[: len(folder) + 1 - node.level], *filter(None, [node.module])]
                for alias in node.names:
                    found.append((parts[0], module, _module(".".join([*base, alias.name]))))
    assert len(found) > 200
    return found


def _module(name: str) -> str:
    """Return the module that a dotted name is, or is in."""
    path = SOURCE.joinpath(*name.split("."))
    is_module = path.is_dir() or path.with_suffix(".py").is_file()
    return name if is_module else name.rpartition(".")[0]


def _commands(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += _commands(command, f"{path} {name}")
        else:
            found.append((f"{path} {name}", command))
    return found


COMMANDS = _commands(main, "mlops-ledger")


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_command_is_documented() -> None:
    assert [path for path, _ in COMMANDS if path not in _documentation()] == []


def test_every_public_name_is_documented() -> None:
    text = _documentation()
    assert [name for name in mlops_ledger.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_only_what_is_of_the_package_is_public() -> None:
    homes = {
        name: getattr(getattr(mlops_ledger, name), "__module__", "mlops_ledger")
        for name in mlops_ledger.__all__
    }
    assert [name for name, home in homes.items() if not home.startswith("mlops_ledger")] == []


def test_every_view_is_documented(conn: psycopg.Connection) -> None:
    views = conn.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
    assert len(views) >= 3
    assert [view for (view,) in views if view not in _documentation()] == []


def _documentation() -> str:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return "\n".join(page.read_text("utf-8") for page in pages)


@pytest.mark.parametrize("index", ["README.md", "mkdocs.yml"])
def test_every_page_can_be_found(index: str) -> None:
    text = (ROOT / index).read_text("utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 20
    assert [page for page in pages if page not in text] == []
