from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger.errors import SchemaError
from mlops_ledger.migrations import Migrator


def read_message(source: socket.socket) -> tuple[bytes, bytes]:
    """Read one message of the server: its type and its body."""
    head = receive(source, 5)
    return head[:1], receive(source, struct.unpack("!I", head[1:])[0] - 4)


def receive(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = source.recv(size - len(data))
        if not chunk:
            raise ConnectionError
        data += chunk
    return data


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)


def pump_with_own_pid(server: socket.socket, client: socket.socket) -> None:
    """Forward what the server says, with a process id of the pooler's own, as PgBouncer does."""
    with suppress(OSError):
        while True:
            kind, body = read_message(server)
            if kind == b"K":
                body = struct.pack("!I", 4242) + body[4:]
            client.sendall(kind + struct.pack("!I", len(body) + 4) + body)


@contextmanager
def pooler(host: str, port: int) -> Iterator[int]:
    """Listen on a port of its own, give the clients' sessions to the server, hide its ids."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection((host, port)) as server,
    ):

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                forward = threading.Thread(target=pump, args=(client, server))
                forward.start()
                pump_with_own_pid(server, client)
                forward.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_up_refuses_a_connection_pooler(empty_database, write):
    parts = conninfo_to_dict(empty_database)
    if str(parts.get("host", "/")).startswith("/"):
        pytest.skip("the test server has no TCP port")
    folder = write("0001_a", "CREATE TABLE a (id int);")

    with pooler(str(parts["host"]), int(parts.get("port") or 5432)) as port:
        dsn = make_conninfo(
            empty_database, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )
        with pytest.raises(SchemaError, match="direct connection"):
            Migrator(dsn, folder).up()
