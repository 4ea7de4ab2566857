"""Fixtures live by concern in fix_*.py."""

from hypothesis import settings

pytest_plugins = ["fix_airflow", "fix_db", "fix_order", "fix_tools"]

# How long an example takes depends on what else the machine does.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
