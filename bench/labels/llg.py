"""Label leakage from gradients, LLG (Wainakh et al. 2022), from the shared gradient alone."""

import torch
from torch import Tensor

from bench.labels.base import LastWeightRule, last_weight
from bench.labels.impact import by_impact, mean_impact
from bench.messages.observation import Observation


class LLGRule(LastWeightRule):
    """LLG without access to the model (arXiv 2105.09369).

    With g_c = sum_j (grad W)_cj, the impact of one example is m = (1 + 1/K) / B sum_{c: g_c < 0} g_c. Each class with
    g_c < 0 has an example; the others follow by `bench.labels.impact`. It is exact if features are not negative, have
    equal sums over the batch, and absent classes have small probabilities, as in an untrained network.
    """

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.batch_size is not None
        total = seen.batch_size
        return torch.stack([self._one(sums, total) for sums in last_weight(seen).sum(-1)])

    def _one(self, sums: Tensor, total: int) -> Tensor:
        impact = (1 + 1 / len(sums)) * mean_impact(sums, total)
        return by_impact(sums, total, impact)
