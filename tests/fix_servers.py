"""Folders for the servers that tests start."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_ledger.embedded import EmbeddedServer
from tools.versions import POSTGRESQL

# Where Debian puts the oldest supported server.
OLDEST_PROGRAMS = Path(f"/usr/lib/postgresql/{POSTGRESQL[0]}/bin")
_MEMORY = "/dev/shm"


def _in_memory() -> bool:
    """Whether servers and programs can be kept in memory, which is several times quicker."""
    if not os.access(_MEMORY, os.W_OK):
        return False
    found = os.statvfs(_MEMORY)
    return found.f_bavail * found.f_frsize > 2**30 and not found.f_flag & os.ST_NOEXEC


if _in_memory():
    # Whatever is synced is several times quicker there; the programs that tests start inherit it.
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY


@contextmanager
def open_folder(keep: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Make a folder that every user can enter, which pytest's own are not; stop its servers.

    `keep` is asked at the end whether folder and servers stay.
    """
    path = Path(tempfile.mkdtemp(prefix="mlops-ledger-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if not keep():
            for lock in path.glob("**/lock"):
                EmbeddedServer(lock.parent).stop()
            shutil.rmtree(path)
