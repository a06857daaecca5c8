"""Counts from estimated features and probabilities (Geng et al. 2021; for local steps Dimitrov et al. 2022)."""

import torch
from torch import Tensor

from bench.labels.base import CountingRule, last_weight, whole_counts
from bench.labels.dummies import NEEDS, check_images, uniform_images, weight_gradients
from bench.messages.observation import Observation

_DUMMIES = 100


def counts_by_means(sums: Tensor, probabilities: Tensor, feature_sum: Tensor, total: int) -> Tensor:
    """`n_c = B (p_c - g_c / O)`, rounded to whole numbers that sum to B: `[K]` -> `[K]`.

    Args:
        sums: `[K]`, g_c, the sum of the row c of the last weight's gradient.
        probabilities: `[K]`, p_c, the mean probability of each class.
        feature_sum: O, the mean sum of the features that enter the last layer.
        total: B.
    """
    return whole_counts(total * (probabilities - sums / feature_sum).double(), total)


class GengRule(CountingRule):
    """n_c = B (p_c - g_c / O), with p and O measured on 100 dummy images (arXiv 2110.09074).

    g_c is the sum of row c of the last weight's gradient, p the mean probabilities, and O the mean sum of features. If
    the client takes local steps (arXiv 2206.12395), g is the update divided by learning rate times
    steps, and p and O are the means of those before and after the update.

    Departs: the features and the probabilities of a dummy image x are computed from two gradients, those with labels 0
    and 1, whose difference is (e_1 - e_0) h(x)'. So the rule needs no access to the inside of the model.
    """

    needs = NEEDS

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        check_images(seen)
        last_weight(seen)

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.task.unit is not None and seen.batch_size is not None
        sums = last_weight(seen).sum(-1) / seen.task.unit
        rows = []
        for victim, row in enumerate(sums):
            probabilities, feature_sum = self._measured(seen, victim, seed)
            rows.append(counts_by_means(row, probabilities, feature_sum, seen.batch_size))
        return torch.stack(rows)

    def _measured(self, seen: Observation, victim: int, seed: int) -> tuple[Tensor, Tensor]:
        """The mean probabilities `[K]` and the mean sum of features, over dummies, before and after local steps."""
        images = uniform_images(seen, victim, (_DUMMIES, 1), seed, "label dummies")
        states: list[dict[str, Tensor] | None] = [None]
        if seen.task.unit != 1.0:
            states.append({n: v[victim] - seen.gradients[n][victim] if n in seen.gradients else v[victim]
                           for n, v in seen.parameters.items()})  # fmt: skip
        both = [_on_dummies(seen, victim, images, state) for state in states]
        return torch.stack([p for p, _ in both]).mean(0), torch.stack([o for _, o in both]).mean()


def _on_dummies(
    seen: Observation, victim: int, images: Tensor, state: dict[str, Tensor] | None
) -> tuple[Tensor, Tensor]:
    labels = torch.zeros(len(images), 1, dtype=torch.long, device=images.device)
    zero = weight_gradients(seen, victim, images, labels, state)  # [N, K, d]
    features = (zero - weight_gradients(seen, victim, images, labels + 1, state))[:, 1]  # [N, d]
    error = (zero @ features.unsqueeze(-1)).squeeze(-1) / features.square().sum(-1, keepdim=True)
    probabilities = error.mean(0)
    probabilities[0] += 1
    return probabilities, features.sum(-1).mean()
