"""PSNR against scikit-image, its cap, and its order."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio as oracle

from bench.errors import UserError
from bench.metrics.base import Batch
from bench.metrics.psnr import PeakSignalToNoiseRatio, peak_signal_to_noise_ratio


def test_equals_scikit_image(cases):
    for name, (guess, truth) in cases.items():
        ours = peak_signal_to_noise_ratio(guess, truth, cap=100.0)
        for v in range(4):
            for b in range(5):
                pair = truth[v, b].double().numpy(), guess[v, b].double().numpy()
                assert ours[v, b].item() == pytest.approx(oracle(*pair, data_range=1), rel=1e-10), name


def test_one_exact_image_does_not_make_the_mean_infinite(images):
    truth = images["cifar10"][:2].unsqueeze(0)
    guess = truth.clone()
    guess[0, 1] = (guess[0, 1] + 0.1).clamp(0, 1)
    labels = torch.zeros(1, 2, dtype=torch.int64)
    metric = PeakSignalToNoiseRatio(cap=60.0)
    metric.update(Batch.clipped(guess, labels), Batch.clipped(truth, labels))
    other = oracle(truth[0, 1].double().numpy(), guess[0, 1].double().numpy(), data_range=1)
    assert metric.compute().item() == pytest.approx((60.0 + other) / 2)


def test_the_cap_holds_for_nearly_exact_images_too():
    x = torch.zeros(1, 1, 1, 4, 4)
    assert peak_signal_to_noise_ratio(x + 1e-7, x, cap=100.0).item() == 100.0
    assert peak_signal_to_noise_ratio(x + 1e-4, x, cap=100.0).item() == pytest.approx(80.0)


def test_pixels_outside_the_range_are_clipped_first():
    labels = torch.zeros(1, 1, dtype=torch.int64)
    guess, truth = (Batch.clipped(torch.full((1, 1, 1, 4, 4), x), labels) for x in (7.0, 1.0))
    assert PeakSignalToNoiseRatio(cap=100.0).score(guess, truth).item() == 100.0


@pytest.mark.parametrize("cap", [0.0, -1.0, float("inf"), float("nan"), "high", True])
def test_a_cap_that_is_not_a_positive_number_is_refused(cap):
    with pytest.raises(UserError, match=r"metric\.psnr\.cap"):
        PeakSignalToNoiseRatio(cap=cap)
