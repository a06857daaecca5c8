"""Paired differences: on the same victims only, with the scale of each metric, against values computed by hand."""

from pathlib import Path

import numpy as np
import pytest
from metric_facts import metric_columns
from paper_cells import add_cell

from bench.results import query
from bench.results.columns import columns
from bench.results.intervals import RATE
from bench.results.paired import sign_flip
from bench.results.store import Store
from bench.results.stored_leak import LABELS, StoredLeak
from bench.results.summary import summary
from bench.results.victim_values import other_victims, paired_difference, same_samples, victim_values


def test_values_of_each_kind_of_metric(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3, 1e-1, 0.5, None], batch=2, failed=[1])
    rows = query.rows(cell)
    assert victim_values(cell, rows, "mse") == pytest.approx({0: -2.0, 1: np.log10(0.5)})
    assert victim_values(cell, rows, "success_1e-2") == {0: 0.5, 1: 0.0}
    assert victim_values(cell, rows, "label_accuracy") == {0: 0.5, 1: 0.5}
    assert victim_values(cell, rows, "label_overlap") == {0: 0.5, 1: 0.5}
    assert victim_values(cell, rows, "evaluations_per_victim") == {0: 100, 1: 101}
    assert victim_values(cell, rows, "psnr")[0] == pytest.approx(20.0)


def test_a_failed_victim_is_no_success_whatever_it_left(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-5, 1e-5], failed=[1])
    assert victim_values(cell, query.rows(cell), "success_1e-2") == {0: 1.0, 1: 0.0}


@pytest.mark.parametrize("status", ["budget", "diverged"])
def test_a_rate_whose_metric_was_not_computed_is_unknown_and_not_zero(status: str, tmp_path: Path) -> None:
    facts = {"labels": dict.fromkeys(LABELS, "x"), "metrics": metric_columns()}
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, facts)
    samples = [{"victim": v, "position": 0, "sample": v, "label": 1, "label_guess": 1, "psnr": 20.0} for v in (0, 1)]
    cell.append([{"victim": v, "status": status, "batch_size": 1} for v in (0, 1)], samples)
    told = summary(cell)["success_rate"]["1e-2"]
    assert (told is None) == (status == "budget")  # victims that all failed are no successes, whatever was computed
    expected = np.nan if told is None else told["mean"]
    found = victim_values(cell, query.rows(cell), "success_1e-2")
    assert list(found.values()) == pytest.approx([expected, expected], nan_ok=True)


def test_the_rate_of_a_metric_of_sentences_is_unknown_too(tmp_path: Path) -> None:
    facts = {"data": {"modality": "sentences"}, "labels": dict.fromkeys(LABELS, "x"), "metrics": metric_columns("text")}
    cell = Store(tmp_path).cell(StoredLeak, "tag", "0" * 16, facts)
    sample = {"victim": 0, "position": 0, "sample": 0, "label": 1, "label_guess": 1}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [sample])
    assert columns(facts)["exact_match"].estimand == RATE and summary(cell)["exact_match"] is None
    assert np.isnan(victim_values(cell, query.rows(cell), "exact_match")[0])


def test_a_label_without_a_reconstruction_is_no_claim(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, {"labels": dict.fromkeys(LABELS, "x")})
    labels = {(0, 0): (1, 2, 0.0), (0, 1): (2, 2, 1.0), (1, 0): (3, 3, None), (1, 1): (4, -1, 0.0)}
    samples = [
        {"victim": v, "position": p, "sample": p, "label": label, "label_guess": guess, "label_accuracy": scored}
        for (v, p), (label, guess, scored) in labels.items()
    ]
    cell.append([{"victim": v, "status": "budget", "batch_size": 2} for v in (0, 1)], samples)
    rows = query.rows(cell)
    assert victim_values(cell, rows, "label_overlap") == {0: 0.5, 1: 0.0}
    found = summary(cell)["label_overlap"]
    assert found is not None and found["mean"] == 0.25


def test_the_difference_of_means_and_its_test() -> None:
    first, second = {0: 3.0, 1: 5.0, 2: 9.0, 3: np.nan}, {0: 1.0, 1: 2.0, 2: 3.0, 3: 1.0, 7: 1.0}
    found = paired_difference(first, second)
    assert found is not None
    assert (found.difference, found.n, found.unpaired) == (pytest.approx(11 / 3), 3, 1)
    assert found.p == sign_flip([2, 3, 6]) == 0.25
    half = 4.302653 * np.std([2, 3, 6], ddof=1) / np.sqrt(3)
    assert (found.low, found.high) == (pytest.approx(11 / 3 - half, rel=1e-5), pytest.approx(11 / 3 + half, rel=1e-5))


def test_of_squared_errors_it_is_the_ratio_of_geometric_means() -> None:
    found = paired_difference({0: -2.0, 1: -4.0}, {0: -1.0, 1: -1.0}, ratio=True)
    assert found is not None
    assert (found.first, found.second, found.difference) == pytest.approx((1e-3, 1e-1, 1e-2))
    assert found.low is not None and found.low < 1e-2


def test_one_pair_has_no_interval_and_none_no_difference() -> None:
    found = paired_difference({0: 2.0}, {0: 1.0})
    assert found is not None and (found.low, found.p) == (None, 1.0)
    assert paired_difference({0: 2.0}, {1: 1.0}) is None


def test_other_victims_are_told_in_words(tmp_path: Path) -> None:
    one = add_cell(tmp_path, "dlg", [0.1, 0.2])
    assert other_victims(one, add_cell(tmp_path, "idlg", [0.1, 0.2, 0.3])) is None
    assert other_victims(one, add_cell(tmp_path, "dlg", [0.1], seed=4)) == "data.seed is 0 in one and 4 in the other"
    other = add_cell(tmp_path, "dlg", [0.1], data="lfw")
    assert other_victims(one, other) == "one attacks samples-mnist and the other lfw"
    contents = add_cell(tmp_path, "dlg", [0.1], contents={"data": "ff"})
    assert "were others" in str(other_victims(one, contents))


def test_victims_with_other_samples_are_not_the_same(tmp_path: Path) -> None:
    one = query.rows(add_cell(tmp_path, "dlg", [0.1, 0.2]))
    other = query.rows(add_cell(tmp_path, "idlg", [0.1, 0.2], seed=1))
    assert same_samples(one, one) == {0, 1}
    assert same_samples(one, other) == set()
