"""What waits in the spool folder of this host, as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from ...logger.dead_letters import read_dead_letters
from ...logger.inspect import damaged_segments, inspect_spool
from .metrics import SPOOL, SPOOL_FILES, families


def read_spool(root: Path) -> Iterator[Metric]:
    """Make the metrics of a spool, by database and whether the process of a logger lives."""
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    for folder in inspect_spool(root):
        key = (folder.target or "", folder.live)
        group = groups.setdefault(
            key,
            {
                "target": key[0],
                "live": str(folder.live).lower(),
                **dict.fromkeys(("records", "bytes", "folders"), 0),
                "oldest": None,
            },
        )
        group["records"] += folder.records
        group["bytes"] += folder.bytes
        group["folders"] += 1
        if folder.oldest is not None:
            oldest = folder.oldest.timestamp()
            group["oldest"] = min(oldest, group["oldest"] or oldest)
    files = {
        "dead_letters": sum(1 for _ in read_dead_letters(root)),
        "damaged_segments": len(damaged_segments(root)),
    }
    return chain(families(SPOOL, list(groups.values())), families(SPOOL_FILES, [files]))
