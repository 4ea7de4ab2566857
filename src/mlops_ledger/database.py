"""The database and its transactions, sync and async."""

from ._async.database import AsyncConnections, AsyncDatabase, AsyncTransaction
from ._sync.database import Connections, Database, Transaction

__all__ = [
    "AsyncConnections",
    "AsyncDatabase",
    "AsyncTransaction",
    "Connections",
    "Database",
    "Transaction",
]
