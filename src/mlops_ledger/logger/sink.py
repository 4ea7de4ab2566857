"""Where the records of a spool go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from .._sync.predictions import PredictionsRepository
from ..copying.pieces import PieceBatch
from ..errors import InvalidValue
from ..rows import Written
from .pace import Pace
from .records import decode, load

_AT_ONCE: Final = 500
# Looking for what is refused takes longer than storing it.
_LOOKED_AT: Final = 4


class Sink(PredictionsRepository):
    """Stores records, a batch in a transaction."""

    def store(
        self, payloads: Sequence[bytes], *, idempotency_key: UUID, pace: Pace | None = None
    ) -> Written:
        """Store records once for each `idempotency_key`, piece by piece.

        Raises as `insert_many`, and what `load` raises.
        """
        batch = PieceBatch(self._version, None if pace is None else pace.rest)
        start = 0
        while start < len(payloads):
            end = start + (_AT_ONCE if pace is None else pace.records())
            batch.add([load(payload) for payload in payloads[start:end]])
            start = end
        return self._store(batch, idempotency_key)

    def refused(
        self, payloads: Sequence[bytes], *, pace: Pace | None = None
    ) -> dict[int, InvalidValue]:
        """Return what `store` refuses without asking the server, by the record's place."""
        found = {}
        for place, payload in enumerate(payloads):
            if pace is not None and place % _LOOKED_AT == 0:
                pace.rest()
            for error in self.refusals(rows=[decode(payload)]).values():
                found[place] = error
        return found
