"""Bytes of a step, counted by hand."""

from bench.defenses.clip import Clip
from bench.defenses.dgc import DGC
from bench.defenses.encoding import undefended
from bench.defenses.noise import Gaussian
from bench.defenses.precision import Half, Int8
from bench.defenses.pruning import Pruning
from bench.defenses.sign import Sign
from bench.defenses.stack import Stack

SHAPES = {"w": (40, 25), "b": (16,)}  # 1000 and 16 entries


def sent(*parts):
    found = Stack(list(parts)).encode(undefended(SHAPES))
    return found.bytes, found.words


def test_each_encoding_by_hand():
    assert sent() == (4 * 1016, "32-bit values, dense")
    assert sent(Half("float16")) == (2 * 1016, "16-bit values, dense")
    assert sent(Int8("nearest", 0)) == (1016 + 2 * 4, "8-bit values, dense")
    assert sent(Sign(True)) == (125 + 2 + 2 * 4, "1-bit values, dense")
    # 300 values and 125 bytes of bitmap; 5 of 16 with a bitmap of 2
    assert sent(Pruning(0.7, "tensor")) == (4 * 300 + 125 + 4 * 5 + 2, "32-bit values, bitmap")
    # 10 values with 32-bit indices; at least one of 16
    assert sent(DGC(0.99, 0.9, None, 0)) == (10 * 8 + 4 + 2, "32-bit values, indices")


def test_a_stack_keeps_zeros_until_something_fills_them():
    assert sent(Pruning(0.7, "tensor"), Half("float16"))[0] == 2 * 300 + 125 + 2 * 5 + 2
    assert sent(Half("float16"), Clip(1.0))[0] == 4 * 1016
    assert sent(Pruning(0.7, "tensor"), Gaussian(0.1, None, 0))[0] == 4 * 1016
    assert sent(Gaussian(0.1, None, 0), Pruning(0.7, "tensor"))[0] == sent(Pruning(0.7, "tensor"))[0]
