"""Delivers what processes that are gone have left in the spool."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ..database import Database
from ..errors import LedgerError
from .dead_letters import requeue_dead_letters
from .delivery import Delivery
from .folder import folders, is_for, is_live, target_of
from .reader import SpoolReader
from .retry import is_outage
from .sink import Sink
from .spool import Spool

_BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the records that were left; `left_alone` counts folders of other databases."""

    folders: int
    stored: int
    duplicates: int
    dead_lettered: int
    left_alone: int


def replay_spool(
    db: Database, root: Path, *, dead_letters: bool = False, any_database: bool = False
) -> Replayed:
    """Deliver what processes that are gone have left, and requeue the dead letters if asked to.

    What is meant for another database is left alone, unless it may be `any_database`. Raises
    LedgerError when the database does not take it; what is delivered by then stays so.
    """
    target = None if any_database else db.settings.target
    waiting = deque(requeue_dead_letters(root, target) if dead_letters else ())
    left_alone = 0
    for folder in folders(root):
        if (spool := Spool.adopt(folder, target)) is not None:
            waiting.append(spool)
        elif not (is_for(target_of(folder), target) or is_live(folder)):
            left_alone += 1
    done: list[Delivery] = []
    problem: LedgerError | None = None
    try:
        while waiting:
            done.append(Delivery(SpoolReader(waiting[0], _BATCH_ROWS), Sink(db), root))
            try:
                while done[-1].step():
                    pass
            except LedgerError as error:
                # What cannot be stored for now must not hold up the others.
                if is_outage(error):
                    raise
                waiting[0].folder.note_problem(str(error))
                problem = error
            finally:
                done[-1].reader.close()
            waiting.popleft().release()
    finally:
        for spool in waiting:
            spool.release()
    if problem is not None:
        raise problem
    return Replayed(
        folders=len(done),
        stored=sum(delivery.stored for delivery in done),
        duplicates=sum(delivery.duplicates for delivery in done),
        dead_lettered=sum(delivery.dead_lettered for delivery in done),
        left_alone=left_alone,
    )
