"""python -m benchmarks [PART …]: every benchmark, or some, each on a server of its own.

Prints the table of each part, then all numbers beside their goals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import click

from . import audit, calls, labels, logger, metrics, predictions, steady, summaries, windows
from .results import Result, echo_results

PARTS: dict[str, Callable[[], list[Result]]] = {
    "calls": calls.main,
    "predictions": predictions.main,
    "steady": steady.main,
    "labels": labels.main,
    "metrics": metrics.main,
    "logger": logger.main,
    "audit": audit.main,
    "windows": windows.main,
    "summaries": summaries.main,
}


def main() -> None:
    """Run the parts and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="of " + ", ".join(PARTS))
    results = []
    for name in parser.parse_args().part or PARTS:
        click.echo(f"\n== {name}")
        results += PARTS[name]()
    click.echo("\n== all")
    echo_results(results)


if __name__ == "__main__":
    main()
