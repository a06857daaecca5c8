"""Protects: the term on the positions is the angle of their gradient alone, beside the squared error of all."""

import pytest
import torch

from bench.objectives.position_term import PositionTerm


def test_the_distance_is_what_the_formula_says() -> None:
    ours = {"a": torch.tensor([[1.0, 2.0]]), "e": torch.tensor([[3.0, 0.0]])}
    theirs = {"a": torch.tensor([[1.0, 0.0]]), "e": torch.tensor([[0.0, 4.0]])}
    distance = PositionTerm(0.5, 10.0).at("e")
    torch.testing.assert_close(distance(ours, theirs), torch.tensor([10 * (4 + 25 + 0.5 * 1)]))
    torch.testing.assert_close(PositionTerm(0.5, 10.0)(ours, theirs), torch.tensor([290.0]))
    assert distance(theirs, theirs).item() == 0


def test_another_length_of_the_positions_gradient_changes_no_angle() -> None:
    ours, theirs = ({"e": torch.tensor([[1.0, 1.0]]) * length} for length in (1, 3))
    torch.testing.assert_close(PositionTerm(7.0, 1.0).at("e")(ours, theirs), torch.tensor([8.0]))


@pytest.mark.parametrize(("weight", "scale"), [(-1.0, 1.0), (1.0, 0.0)])
def test_numbers_out_of_range_are_refused(weight, scale) -> None:
    with pytest.raises(ValueError, match="must be"):
        PositionTerm(weight, scale)
