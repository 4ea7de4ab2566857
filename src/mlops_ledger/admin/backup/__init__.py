"""Backup and restore: one file that says itself whether it is whole."""

from __future__ import annotations

from .dump import backup
from .manifest import Manifest, read_manifest
from .restore import Restored, restore

__all__ = ["Manifest", "Restored", "backup", "read_manifest", "restore"]
