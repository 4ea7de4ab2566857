"""Fixtures live by concern in fix_*.py."""

pytest_plugins = ["fix_airflow", "fix_db", "fix_order", "fix_tools"]
