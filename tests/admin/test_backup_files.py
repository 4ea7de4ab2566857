"""Where a backup is written: never over another file, and never for other eyes."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from mlops_ledger import (
    Settings,
)
from mlops_ledger.admin.backup import backup, read_manifest, restore
from mlops_ledger.admin.backup.manifest import seal
from mlops_ledger.errors import BackupError


def test_a_backup_is_never_overwritten(filled: str, saved: Path) -> None:
    settings, before = Settings(conninfo=filled), saved.read_bytes()
    with pytest.raises(BackupError, match="never overwrites"):
        backup(settings, saved)

    def appear(done: int, total: int) -> None:
        other.write_text("another was faster")

    other = saved.with_name("other")
    with pytest.raises(BackupError, match="File exists"):
        backup(settings, other, appear)
    assert (saved.read_bytes(), other.read_text()) == (before, "another was faster")


def test_a_file_or_link_put_there_by_another_receives_nothing(filled: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / "file.part").symlink_to(victim)
    backup(Settings(conninfo=filled), tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "file.part"]
    assert not victim.exists()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").symlink_to(victim)
    with pytest.raises(BackupError, match="exists already"):
        backup(Settings(conninfo=filled), tmp_path / "other")
    assert not victim.exists()


def test_a_file_system_without_hard_links_will_do(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    backup(Settings(conninfo=filled), tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    read_manifest(tmp_path / "file")


def test_rows_that_a_restore_did_not_bring_are_told(saved: Path, empty_database: str) -> None:
    """A whole file, yet of a dump that lacks a row that was counted."""
    facts = asdict(read_manifest(saved))
    os.truncate(saved, facts.pop("dump_bytes"))
    facts["rows"]["ground_truth_waiting"] += 1
    seal(saved, facts)
    with pytest.raises(BackupError, match=r"does not have the rows of .* in ground_truth_waiting$"):
        restore(Settings(conninfo=empty_database), saved)
