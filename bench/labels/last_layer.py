"""Inference of the label of a single example from the gradient of the last layer (Zhao, Mopuri, Bilen 2020, iDLG)."""

from torch import Tensor

from bench.errors import NotApplicable
from bench.labels.base import LabelRule, last_bias, last_weight
from bench.messages.observation import Observation

_NEEDS = frozenset({"batch_of_one", "last_linear", "last_layer_shared"})


def label_from_weight(gradient: Tensor) -> Tensor:
    """`argmin_c sum_j (grad W)_cj`: `[V, K, d]` -> `[V]` (arXiv 2001.02610, section 3.1).

    It is exact for one example with a one-hot cross entropy, if the sum of the features that enter the layer is
    positive, as behind a sigmoid or a ReLU.
    """
    return gradient.sum(-1).argmin(-1)


def label_from_bias(gradient: Tensor) -> Tensor:
    """`argmin_c (grad b)_c`: `[V, K]` -> `[V]`; exact for any features, since grad b_c = p_c - 1[c = y]."""
    return gradient.argmin(-1)


class LastLayer(LabelRule):
    """Label inference for batches of one, by the sign of the last layer's gradient.

    Departs from iDLG if the layer has a bias: the gradient of the bias needs no assumption about the features.
    """

    needs = _NEEDS

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """Returns the labels `[V, 1]`.

        Args:
            seen: all that the threat model grants.
            seed: not used.

        Raises:
            NotApplicable: the batch is not of one example, or the model does not end in a linear layer whose weight or
                bias has a shared gradient.
        """
        task = seen.task
        _check_single(seen)
        if task.last_bias is not None and task.last_bias in seen.gradients:
            return label_from_bias(seen.gradients[task.last_bias]).unsqueeze(1)
        if task.last_linear is not None and task.last_linear in seen.gradients:
            return label_from_weight(seen.gradients[task.last_linear]).unsqueeze(1)
        raise NotApplicable(
            "label inference by sign needs a model that ends in a linear layer, and the gradient of its weight or bias"
        )


class SignRule(LabelRule):
    """`argmin_c sum_j (grad W)_cj`, as published (Zhao, Mopuri, Bilen 2020, arXiv 2001.02610, section 3.1).

    It is exact for one example if the sum of the features that enter the last layer is positive.
    """

    needs = _NEEDS

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_weight(seen)

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`."""
        _check_single(seen)
        return label_from_weight(last_weight(seen)).unsqueeze(1)


class BiasRule(LabelRule):
    """`argmin_c (grad b)_c`: exact for one example, whatever the features, because grad b_c = p_c - 1[c = y]."""

    needs = _NEEDS

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_bias(seen)

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`."""
        _check_single(seen)
        return label_from_bias(last_bias(seen)).unsqueeze(1)


def _check_single(seen: Observation) -> None:
    if seen.batch_size != 1:
        raise NotApplicable(f"label inference by sign needs a batch of one example; this batch has {seen.batch_size}")
