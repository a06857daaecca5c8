"""DLG's distance, against a loop over victims and entries."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.objectives.squared_error import SquaredError, squared_error

SHAPES = {"conv": (2, 3, 2), "bias": (4,), "one": (1,)}


def gradients(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {name: torch.randn(3, *shape, generator=g, dtype=torch.float64) for name, shape in SHAPES.items()}


@given(st.integers(0, 100), st.floats(1e-3, 1e3))
def test_it_is_the_sum_of_squared_differences_of_each_victim(seed: int, scale: float) -> None:
    ours, theirs = gradients(seed), gradients(seed + 1)
    found = SquaredError(scale)(ours, theirs)
    for victim in range(3):
        pairs = zip(*(torch.cat([of[name][victim].flatten() for name in SHAPES]).tolist() for of in (ours, theirs)))
        assert float(found[victim]) == pytest.approx(scale * sum((a - b) ** 2 for a, b in pairs))


def test_only_what_was_shared_counts() -> None:
    ours, theirs = gradients(0), gradients(1)
    whole, part = squared_error(ours, theirs), squared_error(ours, {"bias": theirs["bias"]})
    torch.testing.assert_close(part, (ours["bias"] - theirs["bias"]).square().sum(1))
    assert (part < whole).all() and not squared_error(ours, ours).any()


def test_a_scale_is_positive() -> None:
    with pytest.raises(ValueError, match="scale=0: must be > 0"):
        SquaredError(0)
