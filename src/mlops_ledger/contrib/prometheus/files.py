"""The alert rules and dashboards that come with the package."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

FILES = resources.files(__package__).joinpath("files")


def copy_files(folder: Path) -> list[Path]:
    """Copy the alert rules, dashboards and provisioning files into a folder; return their paths.

    Raises OSError, also when the folder exists.
    """
    with resources.as_file(FILES) as source:
        shutil.copytree(source, folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())
