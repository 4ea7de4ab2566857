"""The bins of the chi-squared test, as docs/reference/drift.md has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pooled(reference: Sequence[float], current: Sequence[float]) -> np.ndarray:
    """Pool neighbours until the smaller side expects 5 rows, what is left over with the last."""
    size = sum(reference)
    smaller = min(size, sum(current))
    groups, group = [], np.zeros(2)
    for pair in zip(reference, current, strict=True):
        group = group + pair
        if group[0] * smaller >= 5 * size:
            groups.append(group)
            group = np.zeros(2)
    return np.array([*groups[:-1], groups[-1] + group] if groups else [group])
