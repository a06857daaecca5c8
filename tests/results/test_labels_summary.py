"""The document of label inference: each share is one that a person can count, and a failure counts as nothing right."""

from pathlib import Path
from typing import Any

import pytest
from label_rows import label_row

from bench.results.intervals import wilson
from bench.results.labels_summary import FIGURES, summarise
from bench.results.store import Store
from bench.results.stored_labels import StoredLabels

NAMES = {"attack": "yin", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
DATA = {"victims": 4, "batch_size": 4, "label_rule": "random", "labels": "own"}
CONFIG = {"attack": {"labels": {}}, "data": DATA, "model": {}, "seed": 0}


def cell_of(root: Path, *rows: dict[str, Any]) -> StoredLabels:
    cell = Store(root).cell(StoredLabels, "yin-mnist-lenet", "0" * 16, {"labels": NAMES, "config": CONFIG})
    cell.append(rows)
    return cell


def test_shares_are_means_over_victims_and_the_rule_is_named(tmp_path: Path) -> None:
    half = label_row(1, 2, classes_claimed=2, inferred_batch_size=3, repeats=1, seconds=1.5)
    found = summarise(cell_of(tmp_path, label_row(0, 4), half))
    assert (found["rule"], found["batch_size"], found["label_rule"], found["victims"]) == ("yin", 4, "random", 2)
    assert found["label_overlap"]["mean"] == 0.75 and found["batches_right"]["mean"] == 0.5
    assert found["class_set"]["mean"] == 0.5 and found["class_recall"]["mean"] == 0.75
    assert found["class_precision"]["mean"] == 1.0
    assert (found["failures"], found["reused"], found["seconds_per_victim"]) == (0, 1, 1.0)
    assert found["batch_size_right"]["mean"] == 0.5
    assert found["inferred_batch_size"] == {"median": 3.5, "low": 3, "high": 4, "largest": 9}


def test_a_victim_that_failed_counts_as_nothing_right(tmp_path: Path) -> None:
    failed = label_row(1, 0, "nonfinite", classes_right=0, classes_claimed=0, reason="no SVD")
    found = summarise(cell_of(tmp_path, label_row(0, 4), failed))
    assert found["failures"] == 1 and found["label_overlap"]["mean"] == 0.5
    assert {found[name]["n"] for name in FIGURES} == {2}


def test_a_share_on_which_all_victims_agree_has_wilsons_interval(tmp_path: Path) -> None:
    found = summarise(cell_of(tmp_path, *(label_row(victim, 4) for victim in range(4))))["label_overlap"]
    assert (found["low"], found["high"]) == pytest.approx(wilson(4, 4)) and found["mean"] == 1.0


def test_what_is_not_known_is_null_and_says_why(tmp_path: Path) -> None:
    none = dict.fromkeys(("inferred_batch_size", "largest_batch_size"))
    cell = cell_of(tmp_path, label_row(0, 4, **none))
    found = summarise(cell)
    assert found["batch_size_right"] is found["inferred_batch_size"] is None
    assert found["reasons"] == {"batch_size_right": "no linear layer's gradient is shared"}
    cell.fail("error", "no such luck")
    empty = summarise(cell, [])
    assert empty["reasons"] == {"cell": "error: no such luck"}
    assert all(empty[name] is None for name in (*FIGURES, "batch_size_right", "seconds_per_victim"))
