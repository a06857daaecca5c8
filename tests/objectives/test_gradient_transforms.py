"""Transforms of both gradients are applied in order before the distance is taken."""

import torch

from bench.objectives.gradient_transforms import GradientTransform, TransformedObjective
from bench.objectives.squared_error import SquaredError


class Plus(GradientTransform):
    def __call__(self, gradients, observed):
        return {n: v + 1 for n, v in gradients.items()}, observed


class Doubled(GradientTransform):
    def __call__(self, gradients, observed):
        return tuple({n: 2 * v for n, v in of.items()} for of in (gradients, observed))


class Without(GradientTransform):
    def __call__(self, gradients, observed):
        return gradients, {n: v for n, v in observed.items() if n != "b"}


OURS = {"a": torch.tensor([[1.0], [2.0]]), "b": torch.tensor([[5.0], [5.0]])}
THEIRS = {"a": torch.tensor([[3.0], [3.0]]), "b": torch.tensor([[9.0], [9.0]])}


def test_transforms_are_applied_in_the_order_given() -> None:
    """(2 (x + 1) - 2 y)^2 or (2 x + 1 - 2 y)^2, and of the names that are left alone."""
    plus_first = TransformedObjective(SquaredError(1.0), [Plus(), Doubled(), Without()])
    assert plus_first(OURS, THEIRS).tolist() == [4.0, 0.0]
    doubled_first = TransformedObjective(SquaredError(1.0), [Doubled(), Plus(), Without()])
    assert doubled_first(OURS, THEIRS).tolist() == [9.0, 1.0]
    assert TransformedObjective(SquaredError(1.0), [])(OURS, THEIRS).tolist() == [20.0, 17.0]


def test_a_transform_needs_nothing_and_serves_everything_unless_it_says_otherwise() -> None:
    assert Plus().needs == frozenset()
    Plus().check(None)
