"""LLG on the gradient of the last bias (the rule `bias-corrected` of the library breaching, Geiping et al.)."""

import torch
from torch import Tensor

from bench.labels.base import CountingRule, last_bias
from bench.labels.impact import by_impact, mean_impact
from bench.messages.observation import Observation


class BiasCorrectedRule(CountingRule):
    """LLG with `(grad b)_c` in place of the sum of a row, and m = 1/B sum_{c: grad b_c < 0} grad b_c.

    grad b_c = mean p_c - n_c / B needs no assumption about the features. It is exact if the mean probability of each
    class is small, as it is with many classes.
    """

    needs = frozenset({"batch_size"})

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_bias(seen)

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.batch_size is not None
        total = seen.batch_size
        return torch.stack([by_impact(row, total, mean_impact(row, total)) for row in last_bias(seen)])
