"""Runs the pages until they are stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from ...database import Database
from .access import Access
from .app import LOCAL, create_app
from .deadlines import Deadlines

# More at once would only queue for the connections of the pool.
_CONCURRENCY: Final = 100


def serve(
    db: Database,
    *,
    address: str = "127.0.0.1",
    port: int = 8765,
    hosts: tuple[str, ...] = (),
    access: Access | None = None,
    started: Callable[[str], object] = lambda url: None,
) -> None:
    """Serve the pages; tell `started` their address. Port 0 is any that is free.

    `hosts` are names that they may be reached by, besides those of this machine; with `access`
    they have buttons. Raises OSError when it cannot listen there.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        # From here on a browser waits instead of being refused.
        listening.listen()
        shown = f"[{address}]" if ":" in address else address
        started(f"http://{shown}:{listening.getsockname()[1]}/")
        config = uvicorn.Config(
            create_app(db, hosts=(*LOCAL, *hosts), access=access),
            http=Deadlines,
            ws="none",
            log_level="warning",
            lifespan="off",
            limit_concurrency=_CONCURRENCY,
            # Who asks is who has connected, whatever a header says.
            proxy_headers=False,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listening])
