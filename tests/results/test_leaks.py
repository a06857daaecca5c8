"""The score of a leak: decibels between two bounds, and failures that leak nothing."""

import numpy as np
import pytest

from bench.results.leaks import errors, leak, scale_of
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

LABELS = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}


def test_victims_without_a_reconstruction_are_counted(tmp_path):
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, {"labels": LABELS})
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
    assert leak(Store(tmp_path).cell(StoredLeak, "dlg", "1" * 16, {"labels": LABELS}), {}) is None
    from bench.results import query

    assert np.isnan(errors(query.rows(cell))[0])


def test_what_is_measured_goes_with_the_kind_of_data(tmp_path):
    labels = {**LABELS, "attack": "dlg_text", "data": "cola"}
    cell = Store(tmp_path).cell(StoredLeak, "text", "0" * 16, {"labels": labels, "data": {"modality": "sentences"}})
    rows = [(0.9, 0.0), (1.0, 1.0), (None, None)]
    cell.append(
        [{"victim": v, "status": "budget", "batch_size": 1} for v in range(3)],
        [
            {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "rouge_1": r, "exact_match": e}
            for v, (r, e) in enumerate(rows)
        ],
    )
    found = leak(cell, {})
    assert scale_of(cell).name == "ROUGE-1" and found.score == pytest.approx([0.9, 1.0, 0.0])
    assert (found.success.mean, found.success.n) == (pytest.approx(1 / 3), 3)
    image = Store(tmp_path).cell(StoredLeak, "dlg", "1" * 16, {"labels": LABELS})
    assert scale_of(image).name == "PSNR"
