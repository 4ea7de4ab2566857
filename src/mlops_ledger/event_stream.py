"""The stream of events, sync and async."""

from ._async.event_stream import events as async_events
from ._sync.event_stream import events

__all__ = ["async_events", "events"]
