"""Instance-wise label restoration from gradients, iLRG (Ma et al. 2023)."""

import torch
from torch import Tensor

from bench.labels.base import CountingRule, last_bias, last_weight, whole_counts
from bench.messages.observation import Observation

_LARGEST = 1e10  # bound on a restored feature, as in the authors' code


def restored_features(weight: Tensor, bias: Tensor) -> Tensor:
    """The mean feature of each class, `h_c = grad W_c / grad b_c`: `[K, d]` and `[K]` -> `[K, d]`.

    It is exact for the examples of class c if these dominate the rows of the gradient; a row of a class that is absent
    is a mean over all examples.
    """
    found = weight / bias.unsqueeze(1)
    return found.nan_to_num(0.0, _LARGEST, -_LARGEST).clamp(-_LARGEST, _LARGEST)


def solved_counts(probabilities: Tensor, bias: Tensor, total: int) -> Tensor:
    """The least-squares solution n of `sum_j n_j = B` and `sum_j n_j p_j[c] - n_c = B grad b_c`, `[K]`.

    Args:
        probabilities: `[K, K]`; row j is p_j, the probabilities of an example of class j.
        bias: `[K]`, gradient of the last bias.
        total: B.
    """
    classes = len(bias)
    left = torch.cat([torch.ones(1, classes).to(probabilities), probabilities.T - torch.eye(classes).to(probabilities)])
    right = torch.cat([torch.full((1,), float(total)).to(bias), total * bias])
    return torch.linalg.pinv(left) @ right


class ILRGRule(CountingRule):
    """iLRG ("Instance-wise Batch Label Restoration via Gradients in Federated Learning", ICLR 2023).

    Features of each class are restored from the last layer's gradient, passed through the last layer, and the counts
    are solved from the gradient of the bias. It is exact if all examples of a class have the same probabilities.

    Departs: counts always sum to B, those with the worst rounding being changed by one. The authors' code does so too
    before it reconstructs images, but its figures are those of the rounded counts before that step. A gradient that is
    not finite is taken as 0.
    """

    needs = frozenset({"batch_size", "last_linear", "update_length"})

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_weight(seen)
        last_bias(seen)

    def counts(self, seen: Observation, seed: int) -> Tensor:
        """See `CountingRule.counts`."""
        assert seen.batch_size is not None
        return torch.stack([whole_counts(row, seen.batch_size) for row in self.estimates(seen)])

    def estimates(self, seen: Observation) -> Tensor:
        """The solution of the equations, `[V, K]`, float64: numbers of examples before they are rounded."""
        task = seen.task
        assert task.last_linear is not None and task.last_bias is not None
        assert task.unit is not None and seen.batch_size is not None
        shared = zip(last_weight(seen), last_bias(seen), strict=True)
        layers = zip(seen.parameters[task.last_linear], seen.parameters[task.last_bias], strict=True)
        rows = []
        for (weight, bias), (w, b) in zip(shared, layers, strict=True):
            slope = (bias.double() / task.unit).nan_to_num(0.0, 0.0, 0.0)
            features = restored_features(weight.double() / task.unit, slope)
            probabilities = (features @ w.double().T + b.double()).softmax(1)
            rows.append(solved_counts(probabilities, slope, seen.batch_size))
        return torch.stack(rows)
