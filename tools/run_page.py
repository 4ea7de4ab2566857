"""Run the examples of a page in their order, against the configured database.

python -m tools.run_page docs/quickstart.md

Blocks marked `python`, `sh` and `sql` (for psql) are run. A block `text` right after one of them is
the output it must have, where `…` stands for anything, and alone in a line for any lines or none.
A block after `<!-- not run: reason -->` is left out; one inside a comment is run though nobody sees
it.

A page has a model of its own. If the ledger has that model already, because the page was run
before, the page is run about a new one: churn-2, churn-3, …
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from mlops_ledger import Database, LedgerError
from tools import forked

BLOCK = re.compile(
    r"^(?P<comment><!-- not run: [^\n]+ -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PSQL = ["db", "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
RUN = {"python", "sh", "sql"}
# What needs a shell.
SPECIAL = re.compile(r"[|&;<>$`(){}*?~#]|^\s*(?!mlops-ledger )\S", re.MULTILINE)
MODEL = re.compile(
    r"""(?:model_name"?[=:] ?"|models (?:register|add) |model_name\) VALUES \(')([\w-]+)"""
)


@dataclass(frozen=True)
class Example:
    """A block to run, the line of the page it begins at and what it must print, if that is said."""

    language: str
    text: str
    line: int
    output: str | None


def find_examples(page: str) -> Iterator[Example]:
    """Yield the blocks of a page that are to be run."""
    blocks: list[re.Match[str] | None] = [*BLOCK.finditer(page), None]
    for block, follower in pairwise(blocks):
        assert block is not None
        if block["language"] not in RUN or block["comment"]:
            continue
        output = None
        if follower and follower["language"] == "text":
            between = page[block.end() : follower.start()]
            output = follower["text"] if not between.strip() else None
        line = page.count("\n", 0, block.start("text")) + 1
        yield Example(block["language"], block["text"], line, output)


def run_example(example: Example, names: dict[str, Any], page: Path) -> str:
    """Run an example and return what it printed; raises whatever its Python raises.

    A command must succeed unless an error is the output that the page shows.
    """
    if example.language == "python":
        printed = io.StringIO()
        source = "\n" * (example.line - 1) + example.text
        with contextlib.redirect_stdout(printed):
            exec(compile(source, page, "exec"), names)
        return printed.getvalue()
    done = _run_commands(example)
    if done.returncode and "error:" not in (example.output or "").lower():
        sys.exit(f"{page}:{example.line}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def _run_commands(example: Example) -> subprocess.CompletedProcess[str]:
    """Run a block of psql or of a shell; the ledger's commands alone need no shell."""
    if example.language == "sql":
        return forked.run(_run_ledger, PSQL, given=example.text)
    text = example.text.replace("\\\n", " ")
    if SPECIAL.search(text):
        with forked.program("mlops-ledger", forked.run_command) as folder:
            return subprocess.run(
                ["bash", "-euo", "pipefail"],
                input=example.text,
                env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
    printed, code = "", 0
    for line in filter(None, text.splitlines()):
        done = forked.run(_run_ledger, shlex.split(line)[1:])
        printed, code = printed + done.stdout, done.returncode
        if code:
            break
    return subprocess.CompletedProcess(text, code, printed)


def _run_ledger(arguments: list[str]) -> None:
    """Run a command of the ledger that prints its errors where it prints its answers."""
    os.dup2(1, 2)
    forked.run_command(arguments)


def matches(expected: str, actual: str) -> bool:
    """Compare without the widths of columns; `…` matches anything."""
    pattern = re.escape(_trimmed(expected))
    pattern = re.sub(r"^…\\\n", "(?:.*\n)?", pattern, flags=re.MULTILINE)
    pattern = pattern.replace("\\ …\\ ", " (?:.*? )?").replace("…", ".*?")
    return re.fullmatch(pattern, _trimmed(actual), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    lines = (re.sub(" {2,}", " ", line.rstrip()) for line in text.strip().splitlines())
    return "\n".join(re.sub("-{3,}", "---", line) for line in lines)


def with_new_models(page: str) -> str:
    """Return the page about models that the ledger does not have yet."""
    names = set(MODEL.findall(page))
    registered = _registered_models() if names else set()
    for name in names & registered:
        new = next(new for n in count(2) if (new := f"{name}-{n}") not in registered)
        page = re.sub(rf"(?<![\w-]){name}(?!\w)", new, page)
    return page


def _registered_models() -> set[str]:
    try:
        with Database() as db, db.connection() as connection:
            rows = connection.execute("SELECT model_name FROM models")
            return {name for (name,) in rows}
    except LedgerError:
        # The first page makes the database.
        return set()


def run_page(file: str) -> None:
    """Run the page and report the first example that fails."""
    page = Path(file)
    names: dict[str, Any] = {"__name__": "__main__"}
    for example in find_examples(with_new_models(page.read_text(encoding="utf-8"))):
        actual = run_example(example, names, page)
        if example.output is not None and not matches(example.output, actual):
            sys.exit(f"{page}:{example.line}: expected\n{example.output}\nbut got\n{actual}")


if __name__ == "__main__":
    run_page(sys.argv[1])
