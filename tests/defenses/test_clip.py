"""The norm of the whole gradient is bounded, and nothing else changes."""

import numpy as np
import pytest
import torch
from defenses.trees import protected, tree

from bench.defenses.clip import Clip, clipped, norm


def test_the_norm_is_that_of_all_entries_and_directions_stay():
    whole = np.concatenate([value.numpy().ravel() for value in tree().values()])
    assert float(norm(tree())) == pytest.approx(np.linalg.norm(whole.astype(np.float64)), rel=1e-5)
    short = clipped(tree(), 2.0)
    assert float(norm(short)) == pytest.approx(2.0, rel=1e-5)
    for name, value in tree().items():
        torch.testing.assert_close(short[name] / value, (2.0 / norm(tree())).expand(value.shape), rtol=1e-4, atol=0)


def test_what_is_within_the_bound_stays_as_it_is():
    for name, value in protected(Clip(1e6), tree())[0].items():
        assert torch.equal(value, tree()[name])
    assert all(torch.equal(value, 0 * value) for value in protected(Clip(1.0), {"w": torch.zeros(4)})[0].values())


def test_a_bound_of_zero_is_refused():
    with pytest.raises(ValueError, match="norm=0"):
        Clip(0.0)
