"""A score of a cell: which victims are recovered, and which figure a mean of two groups may claim."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.results.scores import recovered, score

SAMPLES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=20)


@given(SAMPLES)
def test_a_victim_is_recovered_if_at_least_half_of_its_samples_are(samples: list[tuple[int, bool]]) -> None:
    owners, hits = (np.array(column) for column in zip(*samples))
    expected = []
    for owner, _ in samples:
        own = [hit for victim, hit in samples if victim == owner]
        expected.append(2 * sum(own) >= len(own))
    assert recovered(hits, owners).tolist() == expected


VALUES, OWNERS = np.array([60.0, 62.0, 64.0, 8.0, 10.0, np.nan, np.inf]), np.array([0, 1, 2, 3, 4, 5, 6])


def test_two_groups_have_a_median_each_and_no_interval_of_their_joint_mean() -> None:
    """A mean over recovered and other victims lies where no victim is, so an interval around it would mislead."""
    found = score(VALUES, OWNERS, np.array([True, True, True, False, False, False, True]))
    assert found.figure.mean == pytest.approx((60 + 62 + 64 + 8 + 10) / 5) and found.figure.n == 5
    assert (found.figure.low, found.figure.high, found.figure.method) == (None, None, None)
    assert {name: (group.mean, group.n) for name, group in found.groups.items()} == {
        "recovered": (62.0, 3),
        "others": (9.0, 2),
    }
    assert (found.median.mean, found.left_out) == (60.0, 2)


@pytest.mark.parametrize("one_group", [None, np.ones(7, bool), np.zeros(7, bool), np.arange(7) < 5])
def test_one_group_has_students_interval(one_group: np.ndarray | None) -> None:
    """Also if the only victims of the other group have no value: they are left out before groups are formed."""
    found = score(VALUES, OWNERS, one_group)
    kept = VALUES[:5]
    low, high = stats.t.interval(0.95, 4, kept.mean(), stats.sem(kept))
    assert (found.figure.low, found.figure.high) == pytest.approx((low, high)) and found.groups == {}


def test_a_figure_is_geometric_if_asked_and_its_interval_ends_at_the_bounds() -> None:
    values, owners = np.array([1e-2, 1e-4]), np.array([0, 1])
    assert score(values, owners, None, geometric=True).figure.mean == pytest.approx(1e-3)
    assert score(values, owners, np.array([True, False]), geometric=True).figure.estimand == "geometric mean"
    wide = score(np.array([0.0, 1.0]), owners, None, bounds=(0.0, 1.0)).figure
    assert (wide.low, wide.high) == (0.0, 1.0)


def test_the_document_is_json_and_says_all_that_is_known() -> None:
    found = score(VALUES, OWNERS, np.arange(7) < 3).document()
    assert json.loads(json.dumps(found)) == found
    assert found["groups"]["others"]["mean"] == 9.0 and found["median"]["method"] == "range"
    assert (found["low"], found["n"], found["left_out"]) == (None, 5, 2)
    assert score(VALUES, OWNERS, None).document()["groups"] is None
