"""Spreads the big tables over the workers of Citus, and brings them back."""

from __future__ import annotations

from .cluster import Cluster, DistributedTable
from .run import Distributed, Distribution, distribute, undistribute

__all__ = [
    "Cluster",
    "Distributed",
    "DistributedTable",
    "Distribution",
    "distribute",
    "undistribute",
]
