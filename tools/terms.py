"""Find words that the glossary replaces: one word for one thing, in code, schema and pages.

python -m tools.terms  print where they are, exit with 1 if there are any
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
# The only places where the words may stand.
EXCEPT = {GLOSSARY, ROOT / "tests" / "contract" / "test_terms.py"}
FOLDERS = (
    *(".ci", ".github", "benchmarks", "docs", "examples", "packages", "schema", "scripts"),
    *("src", "tests", "tools"),
)
# Those without an ending are the Makefile, lists and scripts.
KINDS = {
    *("", ".css", ".example", ".html", ".js", ".json", ".md", ".py"),
    *(".sh", ".sql", ".svg", ".toml", ".txt", ".yaml", ".yml"),
}


def replaced(glossary: str) -> dict[str, str]:
    """Return the term for every word of the glossary's last table."""
    table = glossary.partition("## Replaced words\n")[2]
    rows = re.findall(r"^\| `(.+)` \| (.+) \|$", table, re.MULTILINE)
    return {word: term for words, term in rows for word in words.split("`, `")}


def findings(text: str, terms: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and term of every replaced word, in prose and in names."""
    # In a name an underscore or a capital ends a word, and plurals are words too.
    patterns = (re.escape(word).replace(r"\ ", r"[\s_-]*(?:#\s*|--\s*)?") for word in terms)
    word = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(patterns)})(?:e?s)?(?![a-z])", re.IGNORECASE)
    for match in word.finditer(text):
        found = re.sub("[^a-z]", "", match[0].lower())
        term = next(terms[one] for one in terms if found.startswith(one.replace(" ", "")))
        yield text.count("\n", 0, match.start()) + 1, match[0], term


def pages() -> Iterator[Path]:
    """Yield the files that people read."""
    found = [*ROOT.iterdir(), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    for path in sorted(found):
        if path.suffix in KINDS and path not in EXCEPT and path.is_file():
            yield path


def main() -> int:
    """Print the findings; return the exit code."""
    terms = replaced(GLOSSARY.read_text(encoding="utf-8"))
    lines = [
        f"{path.relative_to(ROOT)}:{line}: “{word}” is called {term} here, see docs/glossary.md"
        for path in pages()
        for line, word, term in findings(path.read_text(encoding="utf-8"), terms)
    ]
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
