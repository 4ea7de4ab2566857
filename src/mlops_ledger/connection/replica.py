"""When a standby answers reads, and when the primary does instead."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from ..errors import ConfigError, InvalidValue, LedgerError, SchemaError, TimedOut, Unavailable

logger = logging.getLogger("mlops_ledger.replica")

# What is left for the primary to answer.
AWAY: Final = (Unavailable, SchemaError)
# Seconds between two looks at what a standby has replayed.
POLL: Final = 0.01
# Seconds for which a standby that was away is not asked again.
_PAUSE: Final = 5.0
_POSITION: Final = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}", re.ASCII)


class Standby:
    """What is known of a standby: whether it is the primary's, and whether it was just away.

    And what it must have replayed to answer a program that has used the primary itself, which
    would otherwise miss its own writes, or what it has seen there before.
    """

    def __init__(self) -> None:
        self._away_until = 0.0
        self._uses = self._uses_known = 0
        self._position: str | None = None
        self.is_known = False

    @property
    def is_away(self) -> bool:
        """Whether it has just not answered, so that asking would only cost time."""
        return monotonic() < self._away_until

    def note_away(self, error: LedgerError) -> None:
        """Leave it alone for five seconds."""
        self._away_until = monotonic() + _PAUSE
        logger.warning("the primary answers reads for %g s, not MLOPS_READ_URL: %s", _PAUSE, error)

    def note_use(self) -> None:
        """Note that the program has used the primary."""
        self._uses += 1

    @property
    def uses(self) -> int | None:
        """How often the primary was used, if its position is not known since."""
        return self._uses if self._uses > self._uses_known else None

    def note_position(self, uses: int, position: str) -> None:
        """Note a position that is after so many uses."""
        if uses > self._uses_known:
            self._uses_known, self._position = uses, position

    def positions(self, other: str | None) -> list[str]:
        """Return what must have been replayed, with another position."""
        return [each for each in (self._position, other) if each is not None]

    def require_own(self, found: str, expected: str) -> None:
        """Raise ConfigError unless it is a copy of the primary, down to the database."""
        if found != expected:
            raise ConfigError(
                "MLOPS_READ_URL names no standby of the ledger's database: it must be a physical "
                "copy of the server of DATABASE_URL, and the same database of it"
            )
        self.is_known = True


@contextmanager
def or_primary() -> Iterator[None]:
    """Swallow what says that a standby cannot answer; the caller then asks the primary.

    A read that ran into its timeout would do so there as well.
    """
    try:
        yield
    except TimedOut:
        raise
    except AWAY as error:
        logger.debug("the primary answers: %s", error)


def checked(position: Any, wait: Any) -> tuple[str, float]:
    """Return a position and the seconds to wait for it; raises InvalidValue for anything else."""
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise InvalidValue("position", "must be what position() returns, such as 0/3000148")
    if type(wait) not in (int, float) or not 0 <= wait < 3600:
        raise InvalidValue("wait", "must be a number of seconds below 3600")
    return position, float(wait)


def behind(wait: float) -> Unavailable:
    """Say that a standby has not replayed a position in time."""
    return Unavailable(f"the standby has not replayed the position within {wait:g} s")
