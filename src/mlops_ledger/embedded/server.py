"""Start, stop and look at the local PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from ..connection.conninfo import isolate
from ..errors import EmbeddedServerError
from ..files import distrust
from .account import Account, choose_folder, home_owners
from .cluster import USER, initialise, is_free, last_complaint, says_anything, write_settings
from .files import make_folder, write_file
from .programs import find_binaries, reachable_for

# Seconds to wait for a start or a stop. Recovery after a crash can take more than half a minute.
PATIENCE: Final = 120
PATIENCE_IF_REFUSED: Final = 3
PATIENCE_IF_SILENT: Final = 15
_CONNECT_TIMEOUT: Final = 5
_POLL: Final = 0.03
_ATTEMPTS: Final = 5
# As bytes, which a folder's name may be; the server would convert them for a client.
_WHO_ARE_YOU: Final = (
    "SELECT textsend(current_setting('data_directory')), current_setting('server_version')"
)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """Whether the server answers, and where it is; pid, port and version are of a running one."""

    running: bool
    data: Path
    log: Path
    pid: int | None = None
    port: int | None = None
    version: str | None = None


class EmbeddedServer:
    """The PostgreSQL whose files are below `home`, run by `programs` or what is found.

    It is an ordinary server on 127.0.0.1 with a password and is left running: several processes
    use it, and none owns it. Every method raises EmbeddedServerError.
    """

    def __init__(self, home: Path, programs: Path | None = None) -> None:
        self._home = home.absolute()
        with _file_errors(home):
            self._folder = choose_folder(self._home)
            self._data = self._folder / "data"
            self._account = Account.for_data(self._data)
        self._chosen_programs = programs
        self._log = self._folder / "server.log"
        self._password = self._folder / "password"
        self._lock = self._folder / "lock"

    def start(self) -> ServerStatus:
        """Start the server unless it runs; the first time its data folder is made."""
        began = last_heard = time.monotonic()
        ready_since: float | None = None
        with _file_errors(self._folder):
            self._require_own()
            while not (status := self.status()).running:
                make_folder(self._folder, self._account)
                self._require_own()
                answer = self._ping()
                with self._claim() as claim:
                    if claim is not None and answer != Ping.REJECT:
                        self._launch(claim)
                        continue
                now = time.monotonic()
                if answer is not None:
                    last_heard = now
                # Another starter's server is not to blame for the time that it took to be made,
                # nor one that was frozen for the time that it was.
                ready_since = (ready_since or now) if answer == Ping.OK else None
                refused = 0 if ready_since is None else now - ready_since
                self._check_patience(now - began, refused, silent=now - last_heard)
                time.sleep(_POLL)
            return status

    def stop(self) -> bool:
        """Stop the server, ending its clients' sessions; return whether it ran."""
        with _file_errors(self._folder):
            pid, _ = self._postmaster()
            if pid is None or not (self._claimed() or self.status().running):
                return False
            # As the server's own user, who can end nobody else's process.
            if self._account.run(["sh", "-c", f"kill -INT {pid}"]).returncode != 0:
                raise EmbeddedServerError(f"process {pid}, the server, cannot be signalled")
            self._wait_for_end(pid)
            return True

    def status(self) -> ServerStatus:
        """Ask the server itself; that a process with its number exists says nothing."""
        stopped = ServerStatus(running=False, data=self._data, log=self._log)
        with _file_errors(self._folder):
            pid, port = self._postmaster()
            if pid is None or not (version := self._version_on(port)):
                return stopped
            return ServerStatus(True, self._data, self._log, pid, port, version)

    def conninfo(self, database: str) -> str:
        """Return the libpq string of `database`; starts the server if it does not run."""
        status = self.start()
        with _file_errors(self._folder):
            return self._conninfo(status.port, database)

    def _require_own(self) -> None:
        """Refuse files that others could have put there: a server of theirs would get the data."""
        for path, owners in (
            (self._home, home_owners()),
            (self._folder, home_owners()),
            (self._password, self._account.owners),
        ):
            secret = path == self._password
            if os.path.lexists(path) and (problem := distrust(path, owners, secret=secret)):
                raise EmbeddedServerError(
                    f"{path} {problem}; or set MLOPS_LEDGER_HOME to a folder of your own"
                )

    def _conninfo(self, port: int | None, database: str) -> str:
        string = make_conninfo(
            host="127.0.0.1",
            port=port,
            user=USER,
            password=self._password.read_text(encoding="utf-8").strip(),
            dbname=database,
            sslmode="disable",
        )
        return isolate(string)

    def _version_on(self, port: int) -> str | None:
        """Return the version of our server on `port`; None if it is another's or not there."""
        conninfo = self._conninfo(port, "postgres")
        try:
            with psycopg.connect(conninfo, connect_timeout=_CONNECT_TIMEOUT) as connection:
                for folder, version in connection.execute(_WHO_ARE_YOU):
                    # A copy of the folder knows the original's port and password.
                    if os.path.samefile(folder, self._data):
                        return str(version).split()[0]
        except psycopg.OperationalError as error:
            # Of the environment's variables only these cannot be overruled by a string.
            if re.search("invalid value for parameter|requires a", str(error)):
                raise EmbeddedServerError(
                    "PGTZ, PGDATESTYLE or PGGEQO of the environment has a value that PostgreSQL "
                    "does not know: unset it"
                ) from None
        except OSError:
            pass
        return None

    def _ping(self) -> int | None:
        """Ask whether the server accepts connections; None when it says nothing at all."""
        _, port = self._postmaster()
        if not port:
            return Ping.NO_RESPONSE
        # libpq would wait for a frozen server with the lock of the interpreter in its hands.
        if not says_anything(port, _CONNECT_TIMEOUT):
            return None
        conninfo = self._conninfo(port, "postgres")
        return PGconn.ping(make_conninfo(conninfo, connect_timeout=_CONNECT_TIMEOUT).encode())

    def _postmaster(self) -> tuple[int | None, int]:
        """Read process and port from postmaster.pid; (None, 0) if there is no whole one."""
        with suppress(FileNotFoundError, ValueError, IndexError):
            lines = (self._data / "postmaster.pid").read_text(errors="replace").split("\n")
            process, port = int(lines[0]), int(lines[3])
            if process > 0 and 0 < port < 65_536:
                return process, port
        return None, 0

    @contextmanager
    def _claim(self, kind: int = fcntl.LOCK_EX) -> Iterator[int | None]:
        """Take the lock on the data folder: its descriptor, or None if another process has it.

        A starter hands the descriptor down to the server, and with it the lock, which thus lives
        as long as any process of the server: no guessing about process numbers.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _locked(descriptor, kind) else None
        finally:
            os.close(descriptor)

    def _claimed(self) -> bool:
        # Shared: two that only ask must not take each other for a server.
        with self._claim(fcntl.LOCK_SH) as claim:
            return claim is None

    def _launch(self, claim: int) -> None:
        # The lock is ours, so this is of a server that is gone. PostgreSQL would believe it if
        # the process number has been given to another program of this user.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        programs = self._programs()
        if not self._data.exists():
            initialise(self._data, self._password, programs, self._account, claim)
        for _ in range(_ATTEMPTS):
            port = write_settings(self._data, self._account)
            if (problem := self._run_server(programs, claim)) is None:
                return
            if is_free(port):
                break
        raise EmbeddedServerError(f"PostgreSQL did not start: {problem}; see {self._log}")

    def _wait_for_end(self, pid: int) -> None:
        deadline = time.monotonic() + PATIENCE
        # Without the lock it was started by hand, and its last act is to remove its file.
        locked = self._claimed()
        while self._claimed() if locked else self._postmaster()[0] == pid and _is_alive(pid):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the server did not stop; see {self._log}")
            time.sleep(_POLL)

    def _run_server(self, programs: Path, claim: int) -> str | None:
        """Start the server and wait until it is ready; return what went wrong."""
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".old.log"))
        write_file(self._log, "", self._account)
        # pg_ctl puts paths through a shell without quoting them fully, so it sees relative ones.
        log = Path("..", self._log.name)
        waiting = ("-w", "-s", f"--timeout={PATIENCE}")
        command: list[str | Path] = [programs / "pg_ctl", "start", *waiting, "-l", log]
        done = self._account.run(command, cwd=self._data, data=self._data, keep=[claim])
        if done.returncode == 0:
            return None
        return last_complaint(self._log.read_text(errors="replace") or done.stderr)

    def _programs(self) -> Path:
        major = None
        if self._data.exists():
            version = self._data / "PG_VERSION"
            if not version.exists():
                raise EmbeddedServerError(
                    f"{self._data} is not a PostgreSQL data folder; move it away"
                )
            major = int(version.read_text())
        return reachable_for(self._account, find_binaries(major, self._chosen_programs))

    def _check_patience(self, waited: float, refused: float, silent: float) -> None:
        if refused > PATIENCE_IF_REFUSED:
            raise EmbeddedServerError(
                f"the server in {self._folder} runs but no longer lets us in: either all its "
                f"connections are in use or the password in {self._password} was changed"
            )
        if waited > PATIENCE or silent > PATIENCE_IF_SILENT:
            raise EmbeddedServerError(
                f"the server in {self._folder} is in use by a process that does not answer, "
                f"perhaps in another container; see {self._log}"
            )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"{error.filename or folder}: {error.strerror or error}; "
            "set MLOPS_LEDGER_HOME to a folder that you can write"
        ) from error
