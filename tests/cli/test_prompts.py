"""Whoever is asked can say yes, no, nothing at all, or break off."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "mlops-ledger")
INTERRUPT = b"\x03"
CLEANUP = ("cleanup", "--older-than", "90d")


def asked(dsn: str, keys: bytes, folder: Path) -> tuple[int, str, str]:
    """Run a command that asks, press keys, and return exit code, output and what was asked."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *CLEANUP],
        env={**os.environ, "DATABASE_URL": dsn},
        cwd=folder,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # So that the terminal's interrupt reaches it.
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(terminal)
    assert process.stderr is not None
    prompt = b""
    while not prompt.rstrip().endswith(b"]:"):
        chunk = os.read(process.stderr.fileno(), 1000)
        assert chunk, prompt
        prompt += chunk
    os.write(keyboard, keys)
    if keys == INTERRUPT:
        # One that comes between the question and the reading of an answer waits for the next.
        while process.poll() is None:
            time.sleep(1)
            os.write(keyboard, keys)
    stdout, stderr = process.communicate(timeout=60)
    os.close(keyboard)
    return process.returncode, stdout.decode(), (prompt + stderr).decode()


@pytest.mark.parametrize("keys", [b"\x04", b"n\n", b"\n"])
def test_no_or_the_end_of_input_does_nothing_and_says_so(
    ledger, dsn, tmp_path, keys: bytes
) -> None:
    code, stdout, stderr = asked(dsn, keys, tmp_path)
    assert (code, stdout) == (1, "")
    assert stderr.startswith("Delete what is older than")
    # The key that ends a line is shown by the terminal; the end of input ends none.
    assert stderr.endswith(
        "]: \nnothing was done\n" if keys == b"\x04" else "]: nothing was done\n"
    )


def test_an_interrupt_ends_the_line_of_the_question(ledger, dsn, tmp_path) -> None:
    code, stdout, stderr = asked(dsn, INTERRUPT, tmp_path)
    assert (code, stdout) == (130, "")
    assert stderr.endswith("]: \n")


def test_yes_does_it(ledger, dsn, tmp_path) -> None:
    code, stdout, _ = asked(dsn, b"y\n", tmp_path)
    assert code == 0
    assert stdout != ""
