"""The faults that `make mutants` seeds are in step with the code."""

from __future__ import annotations

import pytest

from tools.mutants import ROOT, Mutant, mutants

pytestmark = pytest.mark.once


@pytest.mark.parametrize("mutant", mutants(), ids=lambda each: f"{each.area}: {each.name}")
def test_a_fault_can_be_seeded(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text("utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert mutant.tests
    assert [
        each for each in mutant.tests if not (ROOT / "tests" / each.split("::")[0]).exists()
    ] == []
