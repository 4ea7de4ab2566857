# Generated from src/mlops_ledger/_async/__init__.py by tools/unasync.py: edit that file, then run `make sync`.
"""The database and the repositories: tools/unasync.py makes the sync ones from the async."""
