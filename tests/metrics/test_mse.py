"""MSE against scikit-image, and what clipping and diverged runs do to it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error as oracle

from bench.errors import UserError
from bench.metrics.base import Batch
from bench.metrics.mse import MeanSquaredError, mean_squared_error


def test_equals_scikit_image(cases):
    for name, (guess, truth) in cases.items():
        ours = mean_squared_error(guess, truth)
        for v in range(4):
            for b in range(5):
                theirs = oracle(truth[v, b].double().numpy(), guess[v, b].double().numpy())
                assert math.isclose(ours[v, b].item(), theirs, rel_tol=1e-12), name


def test_clipped_and_raw_differ_where_pixels_leave_the_range():
    truth = Batch.clipped(torch.ones(1, 1, 1, 2, 2), torch.zeros(1, 1, dtype=torch.int64))
    guess = Batch.clipped(torch.tensor([3.0, 1.0, 1.0, -1.0]).view(1, 1, 1, 2, 2), truth.labels)
    assert MeanSquaredError(clip=True).score(guess, truth).item() == 0.25
    assert MeanSquaredError(clip=False).score(guess, truth).item() == 2.0


def test_a_diverged_iterate_has_a_raw_score_that_float32_could_not_hold():
    labels = torch.zeros(1, 1, dtype=torch.int64)
    guess, truth = (Batch.clipped(torch.full((1, 1, 1, 2, 2), x), labels) for x in (1e30, 0.0))
    assert MeanSquaredError(clip=False).score(guess, truth).item() == pytest.approx(1e60)
    assert MeanSquaredError(clip=True).score(guess, truth).item() == 1.0


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_raw_is_undefined_where_a_pixel_is_not_finite(broken):
    labels = torch.zeros(1, 2, dtype=torch.int64)
    raw = torch.zeros(1, 2, 1, 2, 2)
    raw[0, 1, 0, 0, 0] = broken
    truth = Batch.clipped(torch.zeros_like(raw), labels)
    scores = MeanSquaredError(clip=False).score(Batch.clipped(raw, labels), truth)
    assert scores[0, 0] == 0 and scores[0, 1].isnan()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), near=st.floats(0, 2), further=st.floats(1e-3, 2))
def test_further_along_the_same_noise_is_never_better(images, seed, near, further):
    truth = images["cifar10"][seed % 20].view(1, 1, 3, 32, 32)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed))
    close, far = (mean_squared_error((truth + s * noise).clamp(0, 1), truth) for s in (near, near + further))
    assert 0 <= close <= far <= 1


def test_clip_must_be_a_boolean():
    with pytest.raises(UserError, match=r"metric\.mse\.clip=maybe"):
        MeanSquaredError(clip="maybe")
