"""Threads share work, and none of them is left waiting."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest
from fix_interrupts import at_every_instruction
from fix_logger import wait_until

from mlops_ledger.logger.group_commit import GroupCommit


class Work:
    """Waits for a permit each time it is done."""

    def __init__(self) -> None:
        self.runs = 0
        self.permits = threading.Semaphore(0)
        self.fails = False

    def __call__(self) -> None:
        self.runs += 1
        assert self.permits.acquire(timeout=20)
        if self.fails:
            raise OSError


def waiting(group: GroupCommit, count: int) -> list[threading.Thread]:
    """Start threads one after the other, each of which waits when it returns."""
    threads = []
    for _ in range(count):
        threads.append(threading.Thread(target=group.join, daemon=True))
        threads[-1].start()
        wait_until(lambda: len(group._waiting) == len(threads) - 1)
    return threads


def test_all_who_come_meanwhile_are_served_by_the_next_run() -> None:
    work = Work()
    threads = waiting(GroupCommit(work), 11)
    work.permits.release()
    threads[0].join(20)
    assert [thread.is_alive() for thread in threads] == [False] + [True] * 10
    work.permits.release()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert work.runs == 2


def test_who_works_hears_of_the_failure_and_the_others_go_on() -> None:
    work = Work()
    group = GroupCommit(work)
    failed: list[str] = []

    def lead() -> None:
        try:
            group.join()
        except OSError:
            failed.append("first")

    first = threading.Thread(target=lead, daemon=True)
    first.start()
    wait_until(lambda: work.runs == 1)
    second = threading.Thread(target=group.join, daemon=True)
    second.start()
    wait_until(lambda: len(group._waiting) == 1)
    work.fails = True
    work.permits.release()
    first.join(20)
    assert failed == ["first"]
    work.fails = False
    work.permits.release()
    second.join(20)
    work.permits.release()
    group.join()
    assert work.runs == 3


def test_who_is_interrupted_leaves_nobody_waiting() -> None:
    work = Work()
    group = GroupCommit(work)
    threads = waiting(group, 1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    with pytest.raises(KeyboardInterrupt):
        group.join()
    signal.signal(signal.SIGALRM, before)
    threads.append(threading.Thread(target=group.join, daemon=True))
    threads[-1].start()
    wait_until(lambda: len(group._waiting) == 2)
    work.permits.release(2)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert work.runs == 2


class Counted:
    """Work that covers all that was asked for before it began."""

    def __init__(self) -> None:
        self.asked: list[None] = []
        self.covered = 0
        self.group = GroupCommit(self._work)
        self.stopping = False

    def _work(self) -> None:
        last = len(self.asked)
        # Long enough for others to come meanwhile.
        time.sleep(0.0005)
        self.covered = last

    def ask(self) -> None:
        self.asked.append(None)
        number = len(self.asked)
        self.group.join()
        assert self.covered >= number

    def go_on(self) -> None:
        while not self.stopping:
            self.ask()


def require_return(call: Callable[[], None]) -> None:
    """Call something in another thread, which must end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not raised


def test_an_interrupt_at_any_instruction_holds_up_no_later_call() -> None:
    work = Counted()
    outcomes = []
    for returned in at_every_instruction(work.ask):
        outcomes.append(returned)
        require_return(work.ask)
    assert outcomes.count(False) > 100


def test_an_interrupt_at_any_instruction_holds_up_no_other_thread() -> None:
    work = Counted()
    threads = [threading.Thread(target=work.go_on, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in at_every_instruction(work.ask):
        before = work.covered
        wait_until(lambda before=before: work.covered > before)
    work.stopping = True
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
