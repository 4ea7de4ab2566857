"""The database and its transactions, sync and async."""

from ._async.database import AsyncDatabase, AsyncTransaction
from ._sync.database import Database, Transaction

__all__ = ["AsyncDatabase", "AsyncTransaction", "Database", "Transaction"]
