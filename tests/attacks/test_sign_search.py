"""Signs that InstaHide flipped: found on smooth images, and by brute force on small grids."""

from itertools import product

import pytest
import torch
from torch import Tensor

from bench.attacks.sign_search import SignSearch, mixing_matrix, most_likely
from bench.defenses.example_form import ExampleForm
from bench.defenses.instahide import InstaHide

SHARE, PARTNER = torch.tensor([0.62, 0.55], dtype=torch.float64), torch.tensor([1, 0])


def search(**changed: float) -> SignSearch:
    return SignSearch(**{"error": 5e-3, "smooth": 30.0, "dark": 0.5, "ridge": 0.0, "rounds": 20, **changed})  # type: ignore[arg-type]


def smooth_images(bright: float = 0.4) -> Tensor:
    """Two dark images of 2x12x12 with a bump each, in [0, 1]."""
    place = torch.linspace(-1, 1, 12, dtype=torch.float64)
    bumps = [torch.exp(-4 * ((place[:, None] - y) ** 2 + (place - x) ** 2)) for y, x in ((-0.3, -0.2), (0.4, 0.3))]
    return torch.stack([0.05 + torch.stack([bright * bump, 0.3 * bump]) for bump in bumps])


def encoded(images: Tensor, seed: int = 0) -> Tensor:
    """What the defence makes of them, in [0, 1]."""
    form = ExampleForm(tuple(images.shape[1:]), 10, by_token=False, refusal=None, soft=True)
    flipped = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    drawn = torch.stack([SHARE, 1 - SHARE], 1), torch.stack([torch.arange(2), PARTNER], 1), flipped
    return InstaHide(2, 0.65, 0).change_examples(images, images.new_zeros(2, 10), drawn, form)[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_smooth_images_come_back_exactly(seed: int) -> None:
    """The condition number of the shares is 6, so only rounding is left."""
    images = smooth_images()
    given = 2 * encoded(images, seed) - 1
    found, flipped = search()(given, mixing_matrix(SHARE, PARTNER))
    torch.testing.assert_close(found, 2 * images - 1, rtol=0, atol=1e-8)
    mixed = torch.einsum("ij,jchw->ichw", mixing_matrix(SHARE, PARTNER), found)
    torch.testing.assert_close(torch.where(flipped, -mixed, mixed), given, rtol=0, atol=1e-8)


def test_where_a_mixture_is_near_zero_a_sign_may_be_wrong() -> None:
    """Where a mixture crosses zero, its sign makes little difference to neighbours; seen: 4 of 576 pixels."""
    images = smooth_images(0.8)
    found, _ = search()(2 * encoded(images) - 1, mixing_matrix(SHARE, PARTNER))
    error = (found - (2 * images - 1)).abs()
    assert (error > 1e-8).double().mean() < 0.02 and error.max() < 0.3


def test_bright_images_come_back_as_negatives_unless_they_are_said_to_be_bright() -> None:
    images = smooth_images()
    given, mixing = 2 * encoded(1 - images) - 1, mixing_matrix(SHARE, PARTNER)
    torch.testing.assert_close(search()(given, mixing)[0], 2 * images - 1, rtol=0, atol=1e-8)
    torch.testing.assert_close(search(dark=-0.5)(given, mixing)[0], 1 - 2 * images, rtol=0, atol=1e-8)


def test_the_matrix_mixes_as_the_defence_does() -> None:
    images, share = smooth_images(), mixing_matrix(SHARE, PARTNER)
    form = ExampleForm((2, 12, 12), 10, by_token=False, refusal=None, soft=True)
    kept = torch.zeros(images.shape, dtype=torch.bool)
    drawn = torch.stack([SHARE, 1 - SHARE], 1), torch.stack([torch.arange(2), PARTNER], 1), kept
    mixed, _ = InstaHide(2, 0.65, 0).change_examples(images, images.new_zeros(2, 10), drawn, form)
    torch.testing.assert_close(torch.einsum("ij,jchw->ichw", share, images), mixed)


def test_on_a_path_the_cost_is_the_lowest_of_all_labels() -> None:
    """Belief propagation is exact on a grid of one row: brute force over 3^6 labels."""
    generator = torch.Generator().manual_seed(3)
    cost, values = (torch.rand(*shape, generator=generator) for shape in ((3, 1, 6), (3, 2, 1, 6)))
    places = torch.arange(6)

    def total(labels: Tensor) -> float:
        chosen = values[labels, :, 0, places]
        return float(cost[labels, 0, places].sum() + (chosen[1:] - chosen[:-1]).abs().sum())

    best = min(product(range(3), repeat=6), key=lambda labels: total(torch.tensor(labels)))
    assert most_likely(cost, values, 1)[0].tolist() == list(best)
    # a column is a row on its side
    assert most_likely(cost.mT, values.mT, 1)[:, 0].tolist() == list(best)


@pytest.mark.parametrize("wrong", [{"error": 0.0}, {"smooth": 0.0}, {"ridge": -1.0}, {"rounds": 0}])
def test_a_number_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        search(**wrong)
