"""In a spool folder that many can write, nothing of a stranger's is believed or written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_logger import FEATURES, ONE, away, run_spool

from mlops_ledger import PredictionLogger, Settings
from mlops_ledger.logger.dead_letters import FILE_NAME, write_dead_letters
from mlops_ledger.logger.spool import SpoolFull

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
STRANGER = 12345
LETTER = [(b"{}", ValueError("refused"))]


@as_root
def test_dead_letters_are_not_written_into_a_file_of_somebody_else(tmp_path: Path) -> None:
    planted = tmp_path / FILE_NAME
    planted.touch()
    os.chown(planted, STRANGER, -1)
    with pytest.raises(SpoolFull, match="belongs to another user"):
        write_dead_letters(tmp_path, LETTER, target=None)
    assert planted.read_bytes() == b""
    # All of it may be a service's, and an administrator looks after it.
    os.chown(tmp_path, STRANGER, -1)
    write_dead_letters(tmp_path, LETTER, target=None)
    assert planted.read_bytes()


def test_dead_letters_do_not_follow_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    (tmp_path / FILE_NAME).symlink_to(victim)
    with pytest.raises(SpoolFull, match="dead letters cannot be written"):
        write_dead_letters(tmp_path, LETTER, target=None)
    assert victim.read_bytes() == b""


@as_root
def test_what_a_stranger_left_in_the_spool_is_not_sent(
    home: Settings, stored: Callable[[], list[str]]
) -> None:
    with PredictionLogger(away(home), **ONE) as log:
        log(request_id="forged", features=FEATURES)
        log.close(timeout=0.1)
    [folder] = [path for path in home.spool.iterdir() if path.is_dir()]
    os.chown(folder, STRANGER, -1)
    assert "0 stored" in run_spool(home, "replay", "--any-database").stdout
    assert stored() == []
    os.chown(folder, os.geteuid(), -1)
    assert "1 stored" in run_spool(home, "replay", "--any-database").stdout
    assert stored() == ["forged"]
    shutil.rmtree(folder, ignore_errors=True)
