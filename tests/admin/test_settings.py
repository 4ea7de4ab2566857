"""Settings that a program makes itself are checked as those of the environment are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlops_ledger
from mlops_ledger import ConfigError, LedgerError, NotFound, Settings, errors

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
