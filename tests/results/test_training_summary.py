"""The document of a training: the accuracy with intervals that SciPy gives, and the cost, whatever runs are there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, sem, t

from bench.results.store import Store
from bench.results.stored_training import StoredTraining
from bench.results.training_summary import over_images, over_runs, summarise

LABELS = {"data": "mnist", "model": "lenet", "defense": "none", "training": "held_out"}
FACTS = {
    "labels": LABELS,
    "config": {"model": {}, "defense": {}, "training": {"lr": 0.1}, "seed": 0},
    "schedule": "SGD, lr 0.1",
}
ROW = {"run": 0, "status": "trained", "correct": 95, "tested": 100, "steps": 10, "seconds": 2.0, "bytes_per_step": 40}


def test_the_document_counts_and_averages(tmp_path):
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    cell.append(ROW)
    cell.append({**ROW, "run": 1, "correct": 85, "status": "diverged", "seconds": 4.0})
    document = summarise(cell)
    assert document["accuracy"]["mean"] == pytest.approx(0.9) and document["accuracy"]["n"] == 100
    assert (document["runs"], document["diverged"], document["steps"]) == (2, 1, 10)
    assert document["seconds_per_step"] == pytest.approx(0.3) and document["bytes_per_step"] == 40


def test_intervals_over_images_and_over_runs():
    interval = over_images([0.9, 1.0], 200)
    assert interval.mean == pytest.approx(0.95)
    assert (interval.low, interval.high) == pytest.approx(tuple(binomtest(190, 200).proportion_ci(0.95, "wilson")))
    found = over_runs([0.9, 0.92, 0.97])
    low, high = t.interval(0.95, 2, loc=0.93, scale=sem([0.9, 0.92, 0.97]))
    assert (found["low"], found["high"]) == pytest.approx((low, high)) and found["n"] == 3
    assert over_runs([0.9]) == {"low": None, "high": None, "n": 1}


def test_a_training_without_runs_has_no_figure_and_says_why(tmp_path):
    """A report prints the document of a failed training too, so every entry is there."""
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    cell.fail("error", "it broke")
    empty = summarise(cell)
    assert (empty["runs"], empty["accuracy"], empty["seconds_per_step"], empty["steps"]) == (0, None, None, None)
    assert empty["reasons"] == {"cell": "error: it broke"} and empty["over_runs"]["n"] == 0
    assert {name: empty[name] for name in LABELS} == LABELS and empty["schedule"] == "SGD, lr 0.1"
    cell.append({**ROW, "steps": 0, "seconds": 0.0})
    assert summarise(cell)["seconds_per_step"] is None  # and not a division by 0
    assert json.loads(json.dumps(summarise(cell))).keys() == empty.keys()


def test_the_slowdown_is_the_median_of_the_runs_that_measured_it(tmp_path):
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    for run, slowdown in enumerate((9.0, None, 1.5, 2.0)):
        cell.append({**ROW, "run": run, "slowdown": slowdown})
    assert summarise(cell)["slowdown"] == 2.0


@given(st.lists(st.integers(0, 50), min_size=2, max_size=9).filter(lambda hits: len(set(hits)) > 1))
def test_intervals_are_those_of_scipy(hits):
    rates = [hit / 50 for hit in hits]
    found, mean = over_runs(rates), sum(rates) / len(rates)
    low, high = t.interval(0.95, len(rates) - 1, loc=mean, scale=sem(rates))
    assert (found["low"], found["high"], found["n"]) == (pytest.approx(low), pytest.approx(high), len(rates))
