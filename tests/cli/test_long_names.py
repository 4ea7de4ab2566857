"""What a message repeats, it repeats at no length."""

from __future__ import annotations

import pytest

from mlops_ledger import (
    Database,
    InvalidValue,
    LedgerError,
    ModelsRepository,
    ModelVersionRepository,
    NotFound,
)
from mlops_ledger.errors import brief

LONG = "n" * 5000
WORDS = "nn " * 2000


@pytest.mark.parametrize("name", [LONG, WORDS], ids=["one word", "words"])
@pytest.mark.parametrize(
    "command",
    [
        "NAME",
        "models NAME",
        "models show NAME",
        "models show m NAME",
        "models promote m NAME --by ann --reason r",
        "models at m NAME",
        "monitors add --defaults NAME",
        "metrics list --model NAME",
        "predictions list --limit NAME",
        "docs NAME",
        "alerts show NAME",
    ],
)
def test_a_long_name_is_cut_with_a_mark(run, ledger, command: str, name: str) -> None:
    result = run(*[name if word == "NAME" else word for word in command.split()])
    assert result.exit_code == 2
    assert "…" in result.stderr or "nn" not in result.stderr
    assert len(result.stderr) < (500 if name == LONG else 2200), result.stderr


def test_so_it_is_in_python(ledger: Database) -> None:
    with pytest.raises(NotFound) as unknown:
        ModelsRepository(ledger).set_tags(model_name=LONG, tags={})
    with pytest.raises(LedgerError) as refused:
        ModelVersionRepository(ledger).insert(model_name="m", feature_names={LONG: 1})  # type: ignore[arg-type]
    for raised in (unknown, refused):
        assert len(str(raised.value)) < 400
    error = InvalidValue("columns." + LONG, "is no " + LONG)
    assert (len(error.field), len(error.problem)) == (101, 107)


@pytest.mark.parametrize(
    ("message", "cut"),
    [
        ("x" * 600, "x" * 100 + "…"),
        ("x" * 599, "x" * 599),
        (f"no model {LONG}; did you mean m?", f"no model {'n' * 100}…; did you mean m?"),
        (f"{LONG}\n{LONG}", f"{'n' * 100}…\n{'n' * 100}…"),
        ("ab " * 700 + "do this", "ab " * 500 + "…" + " " + "ab " * 164 + "do this"),
        ("ab " * 500 + "then do this", "ab " * 500 + "then do this"),
    ],
)
def test_what_is_cut_keeps_its_end(message: str, cut: str) -> None:
    assert brief(message) == cut
