"""Settings that a program makes itself are checked as those of the environment are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

import mlops_ledger
from mlops_ledger import (
    ConfigError,
    Database,
    LedgerError,
    NotFound,
    PredictionLogger,
    Settings,
    errors,
)
from mlops_ledger.logger.inspect import inspect_spool

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "wrong",
    [
        {"pool_min_size": -1},
        {"pool_max_size": 0},
        {"pool_max_size": "10"},
        {"pool_max_size": 2.5},
        {"connect_timeout": 1},
        {"pool_timeout": 0},
        {"pool_timeout": None},
        {"statement_timeout": float("nan")},
        {"statement_timeout": float("inf")},
        {"statement_timeout": True},
        {"home": "/tmp"},
        {"spool_dir": "/tmp"},
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} must be"):
        Settings(**wrong)


def test_settings_at_their_limits_are_accepted() -> None:
    made = Settings(
        pool_min_size=0, pool_max_size=1, connect_timeout=2, pool_timeout=1, home=Path("/tmp")
    )
    assert made.spool == Path("/tmp/spool")


def test_the_package_exports_the_exceptions_to_act_on() -> None:
    assert issubclass(NotFound, LedgerError)
    direct = {
        kind.__name__ for kind in LedgerError.__subclasses__() if kind.__module__ == errors.__name__
    }
    assert direct <= set(mlops_ledger.__all__)


def test_a_connection_string_says_where_and_the_environment_all_else(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": "postgresql://elsewhere/other",
        "MLOPS_READ_URL": "postgresql://standby/other",
        "MLOPS_APPROVER_URL": "postgresql://elsewhere/other",
        "POSTGRES_PORT": "wrong",
        "MLOPS_LEDGER_HOME": str(tmp_path),
        "MLOPS_POOL_MAX_SIZE": "3",
    }
    made = Settings.of("postgresql://db/mine", environment)
    assert made.target == "db:5432/mine"
    assert (made.read_url, made.approver_url) == (None, None)
    assert (made.spool, made.pool_max_size) == (tmp_path / "spool", 3)


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_connection_string_beside_the_first_is_not_set(empty: str) -> None:
    made = Settings(conninfo="host=db", read_url=empty, approver_url=empty)
    assert (made.read_url, made.approver_url) == (None, None)
    assert (made.of_reads(), made.of_reviews()) == (None, None)


def test_commands_find_what_a_logger_of_a_connection_string_keeps(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, folder in (
        ("MLOPS_LEDGER_HOME", tmp_path / "home" / "spool"),
        ("MLOPS_SPOOL_DIR", tmp_path / "spool"),
    ):
        monkeypatch.setenv(variable, str(folder.parent if "HOME" in variable else folder))
        # Nothing listens there.
        away = make_conninfo(settings.conninfo or "", port=1)
        for given in (away, Database(away)):
            with PredictionLogger(given, model_name="m", model_version="1") as log:
                log(prediction=1.0)
        found = inspect_spool(Settings.from_environment().spool)
        assert sum(each.records for each in found) == 2
