"""Images of any range, in the attacker's units and in the user's."""

import pytest
import torch

from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.images import Images


def images(**known) -> Images:
    return Images((2, 4, 4), Knowledge(**known))


@pytest.mark.parametrize(
    ("known", "black", "white"),
    [
        ({}, 0.0, 1.0),
        ({"range": (-1, 1)}, -1.0, 1.0),
        ({"mean": 0.5, "std": 0.25}, -2.0, 2.0),
        ({"range": (0, 255), "mean": 100.0, "std": 50.0}, -2.0, 3.1),
    ],
)
def test_the_ends_of_the_range_are_black_and_white(known: dict, black: float, white: float) -> None:
    pictures = torch.tensor([black, white]).view(2, 1, 1, 1).expand(2, 2, 4, 4)
    packed = images(**known).pack(pictures)
    assert torch.allclose(packed[0], torch.zeros(2, 4, 4), atol=1e-6)
    assert torch.allclose(packed[1], torch.ones(2, 4, 4), atol=1e-6)


def test_the_error_in_the_users_units_is_that_of_the_range() -> None:
    truth = torch.full((1, 2, 4, 4), 0.5)
    assert images().scores(truth + 0.1, truth) == {}
    assert float(images(range=(0, 255)).scores(truth + 0.1, truth)["rmse"]) == pytest.approx(25.5, rel=1e-5)


def test_the_best_colour_is_the_mean_of_each_channel() -> None:
    truth = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    best = images().controls(truth)["its best colour"]
    assert torch.allclose((best - truth).mean((2, 3)), torch.zeros(3, 2), atol=1e-6)
