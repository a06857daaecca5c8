"""The label of a single example, read off the gradient of the last layer (Zhao, Mopuri, Bilen 2020, iDLG)."""

from torch import Tensor

from bench.errors import NotApplicable
from bench.messages import Observation


def label_from_weight(gradient: Tensor) -> Tensor:
    """`argmin_c sum_j (grad W)_cj`: `[V, K, d]` -> `[V]` (arXiv 2001.02610, section 3.1).

    Exact for one example with a one-hot cross entropy where the features that enter the layer sum to more than zero,
    as behind a sigmoid or a ReLU.
    """
    return gradient.sum(-1).argmin(-1)


def label_from_bias(gradient: Tensor) -> Tensor:
    """`argmin_c (grad b)_c`: `[V, K]` -> `[V]`. Since grad b_c = p_c - 1[c = y], exact whatever the features are."""
    return gradient.argmin(-1)


class LastLayer:
    """Label inference by sign of the last layer's gradient, for batches of one.

    Departs from iDLG where the layer has a bias: its gradient needs no assumption on the features.

    Raises:
        NotApplicable: the batch is not of one example, or the model does not end in a linear layer whose weight's or
            bias's gradient is shared.
    """

    def __call__(self, seen: Observation) -> Tensor:
        """Labels `[V, 1]`."""
        task = seen.task
        if seen.batch_size != 1:
            raise NotApplicable(
                f"label inference by sign needs a batch of one example; this batch has {seen.batch_size}"
            )
        if task.last_bias is not None and task.last_bias in seen.gradients:
            return label_from_bias(seen.gradients[task.last_bias]).unsqueeze(1)
        if task.last_linear is not None and task.last_linear in seen.gradients:
            return label_from_weight(seen.gradients[task.last_linear]).unsqueeze(1)
        raise NotApplicable(
            "label inference by sign needs a model that ends in a linear layer, and the gradient of its weight or bias"
        )
