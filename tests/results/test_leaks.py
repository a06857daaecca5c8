"""The score of a leak: decibels between two bounds, and failures that leak nothing."""

import numpy as np
import pytest

from bench.results import query
from bench.results.leaks import errors, leak, per_victim, scale_of, values
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
    assert np.isnan(errors(query.rows(cell))[0])


def test_a_leak_is_unknown_if_its_metric_was_not_computed(tmp_path):
    """It must not count as no leak at all: the PSNR alone says nothing of the clipped MSE."""
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, {"labels": LABELS})
    samples = [{"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "psnr": 60.0}]
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], samples)
    assert leak(cell, {}) is None
    empty = Store(tmp_path).cell(StoredLeak, "dlg", "1" * 16, {"labels": LABELS})
    empty.append([{"victim": 0, "status": "error", "batch_size": 1}], [])
    assert leak(empty, {}).mean == 0.0  # a failed victim leaks nothing, whatever was measured


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


def test_values_of_batches_of_several_sizes_go_to_their_victims(tmp_path):
    """Whatever the order of the parts, a lost sample or a failed victim: the same as sample by sample."""
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, {"labels": LABELS})
    rng = np.random.default_rng(4)
    want: dict[int, list[float | None]] = {}
    for ids in ((7, 2), (0, 9, 4), (5,)):
        sizes = {victim: int(rng.integers(1, 12)) for victim in ids}
        places = [(victim, at) for victim in ids for at in range(sizes[victim]) if rng.uniform() < 0.8]
        scores = {place: float(rng.uniform()) if rng.uniform() < 0.8 else None for place in places}
        want |= {victim: [scores.get((victim, at)) for at in range(sizes[victim])] for victim in ids}
        cell.append(
            [{"victim": v, "status": "error" if v == 4 else "budget", "batch_size": sizes[v]} for v in ids],
            [
                {"victim": v, "position": at, "sample": at, "label": 0, "label_guess": 0, "mse": scores[v, at]}
                for v, at in places
            ],
        )
    rows = query.rows(cell)
    for failed in (True, False):
        found = values(rows, "mse", failed)
        assert set(found) == set(want)
        for victim, known in want.items():
            kept = [np.nan if each is None or (victim == 4 and not failed) else each for each in known]
            np.testing.assert_array_equal(found[victim], kept)
    means = per_victim(values(rows, "mse", True), lambda own: np.nan_to_num(own).sum(1))
    for victim, known in want.items():
        assert means[victim] == pytest.approx(sum(each or 0.0 for each in known), rel=1e-12)
