"""Random numbers and threads are as before, whatever happens inside."""

import random

import numpy as np
import pytest
import torch
from monitored import assert_equal

from bench.auditing.as_before import as_before


def _drawn_and_failed() -> None:
    torch.rand(1), np.random.rand(), random.random(), torch.set_num_threads(2)
    raise ZeroDivisionError


def test_generators_are_set_back_even_after_an_error() -> None:
    before = [torch.get_rng_state(), np.random.get_state(), random.getstate(), torch.get_num_threads()]
    with pytest.raises(ZeroDivisionError), as_before():
        _drawn_and_failed()
    assert_equal(before, [torch.get_rng_state(), np.random.get_state(), random.getstate(), torch.get_num_threads()])
