"""The base class of label rules: a rule computes the labels of a private batch from what was shared alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.messages.observation import Observation


class LabelRule(ABC):
    """A rule that says which labels a private batch has.

    Attributes:
        needs: what the observation must contain, in the words of `bench.attacks.base`.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def check(self, seen: Observation) -> None:  # noqa: B027
        """Refuses an observation for a reason that `needs` has no word for; most rules have none.

        Raises:
            NotApplicable: the sentence says what is lacking.
        """

    @abstractmethod
    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """Returns labels `[V, B]`, int64. Their order says nothing, because a gradient is a mean over the batch.

        Args:
            seen: all that the threat model grants.
            seed: seed of the attacker's own random numbers.

        Raises:
            NotApplicable: the observation lacks what the rule needs.
        """


class CountingRule(LabelRule):
    """A rule that estimates how many examples of each class a batch has, from the last layer's gradient."""

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`; labels are sorted by class."""
        if seen.batch_size is None:
            raise NotApplicable("label inference needs to know the batch size")
        return labels_of(self.counts(seen, seed))

    @abstractmethod
    def counts(self, seen: Observation, seed: int) -> Tensor:
        """Returns the number of examples of each class, `[V, K]`, int64; each row sums to B.

        Args:
            seen: see `LabelRule.__call__`.
            seed: see `LabelRule.__call__`.
        """


class LastWeightRule(CountingRule):
    """A rule that needs the gradient of the last layer's weight, and no more of the model."""

    needs = frozenset({"batch_size", "last_linear"})

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_weight(seen)


def labels_of(counts: Tensor) -> Tensor:
    """Counts `[V, K]` -> sorted labels `[V, B]`.

    >>> labels_of(torch.tensor([[2, 0, 1]])).tolist()
    [[0, 0, 2]]
    """
    classes = torch.arange(counts.shape[1], device=counts.device)
    return torch.stack([classes.repeat_interleave(row) for row in counts])


def whole_counts(estimate: Tensor, total: int) -> Tensor:
    """The whole numbers that are nearest to an estimate `[K]` and sum to `total`, as in iLRG's code.

    Negative values become 0, values are rounded, and the values whose rounding was worst are then changed by one until
    the sum is right. NaN and infinity count as 0.

    >>> whole_counts(torch.tensor([1.4, -0.3, 2.4]), 4).tolist()
    [1, 0, 3]
    """
    wished = estimate.nan_to_num(0.0, 0.0, 0.0).clamp(0, total)
    found = wished.round().long()
    while (excess := int(found.sum()) - total) != 0:
        error = found - wished
        if excess > 0:
            worst = error.masked_fill(found == 0, -torch.inf).argsort(descending=True)
            worst = worst[: min(excess, int((found > 0).sum()))]
            found[worst] -= 1
        else:
            found[error.argsort()[:-excess]] += 1
    return found


def last_weight(seen: Observation) -> Tensor:
    """The gradient of the last layer's weight, `[V, K, d]`.

    Raises:
        NotApplicable: the model does not end in a linear layer, or that gradient is not shared.
    """
    name = seen.task.last_linear
    if name is None or name not in seen.gradients:
        raise NotApplicable(
            "label inference needs a model that ends in a linear layer, and the gradient of that layer's weight"
        )
    return seen.gradients[name]


def last_bias(seen: Observation) -> Tensor:
    """The gradient of the last layer's bias, `[V, K]`.

    Raises:
        NotApplicable: the model does not end in a linear layer with a bias, or that gradient is not shared.
    """
    name = seen.task.last_bias
    if name is None or name not in seen.gradients:
        raise NotApplicable("label inference needs a last layer with a bias, and the gradient of that bias")
    return seen.gradients[name]
