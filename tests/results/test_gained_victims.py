"""A cell gains the victims that it lacks and no other, and nothing is written before it is asked for."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.errors import UserError
from bench.results import query
from bench.results.gained_victims import gained_victims


def test_the_victims_that_are_lacking_come_over_with_their_scores(tmp_path: Path) -> None:
    own, other = add_cell(tmp_path / "a", "dlg", [1e-3]), add_cell(tmp_path / "b", "dlg", [1e-1, 1e-2])
    gain = gained_victims(own, other)
    assert gain.units == 1 and own.done() == {0}
    (note,) = gain.notes
    assert "scores of the same victims differ" in note and "those of the first stand" in note
    for write in gain.writes:
        write()
    samples = query.rows(own).samples
    assert dict(zip(samples["victim"].to_pylist(), samples["mse"].to_pylist())) == {0: 1e-3, 1: 1e-2}
    assert gained_victims(own, other).units == 0


def test_other_private_examples_are_a_contradiction(tmp_path: Path) -> None:
    own = add_cell(tmp_path / "a", "dlg", [1e-3])
    other = add_cell(tmp_path / "b", "dlg", [1e-3], seed=1)
    with pytest.raises(UserError, match="victim 0 holds other examples"):
        gained_victims(own, other)
