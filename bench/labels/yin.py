"""Labels from the lowest entry of each row of the last weight's gradient (Yin et al. 2021, GradInversion)."""

import torch
from torch import Tensor

from bench.labels.base import LastWeightRule, last_weight
from bench.messages.observation import Observation


def lowest_rows(gradient: Tensor, total: int) -> Tensor:
    """The classes whose rows have the lowest minimum, each once: `[V, K, d]` -> counts `[V, K]`.

    Args:
        gradient: of the last weight.
        total: number of labels; above K, the order begins again with the lowest row.
    """
    order = gradient.amin(-1).nan_to_num(0.0, 0.0, 0.0).argsort(1)
    classes = gradient.shape[1]
    rank = torch.arange(classes, device=gradient.device)
    share = total // classes + (rank < total % classes).long()
    return torch.zeros_like(order).scatter(1, order, share.expand_as(order))


class YinRule(LastWeightRule):
    """The B classes c with the lowest `min_j (grad W)_cj` (arXiv 2104.07586).

    It is exact if all labels differ, features are not negative, and the probabilities of absent classes are small. A
    label that a batch has twice is found once, and another class is claimed in its place.

    Departs: the paper assumes B <= K. For larger batches, the order begins again with the lowest row.
    """

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.batch_size is not None
        return lowest_rows(last_weight(seen), seen.batch_size)
