"""The label of one example whose client uses CENSOR (Zhang et al. 2025, arXiv 2501.15718)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.labels.base import LabelRule, last_weight
from bench.labels.dummies import check_images, uniform_images, weight_gradients
from bench.messages.observation import Observation

_DUMMIES = 200
# Widths of the equations: how far a dummy's gradient may be from fulfilling one, in logarithms of lengths and in
# cosines. A random vector has a smaller cosine the more entries it has, so the weight's is narrower.
_BIAS, _WEIGHT = 0.01, 0.001


def predictions(zero: Tensor, one: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities `[N, K]` and features `[N, d]` of dummies, from the last weight's gradients with labels 0 and 1.

    These are (p - e_0) h' and (p - e_1) h', and their difference has h in its row 1.

    Args:
        zero: `[N, K, d]`, of label 0.
        one: `[N, K, d]`, of label 1.
    """
    features = (zero - one)[:, 1]
    tiny = torch.finfo(zero.dtype).tiny
    error = torch.einsum("nkd,nd->nk", zero, features) / features.square().sum(1, keepdim=True).clamp(min=tiny)
    first = torch.zeros_like(error)
    first[:, 0] = 1
    return error + first, features


def fits(probabilities: Tensor, features: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """How well each dummy explains what was sent if it has each of the labels: log-likelihoods `[N, K]`.

    The gradients of an example with label y are p - e_y (bias) and (p - e_y) h' (weight). What CENSOR sends of a tensor
    is as long as its gradient, and at a right angle to it.

    Args:
        probabilities: `[N, K]`, p.
        features: `[N, d]`, h.
        weight: `[K, d]`, what was sent for the last weight; None to leave it out.
        bias: `[K]`, what was sent for the last bias; None to leave it out. The length is taken from it, if it is there.
    """
    tiny = torch.finfo(probabilities.dtype).tiny
    error = probabilities[:, None] - torch.eye(probabilities.shape[1]).to(probabilities)  # [N, K labels, K entries]
    length = error.norm(dim=2)
    found = torch.zeros_like(length)
    if weight is not None:
        long = length * features.norm(dim=1)[:, None]
        across = torch.einsum("nyk,nk->ny", error, features @ weight.T)
        found = found - _square(across / (long * weight.norm()).clamp(min=tiny), _WEIGHT)
        if bias is None:
            found = found - _square((long / weight.norm()).clamp(min=tiny).log(), _BIAS)
    if bias is not None:
        across = error @ bias
        found = found - _square(across / (length * bias.norm()).clamp(min=tiny), _BIAS)
        found = found - _square((length / bias.norm()).clamp(min=tiny).log(), _BIAS)
    return found


def _square(residual: Tensor, width: float) -> Tensor:
    """Half the square of how far an equation is from being fulfilled, in widths."""
    return (residual / width).square() / 2


class CensorRule(LabelRule):
    """Reads the label of one example from what CENSOR fixes of each tensor: its angle to the gradient, and its length.

    Predictions and features of 200 dummy images stand for those of the private one. The label is the one under which
    the dummies explain best what was sent for the last bias and the last weight: the sum over dummies of a likelihood
    that is narrow about each equation. On networks whose predictions hardly depend on the input, as after PyTorch's
    own initialisation, the bias alone tells the label.

    It needs no grant of the defence: the entries of an undefended bias's gradient have a sum of zero, and those of
    what CENSOR sends have not. On what other clients share, the rule means nothing.

    Args:
        weight: whether the last weight counts too, if there is a bias. Against the published projection it has to be
            false: that is at a right angle only to gradients of length 1, and the bias's is about as long as that.
    """

    needs = frozenset(
        {"batch_of_one", "last_linear", "last_layer_shared", "classes", "input_range", "buffers", "update_length"}
    )

    def __init__(self, weight: bool) -> None:
        self.weight = weight

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        check_images(seen)
        last_weight(seen)

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`; labels `[V, 1]`."""
        return torch.stack([self._label(seen, victim, seed) for victim in range(len(seen.ids))])[:, None]

    def _label(self, seen: Observation, victim: int, seed: int) -> Tensor:
        """The label `[]` of one victim's example."""
        task = seen.task
        assert task.unit is not None
        images = uniform_images(seen, victim, (_DUMMIES, 1), seed, "censor dummies")
        labels = torch.zeros(len(images), 1, dtype=torch.long, device=images.device)
        gradients = (weight_gradients(seen, victim, images, labels + c).double() for c in (0, 1))
        names = task.last_linear, task.last_bias
        weight, bias = (seen.gradients[n][victim].double() / task.unit if n in seen.gradients else None for n in names)
        sent = weight if self.weight or bias is None else None
        return fits(*predictions(*gradients), sent, bias).nan_to_num(-torch.inf).logsumexp(0).argmax()
