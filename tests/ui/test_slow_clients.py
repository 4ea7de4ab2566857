"""Clients that are slow, or send what no browser sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from mlops_ledger import Database

pytest.importorskip("jinja2", reason="needs the extra [ui]")

import uvicorn

from mlops_ledger.contrib.ui import Access, create_app, networks, read_tokens
from mlops_ledger.contrib.ui.deadlines import Deadlines


@contextmanager
def running(app: Any) -> Iterator[int]:
    """Serve an application with short deadlines, as `serve` does with longer ones."""

    class Hasty(Deadlines):
        head = 0.5
        whole = 1.0

    config = uvicorn.Config(app, port=0, http=Hasty, ws="none", log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_slow_clients_are_given_up(connected: tuple[Database, Database]) -> None:
    host = b"Host: localhost\r\n"
    slow = {
        "says nothing": (b"", b""),
        "sends its head byte by byte": (b"GET / HTTP/1.1\r\n" + host, b"X: y\r\n"),
        "sends its body byte by byte": (
            b"POST /action/approve HTTP/1.1\r\n" + host + b"Origin: http://localhost\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\n",
            b"x",
        ),
        "is slow with its second request": (
            b"GET /static/icon.svg HTTP/1.1\r\n" + host + b"\r\n",
            b"G",
        ),
    }
    reader, approver = connected
    access = Access(approver, tokens=read_tokens("ana a-token-that-nobody-can-guess"))
    with running(create_app(reader, access=access)) as port:
        for what, (first, more) in slow.items():
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(first)
                client.settimeout(0.1)
                deadline = time.monotonic() + 60
                ended = False
                while not ended and time.monotonic() < deadline:
                    try:
                        client.sendall(more)
                        ended = client.recv(65_536) == b""
                    except TimeoutError:
                        continue
                    except OSError:
                        ended = True
                assert ended, what
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"GET /static/icon.svg HTTP/1.1\r\n" + host + b"\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_what_no_browser_sends_is_refused(connected: tuple[Database, Database]) -> None:
    reader, approver = connected
    access = Access(approver, user_header="X-Auth-User", proxies=networks(["127.0.0.1"]))
    form = b"Origin: http://localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    begin = b"POST /action/approve HTTP/1.1\r\nHost: localhost\r\n" + form
    cases = {
        "an announced size": (b"Content-Length: 999999999\r\n\r\nid=1", b"413"),
        "a body without an end": (
            b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n",
            b"413",
        ),
        "a field twice": (b"Content-Length: 9\r\n\r\nid=1&id=2", b"400"),
        "many fields": (
            b"Content-Length: 43\r\n\r\n" + b"&".join(b"%c=1" % n for n in range(97, 108)),
            b"400",
        ),
        "no text": (b"Content-Length: 6\r\n\r\nid=%ff", b"400"),
        "a name that is no text": (
            b"X-Auth-User: \xff\r\nContent-Length: 4\r\n\r\nid=1",
            b"403",
        ),
        "two lengths": (b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nid=1", b"400"),
        "an endless head": (b"X: " + b"y" * 100_000, b"400"),
    }
    with running(create_app(reader, access=access)) as port:
        for what, (rest, status) in cases.items():
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                repeated = 40 if b"chunked" in rest else 1
                head, _, body = rest.rpartition(b"3e8")
                with suppress(OSError):
                    client.sendall(begin + (head + (b"3e8" + body) * repeated if head else rest))
                assert client.recv(100)[9:12] == status, what
