"""Fixtures live by concern in fixtures/."""

import gc

from hypothesis import settings

pytest_plugins = ["fix_airflow", "fix_db", "fix_order", "fix_tools", "fix_workers"]

# How long an example takes depends on what else the machine does.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# What is imported stays: to look for garbage in it takes a tenth of a worker's CPU.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage in what the tests make."""
    gc.freeze()
    gc.enable()
