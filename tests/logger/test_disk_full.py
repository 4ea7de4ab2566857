"""A spool whose disk is really full, and is freed again."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fix_logger import FEATURES, ONE, away, balance, stalled

from mlops_ledger import Database, PredictionLogger, Settings
from mlops_ledger.errors import Unavailable
from mlops_ledger.logger import intake
from mlops_ledger.logger.replay import replay_spool
from mlops_ledger.logger.spool import Spool

BALLAST = 2_000_000
SMALL = [1, 12]
LEVELS = ["memory", "process", "disk", "database"]


@contextmanager
def disk(megabytes: int) -> Iterator[Path]:
    """A disk of a few megabytes.

    It is mounted apart from what pytest clears away: a run that was killed leaves it mounted, and
    a later one could not delete its folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="mlops-ledger-disk-"))
    size = f"size={megabytes}m,mode=700"
    try:
        command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        pytest.skip("mounting a disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk half of which is taken by a file that can be deleted."""
    with disk(4) as folder:
        (folder / "ballast").write_bytes(bytes(BALLAST))
        yield folder


@pytest.mark.parametrize("overflow", ["raise", "drop_oldest"])
@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_full_disk_costs_nothing_that_was_acknowledged(
    home: Settings,
    stored: Callable[[], list[str]],
    small_disk: Path,
    level: str,
    overflow: str,
) -> None:
    acknowledged: list[str] = []
    refused = 0
    options = {"durability": level, "overflow": overflow, "spool_dir": small_disk / "spool"}
    with PredictionLogger(away(home), **ONE, **options, buffer_rows=500, batch_rows=100) as log:
        for number in range(5000):
            if number == 4500:
                (small_disk / "ballast").unlink()
            try:
                log(features=FEATURES, request_id=f"r{number}", inputs="x" * 500)
                acknowledged.append(f"r{number}")
            except Unavailable:
                refused += 1
        counters = log.close(timeout=0.1)
    balance(counters)
    if overflow == "raise":
        assert refused
        # All after the disk was freed.
        assert acknowledged[-500:] == [f"r{number}" for number in range(4500, 5000)]
        assert counters.dropped == 0
    else:
        assert counters.dropped
    with Database(home) as db:
        replay_spool(db, small_disk / "spool")
    found = stored()
    assert len(found) == len(set(found)) == counters.spooled
    if overflow == "raise":
        assert set(acknowledged) <= set(found)
    else:
        assert len(acknowledged) == 5000
        assert set(acknowledged[-500:]) <= set(found)


@pytest.mark.parametrize("megabytes", SMALL)
@pytest.mark.parametrize("level", LEVELS)
def test_a_disk_that_was_full_takes_records_again_once_they_are_delivered(
    home: Settings, stored: Callable[[], list[str]], level: str, megabytes: int
) -> None:
    kept: list[str] = []
    options: dict[str, Any] = {"durability": level, "buffer_rows": 500}
    if level == "database":
        options["commit_timeout"] = 0.001
    with disk(megabytes) as folder:
        log = PredictionLogger(home, **ONE, **options, spool_dir=folder / "spool")
        with log:
            with stalled(home):
                for first in range(0, 2000 * megabytes, 100):
                    names = [f"r{number}" for number in range(first, first + 100)]
                    with suppress(Unavailable):
                        log.many(
                            {"features": FEATURES, "request_id": name, "inputs": "x" * 800}
                            for name in names
                        )
                        kept += names
                before = log.counters
            flushed = log.flush(timeout=60)
            if level == "database":
                # Each call said that it was not kept, or that it waits.
                assert not kept
                assert flushed.stored >= 200
            else:
                assert not flushed
                assert flushed.dropped == before.dropped > 0
                assert "dropped: the disk" in str(before.last_error)
            with suppress(Unavailable):
                log.many({"features": FEATURES, "request_id": f"later{n}"} for n in range(40))
            again = log.flush(timeout=60)
            assert again
            assert (again.stored, again.dropped) == (40, 0)
            balance(log.counters)
            assert log.counters.spool_bytes < 100_000
    found = stored()
    assert len(found) == len(set(found)) == log.counters.stored
    if level != "database":
        # What was dropped is what was oldest, but for what was on its way already.
        assert kept[-200:] == [name for name in found if name.startswith("r")][-200:]


@pytest.mark.parametrize("overflow", ["drop_oldest", "raise"])
def test_a_call_never_waits_at_level_memory(
    home: Settings, monkeypatch: pytest.MonkeyPatch, overflow: str
) -> None:
    """Neither for the database nor for the disk, nor does it write more than a few records."""
    caller = threading.get_ident()
    written: list[int] = []
    slept: list[float] = []
    append = Spool.append

    def counted(self: Spool, payloads: Sequence[bytes], **options: Any) -> int:
        if threading.get_ident() == caller:
            written.append(len(payloads))
        return append(self, payloads, **options)

    monkeypatch.setattr(Spool, "append", counted)
    monkeypatch.setattr(
        intake, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept.append)
    )
    refused = 0
    options: dict[str, Any] = {"durability": "memory", "overflow": overflow}
    with disk(1) as folder:
        log = PredictionLogger(home, **ONE, **options, buffer_rows=500, spool_dir=folder / "spool")
        with log, stalled(home):
            for _ in range(11_000):
                before = sum(written)
                try:
                    log(features=FEATURES, inputs="x" * 800)
                except Unavailable:
                    refused += 1
                assert sum(written) - before <= 2 * intake._PIECE
            log.close(timeout=0.1)
    assert not slept
    # A try that fails is not repeated at every call.
    assert len(written) < 400
    assert (refused > 0) == (overflow == "raise")
    balance(log.counters)
