"""The ledger for agents, by the Model Context Protocol: they read, and request actions."""

from .access import AgentAccess
from .server import make_server

__all__ = ["AgentAccess", "make_server"]
