"""Logs predictions without ever delaying the caller.

What a record survives once the call has returned, by durability:

===========  ==========================  =====================================================
level        the record is               it survives
===========  ==========================  =====================================================
"memory"     in memory                   an outage of the database, and every orderly end of
                                         the process; not SIGKILL, SIGTERM without a handler,
                                         or os._exit
"process"    in the spool file           also any end of the process, and the database's crash;
                                         not a crash of the machine
"disk"       synced to the spool's disk  also a crash of the machine; not the loss of its disk
"database"   committed                   what the database's own settings promise
===========  ==========================  =====================================================

A record whose call raised may have been kept all the same; logged again under its `id` it is
stored once. Nothing survives the spool folder being deleted, as that of a container without a
volume is. With overflow "drop_oldest" the oldest records are dropped, and counted, once the spool
is full. What the database refuses for its content goes to `dead-letters.jsonl` in the spool.
"""

from .async_logger import AsyncPredictionLogger
from .counters import Counters, Flushed
from .logger import PredictionLogger

__all__ = ["AsyncPredictionLogger", "Counters", "Flushed", "PredictionLogger"]
