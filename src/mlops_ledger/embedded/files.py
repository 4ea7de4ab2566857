"""Write files so that a crash leaves the old or the new one, never half of either."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..files import sync_folder
from .account import Account


def make_folder(folder: Path, account: Account) -> None:
    """Make `folder` with its parents, private, yet passable for an `account` that is not ours."""
    for path in reversed([folder, *folder.parents]):
        if path.is_dir():
            continue
        if account.uid is None:
            path.mkdir(mode=0o700, exist_ok=True)
        else:
            _make_passable(path)


def _make_passable(path: Path) -> None:
    # Under its name it is passable from the first: another starter that found it closed, as the
    # umask may have it, would go and make a second server elsewhere.
    scratch = Path(tempfile.mkdtemp(dir=path.parent))
    scratch.chmod(0o711)
    try:
        scratch.rename(path)
    except OSError:
        scratch.rmdir()
        if not path.is_dir():
            raise


def write_file(path: Path, text: str, account: Account) -> None:
    """Replace `path` durably by a file that only `account` (and root) can read."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    # O_EXCL: in a folder of another user no planted link is followed.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        account.own(descriptor)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)
    sync_folder(path.parent)
