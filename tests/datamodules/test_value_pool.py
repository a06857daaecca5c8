"""Numbers without bounds in memory: what is dealt is what was read, and the fingerprint follows all of it."""

import numpy as np
import pytest

from bench.datamodules.value_pool import ValuePool

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) - 6
LABELS = np.array([0, 1, 1, 0])


def pool(**changes):
    given = {"values": VALUES, "labels": LABELS, "classes": 2, "class_names": ("a", "b"), "usual": VALUES[0]}
    return ValuePool(**{**given, "meaning": "x", **changes})


def test_examples_come_as_they_are():
    assert pool().inputs(np.array([[3, 0]])).tolist() == [[VALUES[3].tolist(), VALUES[0].tolist()]]
    assert (len(pool()), pool().shape) == (4, (3,))


@pytest.mark.parametrize(
    "changes",
    [{"values": VALUES + 1}, {"labels": 1 - LABELS}, {"classes": 3}, {"usual": VALUES[1]}, {"meaning": "y"}],
    ids=lambda changes: next(iter(changes)),
)
def test_the_fingerprint_changes_with_each_part(changes):
    assert pool(**changes).fingerprint != pool().fingerprint == pool().fingerprint


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"values": VALUES.astype(np.float64)}, "want finite float32"),
        ({"values": np.where(VALUES > 0, np.inf, VALUES).astype(np.float32)}, "want finite float32"),
        ({"usual": VALUES[0, :2]}, r"usual: want \[3\]"),
        ({"labels": LABELS[:3]}, r"labels: want \[4\] int64"),
    ],
)
def test_refusals(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        pool(**changes)
