"""Zeros fall where they fall, as often as was said."""

import math

import numpy as np
import pytest
import torch
from defenses.trees import protected

from bench.defenses.dropout import Dropout


@pytest.mark.parametrize("fraction", [0.2, 0.9])
def test_dropout_is_independent_of_size_and_unbiased(fraction):
    clean = {"w": torch.linspace(0.5, 1.5, 60000)}
    dropped = protected(Dropout(fraction, True, 0), clean)[0]["w"]
    zero = dropped == 0
    error = math.sqrt(fraction * (1 - fraction) / 60000)
    assert abs(zero.float().mean() - fraction) < 4 * error
    assert abs(np.corrcoef(zero.numpy(), clean["w"].numpy())[0, 1]) < 4 / math.sqrt(60000)
    torch.testing.assert_close(dropped[~zero], clean["w"][~zero] / (1 - fraction))
    assert torch.equal(protected(Dropout(fraction, False, 0), clean)[0]["w"][~zero], clean["w"][~zero])


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_fraction_beyond_its_range_is_refused(fraction):
    with pytest.raises(ValueError, match="fraction="):
        Dropout(fraction, True, 0)
