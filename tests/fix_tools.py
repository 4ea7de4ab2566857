"""The tools that generate files."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def tool() -> Callable[[str], ModuleType]:
    """Import a tool by its name."""
    return lambda name: importlib.import_module(f"tools.{name}")
