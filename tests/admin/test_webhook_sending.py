"""A request to an endpoint ends, whatever the endpoint does."""

from __future__ import annotations

import socket
import threading

import pytest

from mlops_ledger import Database
from mlops_ledger.admin.webhooks import Undeliverable, add_webhook, send_test, sending

pytestmark = pytest.mark.once


def test_a_handshake_that_never_ends_is_ended(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_ALTOGETHER", 0.5)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            # The head of a record of 16,384 bytes, and then a byte at a time.
            connection.sendall(b"\x16\x03\x03\x40\x00")
            while not over.wait(0.1):
                try:
                    connection.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server], daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        add_webhook(db, "hook", url, allow_private=True)
        with pytest.raises(Undeliverable):
            send_test(db, "hook")
        over.set()
        thread.join()
