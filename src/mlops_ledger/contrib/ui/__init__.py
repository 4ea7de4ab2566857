"""The ledger in a browser: pages, their buttons, and a report in one file (extra `[ui]`)."""

from .access import Access, networks, read_tokens
from .app import create_app
from .report import write_report
from .server import serve

__all__ = ["Access", "create_app", "networks", "read_tokens", "serve", "write_report"]
