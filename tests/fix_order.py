"""Which tests run on one server only, and which files start first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

# Folders whose tests do not depend on the version of the server.
_ONCE = frozenset(
    {"acceptance", "checks", "cli", "contrib", "copying", "embedded", "exporter", "logger", "ui"}
)
# What the other files say of all their tests.
_WHOLLY_ONCE = "\npytestmark = pytest.mark.once\n"
# Those that take longest, by what they compute or by waiting, so that none of them is left to one
# worker at the end.
_LONGEST = (
    "test_frozen_commands.py",
    "test_flight_delays.py",
    "test_docs.py",
    "test_browser.py",
    "test_torture_shutdown.py",
    "test_torture_kills.py",
    "test_server.py",
    "test_frozen.py",
    "test_streams.py",
    "test_hostile_calls.py",
    "test_verify.py",
    "test_slices.py",
    "test_hostile_values.py",
    "test_terminal.py",
    "test_outcome_summaries.py",
    "test_tampering.py",
    "test_backup.py",
    "test_partitions.py",
    "test_sentiment_service.py",
    "test_ambiguous.py",
    "test_extras.py",
    "test_fastapi.py",
    "test_session_settings.py",
    "test_round_trip.py",
    "test_predictions.py",
    "test_codings.py",
    "test_performance_source.py",
    "test_races.py",
    "test_mistakes.py",
    "test_exporter.py",
    "test_logger.py",
    "test_cli.py",
    "test_places.py",
    "test_process.py",
    "test_commands.py",
    "test_fork.py",
    "test_restart.py",
    "test_refusals.py",
    "test_disk_full.py",
    "test_flush.py",
    "test_lake.py",
    "test_unrecorded.py",
    "test_backfill_killed.py",
    "test_turns.py",
    "test_transfer.py",
    "test_locks.py",
    "test_metrics.py",
    "test_create.py",
    "test_baselines.py",
    "test_stale_answers.py",
    "test_prediction_columns.py",
    "test_indexes.py",
    "test_minimum_count.py",
    "test_pgbouncer.py",
    "test_mlflow.py",
    "test_history.py",
    "test_retention.py",
    "test_promotion_locks.py",
    "test_prediction_frames.py",
    "test_mlflow_stores.py",
    "test_mlflow_names.py",
    "test_costs.py",
    "test_comparison.py",
    "test_slice_sources.py",
    "test_summary_properties.py",
    "test_typing.py",
    "test_failover.py",
    "test_wheel.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave folders and files unread none of whose tests would run: they import what costs most."""
    if config.option.markexpr != "not once":
        return None
    if collection_path.parent == Path(__file__).parent and collection_path.name in _ONCE:
        return True
    is_test = collection_path.match("test_*.py")
    return True if is_test and _WHOLLY_ONCE in collection_path.read_text("utf-8") else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folders, and order the files: the longest, then those with the most tests."""
    sizes = Counter(item.path for item in items)
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    for item in items:
        if item.path.parent.name in _ONCE:
            item.add_marker(pytest.mark.once)
    items.sort(key=lambda item: (ranks.get(item.path.name, len(ranks)), -sizes[item.path]))
