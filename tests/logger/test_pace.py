"""The delivery works in small pieces and rests in between, longer where the service is busy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ledger.logger import pace as pace_module
from mlops_ledger.logger.intake import Intake
from mlops_ledger.logger.options import Options
from mlops_ledger.logger.pace import Pace

BATCH = 10


def intake(folder: Path, durability: str = "process") -> Intake:
    return Intake(
        Options(
            durability=durability,
            overflow=None,
            on_refused="raise",
            batch_rows=BATCH,
            buffer_rows=100,
            flush_interval=0.25,
            commit_timeout=1.0,
            target="",
            spool_root=folder,
            spool_bytes=1_000_000,
        )
    )


class Sleeps(list[float]):
    """Stands in for `time`: notes how long one would sleep; `meanwhile` happens in each sleep."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = list

    def sleep(self, seconds: float) -> None:
        self.append(seconds)
        self.meanwhile()

    def rest(self, pace: Pace) -> float:
        """Return how long the pace rests."""
        self.clear()
        pace.rest()
        return sum(self)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Sleeps:
    found = Sleeps()
    monkeypatch.setattr(pace_module, "time", found)
    return found


def is_gentle(pace: Pace, sleeps: Sleeps) -> bool:
    """Return whether pieces are short and rests long, of both of which there are three kinds."""
    rest = sum(sleeps.rest(pace) for _ in range(50)) / 50
    assert (pace.records() <= 12) == (rest > 0.0001)
    return rest > 0.0001


def test_the_delivery_is_gentle_unless_somebody_waits(tmp_path: Path, sleeps: Sleeps) -> None:
    pace = Pace(intake(tmp_path))
    assert is_gentle(pace, sleeps)
    with pace.awaited():
        with pytest.raises(KeyError), pace.awaited():
            raise KeyError
        assert not is_gentle(pace, sleeps)
        assert sleeps.rest(pace) > 0
    assert is_gentle(pace, sleeps)


def test_the_delivery_of_what_callers_wait_for_makes_haste(tmp_path: Path, sleeps: Sleeps) -> None:
    assert not is_gentle(Pace(intake(tmp_path, "database")), sleeps)


def test_a_logger_that_is_being_closed_does_not_rest(tmp_path: Path, sleeps: Sleeps) -> None:
    pace = Pace(intake(tmp_path))
    pace.closing = True
    assert sleeps.rest(pace) == 0
    assert not sleeps
    assert pace.records() >= 100


@pytest.mark.parametrize(
    ("durability", "enough", "more"), [("process", 20 * BATCH, 1), ("memory", 50, 1)]
)
def test_the_delivery_makes_haste_while_it_is_behind(
    tmp_path: Path, sleeps: Sleeps, durability: str, enough: int, more: int
) -> None:
    taken = intake(tmp_path, durability)
    pace = Pace(taken)
    taken.accept([b"{}"] * enough)
    pace.look()
    assert is_gentle(pace, sleeps)
    taken.accept([b"{}"] * more)
    assert is_gentle(pace, sleeps)
    pace.look()
    assert not is_gentle(pace, sleeps)
    taken.buffer.discard(2)
    if taken.spool is not None:
        taken.spool.delivered += 2
    pace.look()
    assert is_gentle(pace, sleeps)
    taken.finish()


def test_a_rest_is_longer_while_calls_follow_one_another(tmp_path: Path, sleeps: Sleeps) -> None:
    taken = intake(tmp_path, "memory")
    pace = Pace(taken)
    usual = max(sleeps.rest(pace) for _ in range(200))
    sleeps.meanwhile = lambda: taken.accept([b"{}"] * 5)
    assert min(sleeps.rest(pace) for _ in range(3)) > usual
    with pace.awaited():
        assert sleeps.rest(pace) < usual
    sleeps.meanwhile = lambda: taken.accept([b"{}"] * 4)
    assert sleeps.rest(pace) <= 1.5 * usual
    assert len(sleeps) == 1


def test_rests_are_never_in_step_with_a_loop(tmp_path: Path, sleeps: Sleeps) -> None:
    rests = [sleeps.rest(Pace(intake(tmp_path))) for _ in range(200)]
    assert max(rests) > 2 * min(rests)
    assert len(set(rests)) > 100
