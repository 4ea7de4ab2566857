"""What a user may not read is left out, and what is left is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fix_roles import Users

from mlops_ledger.cli import main


@pytest.mark.parametrize("kind", ["reader", "auditor"])
def test_predictions_are_listed_and_shown_as_far_as_a_user_may_read(
    users: Users, kind: str, tmp_path: Path
) -> None:
    run = CliRunner(env={"DATABASE_URL": users.dsn_of(kind)})
    listed = run.invoke(main, ["predictions", "list"])
    assert (listed.exit_code, listed.stderr) == (0, "")
    [found] = json.loads(run.invoke(main, ["predictions", "list", "--json"]).stdout)
    assert found["probability"] == 0.5
    shown = run.invoke(main, ["predictions", "show", found["id"]])
    assert shown.exit_code == 0
    assert "0.5" in shown.stdout
    for text in (json.dumps(found), shown.stdout):
        assert ("erin" in text, "10.0.0.1" in text) == ((kind == "auditor"),) * 2
    assert ("may not read all of them" in shown.stderr) == (kind == "reader")
    exported = run.invoke(main, ["predictions", "export", str(tmp_path / "p.csv")])
    assert exported.exit_code == (2 if kind == "reader" else 0)
    assert ("may not read all columns" in exported.stderr) == (kind == "reader")
