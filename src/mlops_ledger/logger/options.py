"""How a logger treats its records: its options, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..checks import values
from ..checks.plain import kind
from ..errors import ConfigError, InvalidValue

DURABILITIES: Final = ("memory", "process", "disk", "database")
OVERFLOWS: Final = ("drop_oldest", "block", "raise")
ON_REFUSED: Final = ("raise", "count")
_LEAST: Final = {"batch_rows": 1, "buffer_rows": 1, "spool_bytes": 1_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a logger; the meaning is in `PredictionLogger`."""

    durability: str
    overflow: str | None
    on_refused: str
    batch_rows: int
    buffer_rows: int
    flush_interval: float
    commit_timeout: float
    target: str
    spool_root: Path
    spool_bytes: int

    def __post_init__(self) -> None:
        _require_one_of(DURABILITIES, "durability", self.durability)
        # A dropped record must not be reported as committed to the call that waits for it.
        allowed = OVERFLOWS[1:] if self.durability == "database" else OVERFLOWS
        if self.overflow is None:
            default = "raise" if self.durability == "database" else "drop_oldest"
            object.__setattr__(self, "overflow", default)
        _require_one_of(allowed, "overflow", self.overflow)
        _require_one_of(ON_REFUSED, "on_refused", self.on_refused)
        for field, least in _LEAST.items():
            if values.integer(64)(field, getattr(self, field)) < least:
                raise InvalidValue(field, f"must be at least {least}")
        for field in ("flush_interval", "commit_timeout"):
            if values.number(field, getattr(self, field)) <= 0:
                raise InvalidValue(field, "must be above 0")
        _require_writable(self.spool_root)


def folder_of(spool_dir: object, otherwise: Path) -> Path:
    """Return the folder of the spool; raises InvalidValue for what cannot name one."""
    if not isinstance(spool_dir, str | Path | None):
        raise InvalidValue("spool_dir", f"must be a path, not {kind(spool_dir)}")
    return Path(spool_dir or otherwise).absolute()


def _require_one_of(allowed: Sequence[str], field: str, given: object) -> None:
    if not isinstance(given, str) or given not in allowed:
        raise InvalidValue(field, f"must be one of {', '.join(allowed)}")


def _require_writable(folder: Path) -> None:
    """Make the folder of the spool. Raises ConfigError when nothing can be written there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the spool folder {folder} cannot be made: {error.strerror}") from None
    except ValueError:
        raise ConfigError("the spool folder has a name that no folder can have") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"the spool folder {folder} is not writable: set MLOPS_SPOOL_DIR")
