"""Seeds faults into a copy of the project, one at a time, and says which test notices each.

The faults are in `tests/mutants/*.toml`: a text of a file and what it becomes, and the tests of the
area. One that changes nothing anybody could see says why as `harmless`. A test that fails without
the fault too has noticed nothing. Exits with 1 when a fault is not noticed.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import Queue

from mlops_ledger.embedded import EmbeddedServer

ROOT = Path(__file__).parents[1]
FAULTS = ROOT / "tests" / "mutants"
# Seconds for the tests of a fault; those of an area take one or two minutes at the most.
PATIENCE = 900
_MEMORY = "/dev/shm"
# What starts soonest: no plugin but the one that the tests need, no rewriting of assertions.
_PYTEST = [
    "-m",
    "pytest",
    "-x",
    "-q",
    "--tb=no",
    "--assert=plain",
    "-p",
    "no:cacheprovider",
    "-p",
    "pytest_asyncio.plugin",
]
# The parameters of a test may hold what stands before the reason of a failure.
_NOTICED = re.compile(r"^FAILED ([^\s\[]+(?:\[.*?\])?)(?= - |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: in `file`, the text `old` becomes `new`."""

    area: str
    name: str
    file: str
    old: str
    new: str
    tests: list[str]
    harmless: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`noticed` by a test, `unnoticed`, or `broken`: no test ran, or they did not end."""

    mutant: Mutant
    verdict: str
    detail: str

    @property
    def is_well(self) -> bool:
        """Whether a test noticed it, or nobody can."""
        return self.verdict == "noticed" or (
            self.verdict == "unnoticed" and self.mutant.harmless is not None
        )

    def __str__(self) -> str:
        return f"{self.verdict:9}  {self.mutant.area}: {self.mutant.name}  {self.detail}"


class Workshop:
    """A copy of the working tree, with a server for its tests."""

    def __init__(self, folder: Path) -> None:
        self._copy = folder / "project"
        for name in _files():
            (self._copy / name).parent.mkdir(parents=True, exist_ok=True)
            (self._copy / name).write_bytes((ROOT / name).read_bytes())
        # Compiled once: told from its source by the content, so that a fault is compiled again.
        compileall.compile_dir(
            str(self._copy), quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
        self._server = EmbeddedServer(folder / "home")
        # Tests that fail without a fault.
        self._sound: dict[str, bool] = {}

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()

    def try_out(self, mutant: Mutant) -> Outcome:
        """Run the tests of a fault with it."""
        if (self._copy / mutant.file).read_text("utf-8").count(mutant.old) != 1:
            return Outcome(mutant, "broken", f"its text is not in {mutant.file} exactly once")
        left = list(mutant.tests)
        while left:
            try:
                with self._faulty(mutant):
                    code, output = self._pytest(left)
            except subprocess.CalledProcessError as error:
                return Outcome(mutant, "broken", error.stderr.decode()[-500:])
            if code == 0:
                break
            if code is None:
                return Outcome(mutant, "broken", f"{output} did not end within {PATIENCE} s")
            if (noticed := _NOTICED.search(output)) is None:
                return Outcome(mutant, "broken", output.strip()[-500:])
            if self._is_sound(noticed[1]):
                return Outcome(mutant, "noticed", noticed[1].removeprefix("tests/"))
            print(f"{noticed[1]} fails without a fault too", flush=True)
            left = [test for test in left if not noticed[1].startswith(f"tests/{test}")]
        return Outcome(mutant, "unnoticed", mutant.harmless or "")

    def _is_sound(self, test: str) -> bool:
        if test not in self._sound:
            self._sound[test] = self._pytest([test.removeprefix("tests/")])[0] == 0
        return self._sound[test]

    @contextmanager
    def _faulty(self, mutant: Mutant) -> Iterator[None]:
        """Put a fault in, and in step what is generated from the file: tests look at behaviour."""
        file, objects = self._copy / mutant.file, self._copy / "schema" / "objects"
        whole = {path: path.read_text("utf-8") for path in (file, objects)}
        try:
            file.write_text(whole[file].replace(mutant.old, mutant.new), "utf-8")
            if mutant.file.startswith("schema/migrations/"):
                self._run("tools.list_objects")
            self._twin(mutant)
            yield
        finally:
            for path, text in whole.items():
                path.write_text(text, "utf-8")
            self._twin(mutant)

    def _twin(self, mutant: Mutant) -> None:
        if "/_async/" in mutant.file:
            self._run("tools.unasync")

    def _run(self, module: str) -> None:
        command = [sys.executable, "-m", module]
        environment = {**self._environment, "MLOPS_LEDGER_HOME": str(self._copy.parent / "home")}
        subprocess.run(command, cwd=self._copy, env=environment, check=True, capture_output=True)

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self._copy / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }

    def _pytest(self, tests: list[str]) -> tuple[int | None, str]:
        environment = {**self._environment, "MLOPS_TEST_DSN": self._server.conninfo("postgres")}
        try:
            done = subprocess.run(
                [sys.executable, *_PYTEST, *(f"tests/{test}" for test in tests)],
                cwd=self._copy,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return None, ", ".join(tests)
        return done.returncode, done.stdout


def mutants() -> list[Mutant]:
    """Read all faults."""
    return [mutant for path in sorted(FAULTS.glob("*.toml")) for mutant in _read(path)]


def main(arguments: list[str] | None = None) -> int:
    """Try each fault out."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--only", metavar="REGEX", default="", help="faults of such an area: name")
    parser.add_argument("--jobs", type=int, default=1, help="how many at the same time")
    options = parser.parse_args(arguments)
    chosen = [m for m in mutants() if re.search(options.only, f"{m.area}: {m.name}")]
    outcomes = []
    with ThreadPoolExecutor(options.jobs) as pool, _workshops(options.jobs) as free:

        def try_out(mutant: Mutant) -> Outcome:
            workshop = free.get()
            try:
                return workshop.try_out(mutant)
            finally:
                free.put(workshop)

        try:
            for done in as_completed([pool.submit(try_out, mutant) for mutant in chosen]):
                print(done.result(), flush=True)
                outcomes.append(done.result())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _summary(outcomes)


def _read(path: Path) -> Iterator[Mutant]:
    area = tomllib.loads(path.read_text("utf-8"))
    common = {"tests": area["tests"], "file": area.get("file", "")}
    for each in area["mutant"]:
        yield Mutant(area=path.stem, **{**common, **each})


def _files() -> list[str]:
    """List the files of the working tree that git knows or would take."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


@contextmanager
def _workshops(count: int) -> Iterator[Queue[Workshop]]:
    with tempfile.TemporaryDirectory(prefix="mutants-", dir=_memory()) as folder:
        # The server's user has to get there.
        Path(folder).chmod(0o755)
        free: Queue[Workshop] = Queue()
        made = []
        try:
            for number in range(count):
                made.append(Workshop(Path(folder, str(number))))
                free.put(made[-1])
            yield free
        finally:
            for workshop in made:
                workshop.close()


def _memory() -> str | None:
    """Return where files are in memory, if there is such a place."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


def _summary(outcomes: list[Outcome]) -> int:
    counts = Counter(outcome.verdict for outcome in outcomes)
    left = [outcome for outcome in outcomes if not outcome.is_well]
    harmless = sum(o.verdict == "unnoticed" and o.is_well for o in outcomes)
    print(
        f"{len(outcomes)} faults: {counts['noticed']} noticed, {harmless} harmless, "
        f"{len(left)} neither"
    )
    for outcome in left:
        print(outcome)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
