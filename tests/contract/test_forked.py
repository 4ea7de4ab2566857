"""What is run in a fork begins and ends as a program does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import forked

pytestmark = pytest.mark.once

AWAY = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


def speak(*words: str) -> None:
    print(*words, sys.stdin.read(), os.environ["WORD"], Path.cwd())
    print("careful", file=sys.stderr)


def end(with_code: int | str | None) -> None:
    sys.exit(with_code)


def become(source: str) -> None:
    os.execv(sys.executable, [sys.executable, "-c", source])


def fork_again(generations: int) -> None:
    print(os.getppid())
    if generations:
        print(forked.run(fork_again, generations - 1).stdout)


def wait_for_ever(arguments: list[str]) -> None:
    Path(*arguments).write_text(str(os.getpid()), encoding="utf-8")
    signal.pause()


def test_it_has_the_surroundings_of_a_program(tmp_path: Path) -> None:
    done = forked.run(
        speak, "a", "b", given="given", folder=tmp_path, environment={"WORD": "surrounded"}
    )
    assert done.stdout == f"a b given surrounded {tmp_path}\n"
    assert (done.returncode, done.stderr) == (0, "careful\n")


@pytest.mark.parametrize(("given", "code"), [(None, 0), (0, 0), (3, 3), ("because", 1)])
def test_it_ends_with_the_code_of_a_program(given: int | str | None, code: int) -> None:
    done = forked.run(end, given)
    assert done.returncode == code
    assert done.stderr == ("because\n" if given == "because" else "")


def test_an_exception_is_printed() -> None:
    done = forked.run(become, 1)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "\nTypeError: " in done.stderr


@pytest.mark.parametrize(("source", "code"), [("raise SystemExit(7)", 7), (AWAY, -signal.SIGKILL)])
def test_another_program_in_its_place_gives_the_code(source: str, code: int) -> None:
    assert forked.run(become, source).returncode == code


def test_what_it_forks_comes_from_the_same_process() -> None:
    parents = forked.run(fork_again, 2).stdout.split()
    assert len(parents) == 3
    assert len({*parents}) == 1


def test_what_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        forked.run(wait_for_ever, [str(tmp_path / "pid")], timeout=0.1)


def test_it_ends_with_the_program_that_it_stands_for(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with forked.program("stand-in", wait_for_ever) as folder:
        process = subprocess.Popen([folder / "stand-in", file])
        while not file.exists() or not file.read_text("utf-8"):
            time.sleep(0.01)
        process.kill()
        process.wait()
    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(int(file.read_text("utf-8")), 0)
            time.sleep(0.01)
