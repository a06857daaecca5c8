"""The score of a leak: decibels between two bounds, and failures that leak nothing."""

import numpy as np
import pytest

from bench.results.leaks import errors, leak, scores
from bench.results.store import Store

LABELS = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}


def test_a_score_is_psnr_between_a_complete_leak_and_the_mean_image():
    found = {0: np.array([1e-3]), 1: np.array([1e-9]), 2: np.array([0.5]), 3: np.array([np.nan])}
    floor = {victim: np.array([0.1]) for victim in found}
    assert scores(found, floor) == pytest.approx([30.0, 40.0, 10.0, 10.0])
    assert scores(found, {}) == pytest.approx([30.0, 40.0, -10 * np.log10(0.5), 0.0])


def test_a_batch_is_averaged_image_by_image():
    assert scores({0: np.array([1e-2, 1e-4])}, {}) == pytest.approx([30.0])


def test_victims_without_a_reconstruction_are_counted(tmp_path):
    cell = Store(tmp_path).cell("dlg", "0" * 16, {"labels": LABELS})
    victims = [{"victim": v, "status": "budget" if v else "error", "batch_size": 1} for v in range(4)]
    samples = [
        {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "mse": mse}
        for v, mse in ((1, 1e-3), (2, 1e-2), (3, 0.2))
    ]
    cell.append(victims, samples)
    found = leak(cell, {})
    assert found.victims == (0, 1, 2, 3) and found.attack == "dlg"
    assert found.score == pytest.approx([0.0, 30.0, 20.0, -10 * np.log10(0.2)])
    assert found.success.mean == 0.5 and found.success.n == 4  # at the threshold counts
    assert leak(Store(tmp_path).cell("dlg", "1" * 16, {"labels": LABELS}), {}) is None
    from bench.results import query

    assert np.isnan(errors(query.rows(cell))[0])
