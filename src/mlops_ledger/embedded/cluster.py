"""Make the data folder, and write the settings it is started with."""

from __future__ import annotations

import random
import re
import secrets
import shutil
import socket
import sys
from pathlib import Path
from typing import Final

from ..errors import EmbeddedServerError
from ..files import sync_folder
from .account import Account
from .files import write_file
from .programs import major_version

USER: Final = "mlops"
# The protocol's SSLRequest, which a server answers with one letter before anything else.
_MAY_WE_ENCRYPT: Final = (8).to_bytes(4) + (80_877_103).to_bytes(4)
_INCLUDE: Final = "mlops-ledger.conf"
_SETTINGS: Final = """\
# Written by mlops-ledger at every start; own settings belong into postgresql.conf, below the
# include of this file, or into ALTER SYSTEM.
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
cluster_name = 'mlops-ledger'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
# The log stays free of statements and rows.
log_error_verbosity = terse
log_min_error_statement = panic
# A client that died in the middle of a statement frees its locks soon.
client_connection_check_interval = '5s'
"""


def initialise(data: Path, password: Path, programs: Path, account: Account, claim: int) -> None:
    """Create the data folder with initdb, whole or not at all; raises EmbeddedServerError.

    initdb inherits the lock `claim`, so that it cannot outlive its caller unnoticed.
    """
    if not password.exists():
        write_file(password, secrets.token_urlsafe(24) + "\n", account)
    part = data.with_name(f"{data.name}.part")
    # What an initdb that was killed left behind.
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    account.own(part)
    command: list[str | Path] = [programs / "initdb", *_options(programs, password)]
    done = account.run(command, data=part, keep=[claim])
    if done.returncode != 0:
        raise EmbeddedServerError(f"{data} could not be made: {last_complaint(done.stderr)}")
    configuration = part / "postgresql.conf"
    own = f"{configuration.read_text(encoding='utf-8')}\ninclude '{_INCLUDE}'\n"
    write_file(configuration, own, account)
    part.rename(data)
    sync_folder(data.parent)


def write_settings(data: Path, account: Account) -> int:
    """Write the settings for the next start and return the port among them.

    The port stays what it was, so that clients find the server again, unless another program
    listens there.
    """
    file = data / _INCLUDE
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    kept = re.search(r"^port = (\d+)$", before, re.MULTILINE)
    port = int(kept[1]) if kept and is_free(int(kept[1])) else _random_free_port()
    write_file(file, _SETTINGS.format(port=port), account)
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as listener:
        # As PostgreSQL does it: connections that linger from the last server are no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def says_anything(port: int, seconds: float) -> bool:
    """Whether what listens on this port of 127.0.0.1 answers in time, or nothing listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), seconds) as client:
            client.sendall(_MAY_WE_ENCRYPT)
            client.recv(1)
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def last_complaint(text: str) -> str:
    """Return what a PostgreSQL program complained of, without the time and process before it."""
    found = re.findall(r"(?:FATAL|PANIC|error): +(.+)", text)
    lines = [str(found[-1])] if found else text.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it gave no reason")


def _random_free_port() -> int:
    # Below the ports that systems hand to outgoing connections: one of those could occupy the
    # port while the server is down, and a client that retries could even connect to itself.
    ports = random.sample(range(20_000, 32_000), 200)
    for port in ports:
        if is_free(port):
            return port
    raise EmbeddedServerError("no free port was found between 20000 and 32000 on 127.0.0.1")


def _options(programs: Path, password: Path) -> list[str]:
    options = [
        f"--username={USER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--data-checksums",
    ]
    if major_version(programs) >= 17:
        # The same order of text on every machine, whatever its C library.
        return [*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
