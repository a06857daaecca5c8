"""The client's loss for labels that an attacker optimises: a loss of probabilities, the client's at one-hot ones.

torch divides a weighted cross entropy by the weights of the labels if they are indices, and by B if they are
probabilities. An attacker that optimises probabilities would then match another loss than the client's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

Loss = Callable[[Tensor, Tensor], Tensor]

_EACH = 1000  # the most classes that are tried one by one; if there are more, evenly spaced ones are tried
_LARGEST, _LONGEST = 16, 8  # the most examples, and tokens per example, of a batch that is tried
_MIXED = 8  # number of batches of mixed labels that are tried
_CLOSE = 1e-4  # relative difference up to which two values of a loss count as equal; float32 rounds to about 1e-6


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """A loss that takes probabilities.

    Args:
        loss: the client's loss for indices; for probabilities, one that equals it if they are one-hot.
        refusal: the end of a sentence that says why there is no such loss; None if there is one.
    """

    loss: Loss
    refusal: str | None = None


@dataclass(frozen=True, eq=False)
class Reweighted:
    """A loss that averages over labels with weights w, for probabilities p `[B, K]` as for indices.

    L(z, p) = sum_bk p_bk w_k l_bk / sum_bk p_bk w_k. torch's cross entropy with weights is the numerator divided by B.

    Args:
        loss: `(logits [B, K], targets) -> scalar`; for probabilities, the weighted sum divided by B.
        weights: `[K]`, w.
    """

    loss: Loss
    weights: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Returns a scalar, for logits `[B, K]` and targets that are indices `[B]` or probabilities `[B, K]`."""
        found = self.loss(logits, targets)
        return found / (targets @ self.weights.to(targets)).mean() if targets.is_floating_point() else found


def soft_labels(loss: Loss, shape: tuple[int, ...], device: torch.device) -> SoftLabels:
    """Finds a loss of probabilities for a client's loss, by evaluating it on random logits.

    If the value at one-hot probabilities differs from that at indices by a factor per class, as with weights, the loss
    is wrapped in `Reweighted`. Each class and mixed labels are then evaluated, to check that the result equals the
    client's. For losses over tokens, only a few labels are evaluated, and none is reweighted.

    Args:
        loss: `(logits, targets) -> scalar`, which takes indices.
        shape: shape of the logits: `[B, K]` or, if tokens are predicted, `[B, T, K]`.
        device: device on which the loss is computed.
    """
    generator = torch.Generator().manual_seed(0)
    rest = (*(min(length, _LONGEST) for length in shape[1:-1]), shape[-1])
    count = min(shape[0], _LARGEST)
    # Two batch sizes are tried, so that a sum is not taken for a mean.
    logits = [torch.randn(size, *rest, generator=generator).to(device) for size in (count, count + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about probabilities are expected here
        try:
            _check_differentiable(loss, logits[0])
            trials = [(z, y, *_both(loss, z, y)) for z in logits for y in _labels(z, generator)]
        except Exception:  # a loss of the user's own may raise anything
            return SoftLabels(loss, "the loss takes class indices and no probabilities")
        differing = next(((a, b) for _, _, a, b in trials if not _close(a, b)), None)
        if differing is None:
            return SoftLabels(loss)
        weights = _weights(loss, logits[0]) if len(shape) == 2 else None
        if weights is not None:
            fair = Reweighted(loss, weights)
            if all(_close(a, float(fair(z, _hard(y, shape[-1])))) for z, y, a, _ in trials):
                return SoftLabels(fair)
    a, b = differing
    return SoftLabels(loss, f"the loss at one-hot probabilities is not that at class indices ({b:.4g}, not {a:.4g})")


def _check_differentiable(loss: Loss, logits: Tensor) -> None:
    """Raises an error if the loss takes probabilities but does not depend on them smoothly, as if it rounded them."""
    soft = torch.full_like(logits, 1 / logits.shape[-1]).requires_grad_()
    torch.autograd.grad(loss(logits, soft), soft)


def _labels(logits: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
    """Yields labels `[B]` or `[B, T]` to try: all of one class, for each class, and mixed ones."""
    *places, classes = logits.shape
    if len(places) == 1:
        for label in torch.linspace(0, classes - 1, min(classes, _EACH)).round().long().tolist():
            yield torch.full(places, label, device=logits.device)
    for _ in range(_MIXED):
        yield torch.randint(classes, places, generator=generator).to(logits.device)


def _hard(labels: Tensor, classes: int) -> Tensor:
    return one_hot(labels, classes).float()


def _both(loss: Loss, logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Returns the loss for class indices, and for the same labels as probabilities."""
    return float(loss(logits, labels)), float(loss(logits, _hard(labels, logits.shape[-1])))


def _weights(loss: Loss, logits: Tensor) -> Tensor | None:
    """`[K]`: per class, the loss at one-hot probabilities over that at indices; None if that is not a number."""
    count, classes = logits.shape
    found = []
    for label in range(classes):
        a, b = _both(loss, logits, torch.full((count,), label, device=logits.device))
        if not math.isfinite(a):  # a class of weight 0: the mean over indices of nothing else is 0/0
            found.append(0.0)
        elif a * b > 0:
            found.append(b / a)
        else:
            return None
    return torch.tensor(found, device=logits.device)


def _close(a: float, b: float) -> bool:
    """Whether the value at indices `a` equals that at probabilities `b`, or is not finite (all weights are 0)."""
    return not math.isfinite(a) or abs(a - b) <= _CLOSE * max(abs(a), abs(b)) + 1e-7
