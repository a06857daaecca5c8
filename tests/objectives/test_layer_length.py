"""Protects: GradInversion's distance is a sum of lengths, each layer's own, and zero has a derivative."""

import pytest
import torch

from bench.objectives.layer_length import LayerLength, layer_lengths


def test_it_is_the_sum_of_the_lengths_of_each_layer() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (
        {name: torch.randn(2, *shape, generator=generator).double() for name, shape in (("a", (3, 4)), ("b", ()))}
        for _ in range(2)
    )
    expected = [sum(torch.dist(ours[name][i], theirs[name][i]) for name in ours) for i in range(2)]
    torch.testing.assert_close(layer_lengths(ours, theirs), torch.stack(expected))
    torch.testing.assert_close(LayerLength(3.0)(ours, theirs), 3 * torch.stack(expected))


def test_a_layer_that_is_matched_exactly_has_the_derivative_zero() -> None:
    ours = torch.ones(1, 3, requires_grad=True)
    LayerLength(1.0)({"a": ours}, {"a": torch.ones(1, 3)}).sum().backward()
    assert ours.grad.eq(0).all()


def test_a_scale_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="scale=0"):
        LayerLength(0)
