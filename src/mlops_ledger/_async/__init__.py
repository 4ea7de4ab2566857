"""The database and the repositories. `_async` is written by hand, `_sync` is generated from it."""
