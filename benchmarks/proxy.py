"""A TCP proxy that counts how often the client speaks and then waits."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class CountingProxy:
    """Forwards connections to a server on this machine; `round_trips` counts them."""

    def __init__(self, port: int) -> None:
        self.round_trips = 0
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            spoken = threading.Event()
            for source, sink, counts in ((client, server, True), (server, client, False)):
                pump = threading.Thread(
                    target=self._pump, args=(source, sink, spoken, counts), daemon=True
                )
                pump.start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, spoken: threading.Event, counts: bool
    ) -> None:
        # A client that speaks again without an answer in between is not waiting.
        with source, sink, suppress(OSError):
            while data := source.recv(65_536):
                if not counts:
                    spoken.clear()
                elif not spoken.is_set():
                    spoken.set()
                    self.round_trips += 1
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
