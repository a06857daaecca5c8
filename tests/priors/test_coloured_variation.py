"""Total variation of luma and chroma against a plain loop over pixels."""

from itertools import pairwise
from math import sqrt

import pytest
import torch

from bench.priors.coloured_variation import ColouredVariation, coloured_variation
from bench.priors.total_variation import total_variation


def by_hand(images: torch.Tensor, chroma: float) -> list[float]:
    """One pixel after another, with luma and chroma written out."""
    found = []
    for batch in images:
        along: list[float] = []
        down: list[float] = []
        for red, green, blue in batch:
            colours = (
                (red + green + blue) / sqrt(3),
                chroma * (red - blue) / sqrt(2),
                chroma * (red - 2 * green + blue) / sqrt(6),
            )
            for colour in colours:
                for row in colour.tolist():
                    along += [abs(b - a) for a, b in pairwise(row)]
                for upper, lower in pairwise(colour.tolist()):
                    down += [abs(b - a) for a, b in zip(upper, lower)]
        found.append(sqrt(3) * sum(sum(way) / len(way) for way in (along, down) if way))
    return found


@pytest.mark.parametrize("shape", [(2, 1, 3, 4, 5), (3, 2, 3, 1, 6), (1, 2, 3, 3, 1)])
@pytest.mark.parametrize("chroma", [0.0, 1.0, 3.0])
def test_it_is_the_variation_of_luma_and_of_weighed_chroma(shape, chroma: float) -> None:
    images = torch.rand(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert coloured_variation(images, chroma).tolist() == pytest.approx(by_hand(images, chroma), rel=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gray_image_has_the_total_variation_of_one_channel(channels: int) -> None:
    gray = torch.rand(2, 1, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = coloured_variation(gray.expand(2, 1, channels, 6, 6), 3.0)
    torch.testing.assert_close(found, total_variation(gray))


def test_the_weight_is_a_factor_and_none_is_negative() -> None:
    images = torch.rand(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    assert torch.equal(ColouredVariation(0.5, 2.0)(images), 0.5 * coloured_variation(images, 2.0))
    for weight, chroma in ((-1.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match=f"weight={weight}, chroma={chroma}: must be >= 0"):
            ColouredVariation(weight, chroma)
