"""`mlops-ledger completion`: names and ids at the press of Tab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from ..files import written
from .base import COMPLETE, Command
from .options import json_option
from .output import echo_done, write

# Where each shell looks for completions by itself; zsh must be told.
_FILES: Final = {
    "bash": "~/.local/share/bash-completion/completions/mlops-ledger",
    "fish": "~/.config/fish/completions/mlops-ledger.fish",
    "zsh": "~/.zfunc/_mlops-ledger",
}
_ZSH: Final = "; put into ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(tuple(_FILES)), required=False)
@click.option("--print", "only_print", is_flag=True, help="Print it instead.")
@json_option
@click.pass_context
def completion(context: click.Context, shell: str | None, only_print: bool, as_json: bool) -> None:
    """Install completion of commands, names and ids."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in _FILES:
        raise click.UsageError(f"give one of {', '.join(_FILES)}")
    made = get_completion_class(shell)
    assert made is not None
    script = made(context.find_root().command, {}, "mlops-ledger", COMPLETE).source()
    if only_print:
        write(script)
        return
    file = Path(_FILES[shell]).expanduser()
    with written(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script, encoding="utf-8")
    done = f"installed {file}{_ZSH if shell == 'zsh' else ''}; it works in new shells"
    echo_done({"shell": shell, "file": file}, done, as_json)
