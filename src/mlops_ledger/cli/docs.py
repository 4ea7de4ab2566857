"""`mlops-ledger docs`: the pages of the documentation, which come with the package."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..errors import NotFound
from .base import Command
from .names import nearest
from .options import json_option
from .output import echo_json, echo_table, write


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in _pages() if name.startswith(incomplete)]


@click.command(cls=Command)
@click.argument("page", required=False, shell_complete=_complete)
@json_option
def docs(page: str | None, as_json: bool) -> None:
    """List the pages of the documentation, or show PAGE."""
    pages = _pages()
    if page is None:
        rows = [(name, _title(file)) for name, file in pages.items()]
        if as_json:
            echo_json([{"page": name, "title": title} for name, title in rows])
        else:
            echo_table(("page", "title"), rows)
        return
    if page not in pages:
        raise NotFound(f"there is no page {page}{nearest(page, pages)}")
    text = pages[page].read_text(encoding="utf-8")
    if as_json:
        echo_json({"page": page, "text": text})
    elif sys.stdout.isatty():
        _render(text)
    else:
        write(text.rstrip())


def _pages() -> dict[str, Path]:
    """Return the pages by name: in a wheel beside the package, in a checkout at its top."""
    package = Path(__file__).parents[1]
    folder = package / "docs"
    if not folder.is_dir():
        folder = package.parents[1] / "docs"
    return {file.stem: file for file in sorted(folder.rglob("*.md"))}


def _title(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        return next((line[2:].strip() for line in opened if line.startswith("# ")), file.stem)


def _render(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))
