"""The secrets of MLOPS_READ_URL are hidden as those of DATABASE_URL are."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.cli import main
from mlops_ledger.errors import ConfigError

pytestmark = pytest.mark.once

SECRET = "S3cretPw"
UNUSABLE = [
    {"password": SECRET},
    {"sslmode": SECRET},
    {"target_session_attrs": SECRET},
    {"options": f"-c nonsense.{SECRET}"},
    {"options": f"-c statement_timeout={SECRET}"},
    {"hostaddr": SECRET},
    {"passfile": f"/nowhere/{SECRET}", "password": SECRET},
    {"port": "1", "password": SECRET},
    {"dbname": "nowhere", "application_name": SECRET},
]


@pytest.mark.parametrize("changes", UNUSABLE, ids=range(len(UNUSABLE)))
def test_an_unusable_url_is_not_quoted(
    dsn: str,
    changes: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = make_conninfo(dsn, **changes)
    with Database(Settings(conninfo=dsn, read_url=url)) as db:
        with suppress(ConfigError):
            ModelVersionRepository(db).list_versions()
        replica = db.health().replica
        assert replica is not None
        assert replica.problem
        assert SECRET not in repr(replica) + repr(db) + repr(db.replica) + repr(db.settings)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("MLOPS_READ_URL", url)
    for command in (["models", "list"], ["health", "--json"], ["status"]):
        with suppress(SystemExit):
            main(command)
    output = capsys.readouterr()
    assert SECRET not in output.err + output.out + caplog.text
    assert not any(SECRET in str(vars(record)) for record in caplog.records)
