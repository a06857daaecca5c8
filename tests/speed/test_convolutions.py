"""The rates of convolutions are measured on the same work."""

from bench.speed.convolutions import ConvolutionLayer, measure


def test_each_operation_has_two_rates() -> None:
    found = measure(ConvolutionLayer(2, 3, 6, 3, 2), 3, 1)
    assert list(found) == ["output", "input", "weight"]
    assert all(rate > 0 for pair in found.values() for rate in pair)
