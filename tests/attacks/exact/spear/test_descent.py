"""Descents on the sphere end near the directions of single examples."""

import torch
from layer_gradients import known, same_up_to_sign

from bench.attacks.exact.spear.descent import descend


def test_descents_from_the_rows_of_u_reach_every_direction() -> None:
    """In float32, within the width of the last smoothing; a random vector is no direction."""
    problem = known(6, width=200)
    left = problem.factors.left
    starts = left[:64] / left[:64].norm(dim=1, keepdim=True)
    ends = descend(left.float(), starts.float(), 150).double()
    torch.testing.assert_close(ends.norm(dim=1), torch.ones(64, dtype=torch.float64))
    assert same_up_to_sign(ends, problem.directions).max() < 1e-4
    assert same_up_to_sign(starts, problem.directions).max() > 1e-3
    # |U q|_1 is lower at each end than at its start
    assert ((ends @ left.mT).abs().sum(1) < (starts @ left.mT).abs().sum(1)).all()
