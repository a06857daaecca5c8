"""Total variation against loops over pixels, and what it says of images that are known."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.priors.total_variation import TotalVariation, total_variation


def by_hand(images: torch.Tensor) -> list[float]:
    """One pixel after another."""
    found = []
    for batch in images:
        along: list[float] = []
        down: list[float] = []
        for image in batch:
            for channel in image.tolist():
                for row in channel:
                    along += [abs(b - a) for a, b in pairwise(row)]
                for upper, lower in pairwise(channel):
                    down += [abs(b - a) for a, b in zip(upper, lower)]
        found.append(sum(sum(way) / len(way) for way in (along, down) if way))
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.tuples(*[st.integers(1, 3)] * 3, *[st.integers(1, 6)] * 2))
def test_it_is_the_mean_step_along_rows_plus_that_along_columns(seed, shape) -> None:
    images = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert total_variation(images).tolist() == pytest.approx(by_hand(images), rel=1e-12, abs=1e-15)


def test_flat_ramp_and_checkerboard() -> None:
    """0 for a flat image, the step of a ramp, and 2 for a checkerboard of 0 and 1, the most there is."""
    flat = torch.full((8, 8), 0.3)
    ramp = torch.linspace(0, 1, 8).expand(8, 8)
    board = (torch.arange(8).view(-1, 1) + torch.arange(8)) % 2
    images = torch.stack([flat, ramp, board.float()]).view(3, 1, 1, 8, 8)
    torch.testing.assert_close(total_variation(images), torch.tensor([0.0, 1 / 7, 2.0]))


def test_the_weight_is_a_factor_and_noise_is_less_likely_than_a_photograph(parties) -> None:
    built = parties("attack=idlg")
    real = built.data.deal(range(4)).inputs
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0))
    prior = TotalVariation(0.5)
    assert (prior(real) < prior(noise)).all()
    assert torch.equal(prior(real), 0.5 * total_variation(real))
    with pytest.raises(ValueError, match="weight=-1"):
        TotalVariation(-1.0)
