"""Revealing labels from gradients, RLG (Dang et al. 2021): singular vectors and linear programmes."""

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from bench.labels.base import LastWeightRule, last_weight
from bench.labels.impact import by_impact, mean_impact
from bench.messages.observation import Observation

_LONGEST = 1e4  # bound on the coefficients of a separating direction; larger ones only separate rounding errors


def row_factor(gradient: Tensor, most: int, tolerance: float = 1e-6) -> Tensor:
    """The left singular vectors of the last weight's gradient: `[K, d]` -> `[K, S]`, with S its rank, at most `most`.

    Args:
        gradient: `[K, d]`.
        most: the largest rank that the batch can give, B.
        tolerance: singular values below this share of the largest are rounding errors.
    """
    left, values, _ = torch.linalg.svd(gradient.double().nan_to_num(0.0, 0.0, 0.0), full_matrices=False)
    rank = max(1, min(most, int((values > tolerance * values[0]).sum())))
    return left[:, :rank]


def separable(factor: Tensor) -> Tensor:
    """Whether a direction r exists with `(U r)_c < 0` and `(U r)_j >= 0` for every other class j: `[K, S]` -> `[K]`.

    If the features of the batch are linearly independent, such a direction exists for each of its labels, because
    grad W r is then p - y of one example.
    """
    rows = factor.cpu().numpy()
    classes, rank = rows.shape
    found = []
    for c in range(classes):
        signs = -rows.copy()
        signs[c] = rows[c]
        bound = np.zeros(classes)
        bound[c] = -1.0
        solved = linprog(np.zeros(rank), A_ub=signs, b_ub=bound, bounds=(-_LONGEST, _LONGEST), method="highs")
        found.append(solved.status == 0)
    return torch.tensor(found, device=factor.device)


class RLGRule(LastWeightRule):
    """RLG (arXiv 2111.00556): a label is in the batch if its row can be separated from all others.

    The set of labels is exact if the batch is smaller than the number of features and of classes, and its features are
    linearly independent.

    Departs: the paper filters classes by a perceptron before the linear programmes, to save time; here every class has
    its programme. The paper returns the set alone. Here its labels are counted by LLG (`bench.labels.impact`) among the
    classes of the set, so that the rule can be used by an attack.
    """

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.batch_size is not None
        total = seen.batch_size
        rows = []
        for gradient in last_weight(seen):
            allowed = separable(row_factor(gradient, total))
            sums = gradient.sum(-1).double().nan_to_num(0.0, 0.0, 0.0)
            rows.append(_counted(sums, total, allowed if allowed.any() else torch.ones_like(allowed)))
        return torch.stack(rows)


def _counted(sums: Tensor, total: int, allowed: Tensor) -> Tensor:
    """Each allowed class once, as far as the batch reaches, and the rest of the batch by LLG among them."""
    impact = mean_impact(sums, total)
    if int(allowed.sum()) > total:
        return by_impact(sums, total, impact, allowed=allowed)
    counts = allowed.long()
    rest = total - int(counts.sum())
    return counts + by_impact(sums - counts * impact, rest, impact, allowed=allowed) if rest else counts
