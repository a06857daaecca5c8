"""The leakage in a metric from 0 to 1."""

import numpy as np
import pytest

from bench.modalities.scale import mean_above


def test_a_leak_is_between_the_control_and_one():
    found = {0: np.array([1.0]), 1: np.array([0.02]), 2: np.array([np.nan]), 3: np.array([0.4, 0.0])}
    floor = {0: np.array([0.1]), 1: np.array([0.1]), 2: np.array([0.1]), 3: np.array([0.1, np.nan])}
    assert mean_above(found, floor) == pytest.approx([1.0, 0.1, 0.1, 0.2])
    assert mean_above(found, {}) == pytest.approx([1.0, 0.02, 0.0, 0.2])
