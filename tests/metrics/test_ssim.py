"""SSIM against scikit-image, which shares neither the code nor the way the border is left out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity as oracle

from bench.errors import UserError
from bench.metrics.ssim import StructuralSimilarity, structural_similarity

WANG = {"sigma": 1.5, "truncate": 3.5, "k1": 0.01, "k2": 0.03}


def theirs(guess, truth, sigma=1.5):
    return oracle(
        truth.double().numpy(), guess.double().numpy(), gaussian_weights=True, sigma=sigma,
        use_sample_covariance=False, data_range=1, channel_axis=0,
    )  # fmt: skip


def test_equals_scikit_image(cases):
    for name, (guess, truth) in cases.items():
        ours = structural_similarity(guess, truth, **WANG)
        for v in range(4):
            for b in range(5):
                assert ours[v, b].item() == pytest.approx(theirs(guess[v, b], truth[v, b]), abs=1e-9), name


@pytest.mark.parametrize(("height", "width"), [(11, 11), (11, 30), (64, 17), (224, 224)])
def test_equals_scikit_image_at_other_sizes(images, height, width, noisy):
    truth = images["large"][:2, :, :height, :width].unsqueeze(0)
    guess = noisy(truth, 0.1)
    ours = structural_similarity(guess, truth, **WANG)
    for b in range(2):
        assert ours[0, b].item() == pytest.approx(theirs(guess[0, b], truth[0, b]), abs=1e-9)


def test_equals_scikit_image_with_another_window(images, noisy):
    truth = images["cifar10"][:3].unsqueeze(0)
    guess = noisy(truth, 0.1)
    ours = structural_similarity(guess, truth, **(WANG | {"sigma": 0.8}))
    assert ours[0, 0].item() == pytest.approx(theirs(guess[0, 0], truth[0, 0], sigma=0.8), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), low=st.floats(0, 1), high=st.floats(0, 1))
def test_bounds_symmetry_and_identity(images, seed, low, high):
    generator = torch.Generator().manual_seed(seed)
    guess = low + (high - low) * torch.rand(1, 2, 1, 16, 16, generator=generator)
    truth = images["mnist"][seed % 18 : seed % 18 + 2, :, 6:22, 6:22].unsqueeze(0)
    there, back = structural_similarity(guess, truth, **WANG), structural_similarity(truth, guess, **WANG)
    assert torch.allclose(there, back, atol=1e-12)
    assert (there.abs() <= 1 + 1e-12).all()
    assert torch.allclose(structural_similarity(guess, guess, **WANG), torch.ones(1, 2).double(), atol=1e-12)


def test_more_noise_scores_worse(images, noisy):
    truth = images["cifar10"].unsqueeze(0)
    scores = torch.cat([structural_similarity(noisy(truth, s), truth, **WANG) for s in (0.02, 0.1, 0.4)])
    assert (scores.diff(dim=0) < 0).all()


def test_images_smaller_than_the_window_have_no_score():
    metric = StructuralSimilarity(**WANG)
    assert metric.reason((3, 11, 11)) is None
    assert metric.reason((1, 28, 10)) == "needs images of at least 11x11 pixels; these are 28x10"


@pytest.mark.parametrize("name", list(WANG))
def test_arguments_must_be_positive(name):
    with pytest.raises(UserError, match=rf"metric\.ssim\.{name}=-1: must be a positive number"):
        StructuralSimilarity(**(WANG | {name: -1}))
