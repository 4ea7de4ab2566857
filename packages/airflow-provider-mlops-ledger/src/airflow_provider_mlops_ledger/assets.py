"""Assets (datasets in Airflow 2): a model's slot, updated by each promotion."""

from __future__ import annotations

from urllib.parse import quote

from .compat import Asset


def model_asset(model_name: str, slot: str = "production") -> Asset:
    """Return the asset of a slot, for `schedule`, `inlets` and `outlets`."""
    return Asset(uri=f"mlops-ledger://models/{quote(model_name, safe='')}/{quote(slot, safe='')}")
