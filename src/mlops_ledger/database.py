"""The database and its transactions, sync and async."""

from ._async.database import AsyncConnections, AsyncDatabase
from ._async.transaction import AsyncTransaction
from ._sync.database import Connections, Database
from ._sync.transaction import Transaction

__all__ = [
    "AsyncConnections",
    "AsyncDatabase",
    "AsyncTransaction",
    "Connections",
    "Database",
    "Transaction",
]
