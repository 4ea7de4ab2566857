"""Bridges to other tools, each behind an extra of its own; the rest of the package needs none."""
