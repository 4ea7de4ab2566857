"""A program whose every run is a call in a fork of `tools.fork_server`; imports next to nothing.

python -IS fork_client.py ADDRESS FUNCTION IMPORTED ARGUMENT...
"""

from __future__ import annotations

import marshal
import os
import socket
import sys

# typing costs as much as all else.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def call(
    address: str, request: tuple[Any, ...], streams: list[int], timeout: float | None = None
) -> int:
    """Send a `fork_server.Request` and those streams, and return the exit code of the process.

    Raises TimeoutError, and the process is terminated.
    """
    text = marshal.dumps(request)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(address)
        socket.send_fds(client, [len(text).to_bytes(4, "big")], streams)
        client.sendall(text)
        return int(client.recv(8))


if __name__ == "__main__":
    _, address, function, imported, *arguments = sys.argv
    place = os.getcwd(), dict(os.environ)
    sys.exit(call(address, (function, (arguments,), *place, imported.split()), [0, 1, 2]))
