"""Takes over what earlier processes left in the spool, and delivers it beside our own."""

from __future__ import annotations

import time
from typing import Final

from ..errors import LedgerError
from .causes import CauseLog
from .delivery import Delivery
from .folder import folders
from .options import Options
from .pace import Pace
from .reader import SpoolReader
from .retry import is_outage
from .sink import Sink
from .spool import Spool

_EVERY: Final = 60.0


class Adoption:
    """The folders of earlier processes that this one delivers."""

    def __init__(self, options: Options, sink: Sink, causes: CauseLog) -> None:
        self.replayed = 0
        self.folders = 0
        self.problem: LedgerError | None = None
        self._options = options
        self._sink = sink
        self._causes = causes
        self._deliveries: list[Delivery] = []
        self._next = 0.0

    def look(self) -> None:
        """Adopt what is there, once a minute."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        options = self._options
        for path in folders(options.spool_root):
            if (spool := Spool.adopt(path, options.target)) is not None:
                self.folders += 1
                reader = SpoolReader(spool, options.batch_rows)
                self._deliveries.append(
                    Delivery(reader, self._sink, options.spool_root, causes=self._causes)
                )

    def step(self, pace: Pace) -> bool:
        """Send a batch; return whether there was one.

        Raises what shows that the database is away; `problem` is what stopped a single folder.
        """
        while self._deliveries:
            delivery = self._deliveries[0]
            before = delivery.delivered
            try:
                if delivery.step(pace=pace):
                    self.replayed += delivery.delivered - before
                    return True
            except LedgerError as error:
                if is_outage(error):
                    raise
                # Given back, to be adopted again in a while: it must not hold up the others.
                self.problem = error
                delivery.reader.spool.folder.note_problem(str(error))
            delivery.close()
            self._deliveries.pop(0)
        return False

    def close(self) -> None:
        """Give back what is not delivered yet."""
        for delivery in self._deliveries:
            delivery.close()
