"""Hooks of mkdocs.yml: what lies outside docs/ joins the site, and links lead to it there.

The same files are read on their own in the repository, so their links are relative to it; on the
way to the site each is rewritten to where the target is in the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
README = "README.md"
EXAMPLES = [f"examples/{path.parent.name}" for path in sorted(ROOT.glob("examples/*/README.md"))]
# Where a file of the repository is in the site, if not in the same place.
MOVED = {
    README: "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.md",
    "schema/schema.sql": "schema/schema.sql.md",
    **{folder: f"{folder}/{README}" for folder in EXAMPLES},
    **{f"{folder}/{README}": f"{folder}/{README}" for folder in EXAMPLES},
    **{
        f"{folder}/{path.name}": f"{folder}/{path.name}.md"
        for folder in EXAMPLES
        for path in sorted((ROOT / folder).glob("*.py"))
        if path.stem.strip("_")
    },
}
LANGUAGES = {".py": "python", ".sql": "sql"}
LINK = re.compile(r"(\]\()([^)\s:#]+)((?:#[^)\s]*)?\))")
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside docs/; files of code become pages that show it."""
    for path, uri in MOVED.items():
        if (ROOT / path).is_file():
            files.append(File.generated(config, uri, content=_page(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave out comments, some of which are examples that nobody should see; lead links on."""
    here = page.file.src_uri
    places = {uri: path for path, uri in MOVED.items()}
    folder = posixpath.dirname(places.get(here, f"docs/{here}"))

    def lead_on(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        uri = MOVED.get(target, target.removeprefix("docs/"))
        return match[1] + posixpath.relpath(uri, posixpath.dirname(here) or ".") + match[3]

    return LINK.sub(lead_on, COMMENT.sub("", markdown))


def _page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    # All of the schema would be two fifths of the words that a browser fetches to search.
    head = "---\nsearch:\n  exclude: true\n---\n" if path.suffix == ".sql" else ""
    return f"{head}# {path.name}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{text}````\n"
