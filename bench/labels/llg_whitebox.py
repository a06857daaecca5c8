"""LLG with access to the model (Wainakh et al. 2022): impact and offset are measured with dummy images."""

import torch
from torch import Tensor

from bench.labels.base import CountingRule, last_weight
from bench.labels.dummies import NEEDS, check_images, uniform_images, weight_gradients
from bench.labels.impact import by_impact
from bench.messages.observation import Observation

_MOST = 8  # dummy images per class


class LLGWhiteboxRule(CountingRule):
    """LLG* (arXiv 2105.09369): a dummy batch of each class, of which the sums g_c are measured.

    The impact m is the mean over classes c of g_c of the batch of class c, times (1 + 1/K) / B. The offset s_c is the
    mean of g_c over the batches of all other classes. The counts then follow as in `bench.labels.llg`.

    Departs: dummy images are uniform in the range of inputs, and at most 8 per class (as many as the batch in the
    paper). The gradient is a mean over a batch, so the number of dummies changes only the spread of the estimate.
    """

    needs = NEEDS

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        check_images(seen)
        last_weight(seen)

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.task.unit is not None
        sums = last_weight(seen).sum(-1) / seen.task.unit
        return torch.stack([self._one(seen, victim, row, seed) for victim, row in enumerate(sums)])

    def _one(self, seen: Observation, victim: int, sums: Tensor, seed: int) -> Tensor:
        assert seen.batch_size is not None
        classes, total = len(sums), seen.batch_size
        size = min(total, _MOST)
        images = uniform_images(seen, victim, (classes, size), seed, "label dummies")
        labels = torch.arange(classes, device=sums.device).unsqueeze(1).expand(classes, size)
        measured = weight_gradients(seen, victim, images, labels).sum(-1)  # [class of the batch, class of the row]
        own = measured.diagonal()
        impact = float(own.mean()) * (1 + 1 / classes) / total
        offset = (measured.sum(0) - own) / max(classes - 1, 1)
        return by_impact(sums, total, impact, offset)
