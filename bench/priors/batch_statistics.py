"""The prior of GradInversion on what enters BatchNorm layers (Yin et al. 2021, arXiv 2104.07586)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bench.objectives.layer_length import length

_Statistics = dict[str, Tensor]  # {layer name: [S, 2, C]}, a mean and a variance per channel


def statistics_distance(found: _Statistics, wanted: _Statistics, *leading: float) -> Tensor:
    """`sum_l ||mean_l - mean*_l|| + ||variance_l - variance*_l||` over the layers of `wanted` -> `[S]`.

    Args:
        found: of the dummy images.
        wanted: those that are granted.
        leading: factors of the first layers, in their order; the other layers have a factor of 1.

    Example:
        >>> import torch
        >>> ours, theirs = torch.tensor([[[3.0, 4.0], [1.0, 1.0]]]), torch.tensor([[[0.0, 0.0], [1.0, 3.0]]])
        >>> statistics_distance({"a": ours, "b": ours}, {"a": theirs, "b": theirs}, 10.0).tolist()
        [77.0]
    """
    factors = [*leading, *[1.0] * len(wanted)]
    terms = [factor * length(found[name] - value).sum(-1) for factor, (name, value) in zip(factors, wanted.items())]
    return sum(terms[1:], terms[0])


class BatchStatistics:
    """`statistics_distance` times a weight; no `Prior`, because it needs what the layers of the model receive.

    Args:
        weight: alpha_bn, relative to a distance of weight 1, > 0.
        first: factor of the first layer, > 0.

    Raises:
        ValueError: a number is not above 0; without the prior, say null.
    """

    def __init__(self, weight: float, first: float) -> None:
        if weight <= 0 or first <= 0:
            raise ValueError(f"weight={weight}, first={first}: must be > 0 (statistics: null leaves the prior out)")
        self.weight = weight
        self.leading: tuple[float, ...] = (first,)

    def __call__(self, found: _Statistics, wanted: _Statistics) -> Tensor:
        """Statistics of the dummies and those that are granted, `{layer name: [S, 2, C]}` -> `[S]`."""
        return self.weight * statistics_distance(found, wanted, *self.leading)


class LeadingStatistics(BatchStatistics):
    """`BatchStatistics` with factors of several layers.

    Args:
        weight: see `BatchStatistics`.
        leading: factors of the first layers, in their order, > 0 each; the other layers have a factor of 1.

    Raises:
        ValueError: a number is not above 0, or there is no factor.
    """

    def __init__(self, weight: float, leading: Sequence[float]) -> None:
        if not leading or min(leading) <= 0:
            raise ValueError(f"leading={list(leading)}: want numbers above 0")
        super().__init__(weight, leading[0])
        self.leading = tuple(leading)
