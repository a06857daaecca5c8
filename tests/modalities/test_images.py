"""The leakage of images: decibels between two bounds."""

import numpy as np
import pytest

from bench.modalities.images import MODALITY, decibels


def test_a_score_is_psnr_between_a_complete_leak_and_the_mean_image():
    found = {0: np.array([1e-3]), 1: np.array([1e-9]), 2: np.array([0.5]), 3: np.array([np.nan])}
    floor = {victim: np.array([0.1]) for victim in found}
    assert decibels(found, floor) == pytest.approx([30.0, 40.0, 10.0, 10.0])
    assert decibels(found, {}) == pytest.approx([30.0, 40.0, -10 * np.log10(0.5), 0.0])


def test_a_batch_is_averaged_image_by_image():
    assert decibels({0: np.array([1e-2, 1e-4])}, {}) == pytest.approx([30.0])


def test_an_image_without_a_reconstruction_is_no_success():
    assert MODALITY.scale.hit(np.array([1e-2, 0.011, np.nan])).tolist() == [True, False, False]


def test_the_first_bound_of_the_success_rates_is_that_of_a_leak():
    assert MODALITY.scale.hit(np.array(list(MODALITY.success.values()))).all()
