"""Records that the database refuses for what they contain, kept in a file with the reason."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from .records import readable
from .segments import Appender, Record

FILE_NAME = "dead-letters.jsonl"


def bury(root: Path, records: Sequence[Record], error: Exception) -> None:
    """Append records to the file of dead letters, one JSON object a line. Raises OSError."""
    at = datetime.now(UTC)
    reason = " ".join(str(error).split())
    lines = [
        orjson.dumps(
            {
                "at": at,
                "error": type(error).__name__,
                "reason": reason,
                "record": readable(record.payload),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for record in records
    ]
    file = Appender(root / FILE_NAME, new=False)
    try:
        # All processes share the file; a line that was cut short must not get another behind it.
        fcntl.flock(file.descriptor, fcntl.LOCK_EX)
        file.size = os.fstat(file.descriptor).st_size
        file.append(b"".join(lines))
        os.fdatasync(file.descriptor)
    finally:
        file.close()
