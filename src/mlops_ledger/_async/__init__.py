"""The database and the repositories: tools/unasync.py makes the sync ones from the async."""
