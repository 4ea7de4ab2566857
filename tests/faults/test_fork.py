"""A process that forks while it is connected, as gunicorn and multiprocessing do.

Each script runs in an interpreter of its own. It prints what it found, for the test to compare.
"""

from __future__ import annotations

import pytest
from fix_faults import full, run_python

pytestmark = pytest.mark.once

PREAMBLE = """
import os, sys, threading
from contextlib import ExitStack
from mlops_ledger import Database, ModelVersionRepository, Settings

def right_answers(db, count, offset):
    right = 0
    for number in range(offset, offset + count):
        with db.connection() as connection:
            right += connection.execute("SELECT %s::int", [number]).fetchone()[0] == number
    return right

def fork(child):
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = child() or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    return pid

def exit_code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

dsn, count = sys.argv[1], int(sys.argv[2])
db = Database(Settings(conninfo=dsn, pool_max_size=4))
with ExitStack() as stack:
    for _ in range(4):
        stack.enter_context(db.connection())
"""


def run(script: str, dsn: str, count: int = 0) -> list[str]:
    done = run_python(PREAMBLE + script, dsn, str(count))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_parent_and_children_get_no_wrong_answer(dsn: str) -> None:
    script = """
children = [
    fork(lambda n=n: print(right_answers(db, count, n * 1_000_000), flush=True)) for n in (1, 2)
]
print(right_answers(db, count, 0), flush=True)
print([exit_code(child) for child in children])
"""
    each = full(10_000, 3_400)
    lines = run(script, dsn, each)
    assert sorted(lines[:-1]) == [str(each)] * 3
    assert lines[-1] == "[0, 0]"


def test_a_thread_of_the_parent_may_query_during_the_fork(dsn: str) -> None:
    script = """
stop = threading.Event()
counts = []
def query():
    done = right = 0
    while not stop.is_set():
        done, right = done + 1, right + right_answers(db, 1, done)
    counts.append(done - right)
threads = [threading.Thread(target=query) for _ in range(3)]
for thread in threads:
    thread.start()
children = [fork(lambda: int(right_answers(db, 20, 0) != 20)) for _ in range(count)]
print({exit_code(child) for child in children})
stop.set()
for thread in threads:
    thread.join()
print(counts)
"""
    assert run(script, dsn, full(100, 12)) == ["{0}", "[0, 0, 0]"]


def test_a_grandchild_gets_connections_of_its_own(dsn: str) -> None:
    script = """
pid = "SELECT pg_backend_pid()"
def backend():
    with db.connection() as connection:
        return connection.execute(pid).fetchone()[0]
def child():
    print(backend(), flush=True)
    return exit_code(fork(lambda: print(backend(), flush=True)))
print(backend(), flush=True)
print(exit_code(fork(child)), flush=True)
print(backend())
"""
    parent, child, grandchild, code, after = run(script, dsn)
    assert len({parent, child, grandchild}) == 3
    assert code == "0"
    assert after not in {child, grandchild}


ENDS = {
    "returns": "return 0",
    "raises": "raise ZeroDivisionError",
    "sys.exit": "sys.exit(3)",
    "os._exit": "os._exit(3)",
    "closes": "db.close()",
    "commits": "stack.close()",
    "queries": "return int(right_answers(db, 50, 0) != 50)",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_child_does_not_disturb_the_open_transaction_of_its_parent(dsn: str, end: str) -> None:
    script = f"""
with db.transaction() as tx:
    ModelVersionRepository(tx).insert(model_name="m")
    pid = os.fork()
    if pid == 0:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)
        stack = ExitStack()
        stack.enter_context(db.transaction())
        def child():
            {ENDS[end]}
        sys.exit(child())
    os.waitpid(pid, 0)
    ModelVersionRepository(tx).insert(model_name="m")
print(right_answers(db, 200, 0))
print([version.model_version for version in ModelVersionRepository(db).list_versions()])
"""
    assert run(script, dsn) == ["200", "['2', '1']"]


def test_a_child_that_leaves_the_parents_transaction_commits_nothing(dsn: str) -> None:
    script = """
from mlops_ledger.errors import Unavailable
def child():
    try:
        inner.__exit__(None, None, None)
    except Unavailable as error:
        print(type(error).__name__, flush=True)
inner = db.transaction()
tx = inner.__enter__()
ModelVersionRepository(tx).insert(model_name="m")
exit_code(fork(child))
print(len(ModelVersionRepository(db).list_versions()))
inner.__exit__(None, None, None)
print(len(ModelVersionRepository(db).list_versions()))
"""
    assert run(script, dsn) == ["ConnectionLost", "0", "1"]


def test_the_parents_repository_works_in_a_multiprocessing_pool(dsn: str) -> None:
    script = """
import multiprocessing
models = ModelVersionRepository(db)
def register(number):
    models.insert(model_name="m")
    return os.getpid()
with multiprocessing.get_context("fork").Pool(3) as pool:
    workers = set(pool.map(register, range(60), chunksize=1))
models.insert(model_name="m")
print(os.getpid() in workers, len(models.list_versions()))
db.close()
"""
    assert run(script, dsn) == ["False 61"]


def test_a_child_may_use_an_async_database_again(dsn: str) -> None:
    script = """
import asyncio
from mlops_ledger import AsyncDatabase
shared = AsyncDatabase(dsn)
async def answers(count):
    right = 0
    for number in range(count):
        async with shared.connection() as connection:
            cursor = await connection.execute("SELECT %s::int", [number])
            right += (await cursor.fetchone())[0] == number
    return right
async def parent():
    right = await answers(100)
    pid = os.fork()
    if pid == 0:
        asyncio.events._set_running_loop(None)
        print(asyncio.run(answers(100)), flush=True)
        os._exit(0)
    print(exit_code(pid), right + await answers(100))
    await shared.close()
asyncio.run(parent())
"""
    assert run(script, dsn) == ["100", "0 200"]
