"""Rounding is what the number formats say, against numpy."""

import numpy as np
import pytest
import torch
from defenses.trees import protected, tree

from bench.defenses.precision import Half, Int8, int8, rounded


def test_half_precision_is_numpys():
    for name, value in protected(Half("float16"), tree())[0].items():
        np.testing.assert_array_equal(value.numpy(), tree()[name].numpy().astype(np.float16).astype(np.float32))


def test_bfloat16_cuts_to_the_nearest_of_eight_bits():
    value = tree()["conv.weight"]
    bits = value.numpy().view(np.uint32).astype(np.uint64)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16  # round half to even
    np.testing.assert_array_equal(rounded(value, "bfloat16").numpy().view(np.uint32), nearest.astype(np.uint32))


def test_int8_is_symmetric_to_the_nearest():
    for name, value in protected(Int8("nearest", 0), tree())[0].items():
        clean = tree()[name].numpy().astype(np.float64)
        scale = np.abs(clean).max() / 127
        expected = np.clip(np.rint(clean / scale), -127, 127) * scale
        # a value at the middle of two levels may go either way in another precision
        wrong = np.abs(value.numpy() - expected) > 1e-5 * scale
        assert wrong.mean() < 1e-3 and np.abs(value.numpy() - clean).max() <= 0.5001 * scale
        assert len(np.unique(np.rint(value.numpy() / scale))) <= 255


def test_stochastic_rounding_is_unbiased_and_goes_to_a_neighbour():
    value = torch.tensor([-1.0, 0.3 / 127, 0.25, 1.0])
    uniform = torch.rand(20000, 4, generator=torch.Generator().manual_seed(0))
    rows = torch.func.vmap(lambda u: int8(value, u))(uniform)
    levels = (rows * 127).round()
    assert set(levels[:, 1].tolist()) == {0.0, 1.0}
    assert levels[:, 1].mean() == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 20000) ** 0.5)
    assert (levels[:, 0] == -127).all() and (levels[:, 3] == 127).all()


def test_a_tensor_of_zeros_stays_one():
    assert torch.equal(int8(torch.zeros(5), None), torch.zeros(5))


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="want float16 or bfloat16"):
        Half("fp8")
    with pytest.raises(ValueError, match="want nearest or stochastic"):
        Int8("down", 0)
