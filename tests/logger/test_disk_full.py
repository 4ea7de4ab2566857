"""A spool whose disk is really full, and is freed again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_logger import FEATURES, ONE, away, balance

from mlops_ledger import Database, PredictionLogger, Settings
from mlops_ledger.errors import Unavailable
from mlops_ledger.logger.replay import replay_spool

BALLAST = 2_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes, half of them taken by a file that can be deleted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a disk needs root")
    (disk / "ballast").write_bytes(bytes(BALLAST))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


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
