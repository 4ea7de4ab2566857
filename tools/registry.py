"""The repositories by their tables, all of them imported: each registers itself."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

from mlops_ledger import _sync


def repositories(family: ModuleType = _sync) -> dict[str, type[Any]]:
    """Return those of a family, sync or async."""
    for found in pkgutil.iter_modules(family.__path__, f"{family.__name__}."):
        import_module(found.name)
    registered: dict[str, type[Any]] = import_module(f"{family.__name__}.repository").REPOSITORIES
    return dict(sorted(registered.items()))
