"""`mlops-ledger docs`: the pages of the documentation, which come with the package."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from ..errors import LedgerError, NotFound
from .base import Command
from .names import nearest
from .options import json_option
from .output import echo_json, echo_table, write

# What a link has before the name of a page: steps up, and from outside the folder of all.
_LINK: Final = re.compile(r"^(?:\.{1,2}/)*(?:docs/)?")
_COMMENT: Final = re.compile(r"^<!--.*?-->\n", re.M | re.S)


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    pages = _pages()
    names = dict.fromkeys([*pages, *map(_stem, pages)] if incomplete else pages)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(cls=Command)
@click.argument("page", required=False, shell_complete=_complete)
@json_option
def docs(page: str | None, as_json: bool) -> None:
    """List the pages of the documentation, or show PAGE.

    A page is named as it is listed, by its last word, or as a link names it.
    """
    pages = _pages()
    if page is None:
        rows = [(name, _title(file)) for name, file in pages.items()]
        if as_json:
            echo_json([{"page": name, "title": title} for name, title in rows])
        else:
            echo_table(("page", "title"), rows)
        return
    found = _find(page, pages)
    text = _COMMENT.sub("", pages[found].read_text(encoding="utf-8"))
    if as_json:
        echo_json({"page": found, "text": text})
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
    files = sorted(folder.rglob("*.md"))
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def _find(given: str, pages: dict[str, Path]) -> str:
    """Find a page by its name or by a link to it; raises NotFound, LedgerError for several."""
    wanted = _LINK.sub("", given.partition("#")[0]).removesuffix(".md")
    if wanted in pages:
        return wanted
    found = [page for page in pages if _stem(page) == wanted]
    if len(found) > 1:
        raise LedgerError(f"several pages are called {given}: {' and '.join(found)}")
    if not found:
        is_start = wanted.casefold() in ("readme", "index")
        near = "" if is_start else nearest(wanted, {*pages, *map(_stem, pages)})
        begin = "; begin with mlops-ledger docs quickstart"
        if not wanted.strip():
            raise NotFound(f"no page is named{begin}")
        raise NotFound(f"there is no page {given}{near or begin}")
    return found[0]


def _stem(page: str) -> str:
    return page.rpartition("/")[2]


def _title(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        return next((line[2:].strip() for line in opened if line.startswith("# ")), file.stem)


def _render(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))
