"""The server: tools by name, and errors that an agent can act on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from ...errors import LedgerError
from .access import AgentAccess
from .answers import NOTICE
from .tools import Tools

READING: Final = (
    "list_models",
    "list_versions",
    "production_at",
    "deployment_history",
    "performance",
    "monitoring",
    "drift",
    "alerts",
    "decisions",
    "actions",
    "events",
    "lineage",
)
REQUESTING: Final = ("request_action",)
_INSTRUCTIONS: Final = f"""\
The record of machine-learning models in production: versions, what was deployed when, metrics,
drift, alerts, decisions. All tools read, but request_action, which asks people for something and
does nothing by itself. You cannot approve, promote, roll back or change anything else. {NOTICE}"""


def make_server(access: AgentAccess, *, requested_by: str = "agent") -> MCPServer[Any]:
    """Return a server; requests are from `requested_by`, which the agent cannot choose."""
    server: MCPServer[Any] = MCPServer(
        "mlops-ledger",
        instructions=_INSTRUCTIONS,
        version=version("mlops-ledger"),
        log_level="WARNING",
    )
    tools = Tools(access, requested_by)
    for name in (*READING, *REQUESTING):
        annotations = ToolAnnotations(
            read_only_hint=name in READING,
            destructive_hint=False,
            idempotent_hint=name in READING,
            open_world_hint=False,
        )
        server.tool(annotations=annotations, structured_output=False)(_told(getattr(tools, name)))
    return server


def _told(tool: Callable[..., str]) -> Callable[..., str]:
    """Turn refusals of the ledger into errors that the agent reads."""

    @wraps(tool)
    def told(*args: Any, **given: Any) -> str:
        try:
            return tool(*args, **given)
        except LedgerError as error:
            raise ToolError(str(error)) from None

    return told
