"""The ledger in a browser: pages that only read, and a report in one file (extra `[ui]`)."""

from .app import create_app
from .report import write_report
from .server import serve

__all__ = ["create_app", "serve", "write_report"]
