"""What all commands have in common: lazy imports, whole help lines, refusals in one line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any, Final

import click

import mlops_ledger as ledger

from ..errors import InvalidValue, LedgerError, NotFound
from .names import nearest, require_known

# The variable by which a shell asks for completions.
COMPLETE: Final = "_MLOPS_LEDGER_COMPLETE"
_FIELD: Final = re.compile(r"(\w+)((?:[.\[][^:\s]*)?): ")
# What the ledger calls some fields, and the option that fills them.
_ALIASES: Final = {"timestamp": "at", "page_size": "limit", "first_seen": "at", "values": "cells"}
# Options that name something; no name is empty.
_NAMES: Final = {"model_name", "model_version", "against", "slot", "metric_name", "consumer"}


class _Whole(click.Command):
    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first line of the help, whole."""
        return super().get_short_help_str(limit=1000)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what is refused names the command that refuses it."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Command(_Whole):
    """A command whose refusals name its options, and what is nearest to an unknown name."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        _log_statements()
        try:
            _require_names(self, ctx.params)
            _require_order(ctx.params)
            return super().invoke(ctx)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        except LedgerError as error:
            if isinstance(error, NotFound):
                _explain_unknown()
            error.args = (_with_options(self, str(error)),)
            raise


class Group(_Whole, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises UsageError that suggests the nearest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = nearest(name, self.list_commands(ctx))
            ctx.fail(f"no such command: {name}{near}")
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group that imports the module of a command when it is asked for."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **given: Any) -> None:
        super().__init__(*args, **given)
        self.sections = sections
        self._modules = {name: home for each in sections.values() for name, home in each.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        module = import_module(f".{self._modules[cmd_name]}", __package__)
        name = cmd_name.replace("-", "_") + "_" * iskeyword(cmd_name)
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for."""
        widest = max(map(len, self._modules))
        for title, commands in self.sections.items():
            lines = []
            for name in commands:
                command = self.get_command(ctx, name)
                assert command is not None
                lines.append((f"{name:<{widest}}", command.get_short_help_str()))
            with formatter.section(title):
                formatter.write_dl(lines)


def _require_names(command: click.Command, given: Mapping[str, Any]) -> None:
    """Refuse an empty name, as of a variable that a script forgot to set."""
    for parameter in command.params:
        is_argument = isinstance(parameter, click.Argument) and parameter.required
        if (is_argument or parameter.name in _NAMES) and given.get(parameter.name or "") == "":
            raise InvalidValue(parameter.name, "is empty")


def _require_order(given: Mapping[str, Any]) -> None:
    """Refuse a window that ends before it begins, in all commands alike."""
    since, until = given.get("since"), given.get("until")
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must lie before --until")


def _log_statements() -> None:
    """Log statements to the screen when MLOPS_SQL_ECHO asks."""
    if ledger.Settings.from_environment().sql_echo:
        logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
        logging.getLogger("mlops_ledger.sql").setLevel(logging.DEBUG)


def _explain_unknown() -> None:
    """Raise NotFound that says more, when the command names something unknown."""
    try:
        require_known()
    except NotFound as error:
        raise error from None
    except LedgerError:
        return


def _with_options(command: click.Command, message: str) -> str:
    """Name an option or argument as it is typed, where a message names its field."""
    for parameter in command.params:
        if "_" in (parameter.name or ""):
            message = re.sub(rf"(?<!^)\b{parameter.name}\b", _typed(parameter), message)
    match = _FIELD.match(message)
    if match is None:
        return message
    field, path = match[1], match[2].lstrip(".")
    names = {field, _ALIASES.get(field, field), "by" if field.endswith("_by") else field}
    for parameter in command.params:
        if parameter.name in names:
            rest = message[match.end() :]
            return f"{_typed(parameter)}: {path + ' ' if path else ''}{rest}"
    return message


def _typed(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name.upper()
    return max(parameter.opts, key=len)
