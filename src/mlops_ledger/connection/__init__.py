"""Connections: where they lead, and what a session of ours means on any server."""
