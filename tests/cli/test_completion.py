"""What a shell offers when Tab is pressed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from mlops_ledger import Database, ModelVersionRepository
from mlops_ledger.cli import main


def offered(*words: str) -> list[str]:
    *before, last = words
    shell = ShellComplete(main, {}, "mlops-ledger", "_C")
    return [item.value for item in shell.get_completions(before, last)]


@pytest.fixture
def churn(run, ledger: Database) -> None:
    models = ModelVersionRepository(ledger)
    models.insert(model_name="churn", model_version="2026-01")
    models.promote(model_name="churn", model_version="2026-01", slot="shadow")


def test_names_versions_and_slots_of_the_model_typed_are_offered(churn) -> None:
    assert offered("models", "show", "ch") == ["churn"]
    assert offered("models", "list", "--model", "c") == ["churn"]
    assert offered("models", "show", "churn", "") == ["2026-01"]
    assert offered("models", "rollback", "churn", "--slot", "s") == ["shadow"]
    assert offered("models", "at", "churn", "--slot", "") == ["shadow"]
    assert offered("models", "at", "--slot", "shadow", "c") == ["churn"]
    assert offered("predictions", "list", "--model", "churn", "--version", "2") == ["2026-01"]
    assert offered("metrics", "log", "churn", "rmse", "1", "--version", "2") == ["2026-01"]
    for option in ("--version", "--against"):
        assert offered("labels", "compare", "churn", option, "2") == ["2026-01"]
    assert offered("models", "at", "unknown", "--slot", "") == []


def test_tab_makes_and_starts_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MLOPS_LEDGER_HOME", str(tmp_path / "home"))
    assert offered("models", "show", "") == []
    assert list(tmp_path.iterdir()) == []
