"""A process that has imported what others begin with, and forks one of them for each request.

Each process that multiprocessing's own has forked would start another for what it forks itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import pkgutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from select import select
from typing import Any, NamedTuple, NoReturn

# Where the server listens that this process is a fork of, if it is one.
address = ""


class Request(NamedTuple):
    """What to call, as `module:name`, with what can be marshalled; where; what to import before."""

    function: str
    arguments: Sequence[Any]
    folder: str
    environment: dict[str, str]
    imported: Sequence[str]


def serve(listener: int, imported: Sequence[str]) -> NoReturn:
    """Fork a process for each request, until standard input ends as who started this does.

    The process has the streams that come with the request. The client gets its exit code, negative
    after a signal; if the client is gone before, the process is terminated.
    """
    global address
    code = 1
    with socket.socket(fileno=listener) as server:
        address = server.getsockname()
        _import(imported)
        request, streams = _next_fork(server)
    try:
        code = _run(request, streams)
    finally:
        # What is in memory is not freed one by one.
        os._exit(code)


def _import(modules: Sequence[str]) -> None:
    """Import modules and have the garbage collector leave alone what forks then share."""
    for module in modules:
        importlib.import_module(module)
    gc.freeze()


def _next_fork(server: socket.socket) -> tuple[Request, list[int]]:
    """Return in each process that is forked, with what is asked of it."""
    # Nobody's ^C ends what others need.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ended, end = socket.socketpair()
    end.setblocking(False)
    signal.set_wakeup_fd(end.fileno())
    clients: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select([sys.stdin, ended, server, *clients.values()], [], [])
        if sys.stdin in ready:
            os._exit(0)
        if ended in ready:
            ended.recv(4096)
            _answer(clients)
        for pid in [pid for pid, client in clients.items() if client in ready]:
            os.kill(pid, signal.SIGTERM)
            clients.pop(pid).close()
        if server in ready:
            client, _ = server.accept()
            request, streams = _receive(client)
            _import(request.imported)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for each in (ended, end, client, *clients.values()):
                    each.close()
                return request, streams
            clients[pid] = client
            for number in streams:
                os.close(number)


def _receive(client: socket.socket) -> tuple[Request, list[int]]:
    size, streams, _, _ = socket.recv_fds(client, 4, 3)
    with client.makefile("rb") as stream:
        return Request(*marshal.loads(stream.read(int.from_bytes(size)))), streams


def _answer(clients: dict[int, socket.socket]) -> None:
    """Give exit codes to the clients of processes that have ended."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            if pid in clients:
                with clients.pop(pid) as client, suppress(BrokenPipeError):
                    client.sendall(b"%d" % os.waitstatus_to_exitcode(status))


def _run(request: Request, streams: list[int]) -> int:
    """Take the place, the environment and the streams of a program; end as one but for freeing."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # Those that were opened before may take a pipe for a file.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering, encoding="utf-8", closefd=False)
        for number, (mode, buffering) in enumerate((("r", -1), ("w", -1), ("w", 1)))
    )
    code = _call(request)
    # As the interpreter does.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return code


def _call(request: Request) -> int:
    """Call the function and return the exit code that it would have as a program."""
    try:
        pkgutil.resolve_name(request.function)(*request.arguments)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
