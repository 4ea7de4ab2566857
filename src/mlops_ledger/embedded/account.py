"""Who runs the server and where its files lie: PostgreSQL refuses to run as root."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import EmbeddedServerError

SYSTEM_HOME: Final = Path("/var/lib/mlops-ledger")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the server runs as; without ids it is the user of this process."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def for_data(cls, data: Path) -> Account:
        """Choose who runs the server on `data`: this user, but for root its owner or `postgres`.

        `nobody` stands in where there is no user `postgres`. Raises EmbeddedServerError.
        """
        if os.geteuid() != 0:
            return cls()
        if data.exists() and (owner := data.stat()).st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        for name in ("postgres", "nobody"):
            if (found := _user(name)) is not None:
                return cls(found.pw_uid, found.pw_gid)
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and this machine has no user postgres or nobody; "
            "run as another user or add one: useradd --system postgres"
        )

    @property
    def owners(self) -> set[int]:
        """The users to whom a file of the server may belong: root, this one, its own."""
        return {0, os.geteuid()} if self.uid is None else {0, self.uid}

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path = Path("/"),
        data: Path | None = None,
        keep: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, on the folder `data`, handing down the descriptors `keep`.

        The environment is made from scratch: PGPORT, TZ, LANG and whatever secrets there are stay
        out of a process that outlives its caller.
        """
        environment = {"LC_ALL": "C", "TZ": "UTC"}
        inherited = ("PATH", "LD_LIBRARY_PATH")
        environment |= {name: os.environ[name] for name in inherited if name in os.environ}
        if data is not None:
            environment["PGDATA"] = str(data)
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )

    def may_enter(self, folder: Path) -> bool:
        """Whether this user can reach what is inside `folder`."""
        return self.uid is None or self.run(["test", "-x", folder]).returncode == 0

    def own(self, target: Path | int) -> None:
        """Give a file or an open descriptor to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(target, self.uid, self.gid)


def home_owners() -> set[int]:
    """Return the users to whom a home may belong: root, this one, and root's `postgres`.

    Who owns the home decides which server answers, and so whose password is believed.
    """
    postgres = _user("postgres") if os.geteuid() == 0 else None
    return {0, os.geteuid(), *([postgres.pw_uid] if postgres else [])}


def choose_folder(home: Path) -> Path:
    """Return the folder of the server's files: `home`, if the user that runs the server gets there.

    Root's home is closed to that user and stays closed: then it is a folder in /var/lib named
    after a digest of `home`. What exists already stays where it is.
    """
    if os.geteuid() != 0 or (home / "data").exists():
        return home
    elsewhere = SYSTEM_HOME / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    if (elsewhere / "data").exists():
        return elsewhere
    nearest = next(path for path in (home, *home.parents) if path.exists())
    reachable = not nearest.is_dir() or Account.for_data(home / "data").may_enter(nearest)
    return home if reachable else elsewhere


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
