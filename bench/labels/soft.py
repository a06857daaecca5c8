"""The soft label of one example, as label smoothing and mixup make it (Wang et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.labels.base import LabelRule, last_weight
from bench.messages.observation import Observation

_GRID, _ROUNDS = 2001, 12  # scales that are tried at once, and how often the interval is narrowed


def with_bias(weight: Tensor, bias: Tensor, layer: Tensor, offset: Tensor) -> Tensor:
    """`y = softmax(W h + b) - grad b`, with `h = grad W' grad b / |grad b|^2`: the exact soft label `[K]`.

    Args:
        weight: `[K, d]`, gradient of the last weight, (p - y) h'.
        bias: `[K]`, gradient of the last bias, p - y.
        layer: `[K, d]`, the weight W.
        offset: `[K]`, the bias b.
    """
    features = weight.T @ bias / bias.square().sum().clamp(min=torch.finfo(bias.dtype).tiny)
    return (layer @ features + offset).softmax(0) - bias


def deviation(labels: Tensor, form: str) -> Tensor:
    """How far labels `[..., K]` are from the form that training gives them: `[...]`.

    `smoothing` has K - 1 equal entries, `mixup` at most two that are not zero. Negative entries count as well.
    """
    ordered = labels.sort(-1, descending=True).values
    negative = labels.clamp(max=0).abs().sum(-1)
    if form == "smoothing":
        return ordered[..., 1:].std(-1) + negative
    return ordered[..., 2:].abs().sum(-1) + negative


def without_bias(weight: Tensor, layer: Tensor, form: str) -> Tensor:
    """The soft label `[K]` of a last layer without a bias, whose gradient is (p - y) h'.

    The row r of the largest sum is `(p_c - y_c) h`, so h = r / e for a number e in [-1, 1]. The e is taken for which
    `y(e) = softmax(W h) - grad W h / |h|^2` has the form of a label best, relative to |e|: as e goes to 0, every y(e)
    goes to a label of one class, and its deviation falls with |e|.

    Args:
        weight: `[K, d]`, gradient of the last weight.
        layer: `[K, d]`, the weight W.
        form: see `deviation`.
    """
    row = weight[weight.sum(1).abs().argmax()]
    logits = layer @ row
    error = weight @ row / row.square().sum().clamp(min=torch.finfo(row.dtype).tiny)

    def label(e: Tensor) -> Tensor:
        return (logits / e.unsqueeze(-1)).softmax(-1) - error * e.unsqueeze(-1)

    def cost(e: Tensor) -> Tensor:
        return (deviation(label(e), form) / e.abs()).nan_to_num(torch.inf)

    size = torch.logspace(-6, 0, _GRID, dtype=weight.dtype, device=weight.device)
    near = torch.linspace(-1, 1, 41, dtype=weight.dtype, device=weight.device)
    step = float(size[1] / size[0] - 1)
    found = torch.cat([sign * size[_minima(cost(sign * size))] for sign in (-1, 1)])
    for _ in range(_ROUNDS):
        tried = found.unsqueeze(1) * (1 + step * near)
        found = tried.gather(1, cost(tried).argmin(1, keepdim=True)).squeeze(1)
        step /= 10
    return label(found[cost(found).argmin()])


def _minima(values: Tensor) -> Tensor:
    """The positions of the local minima of a curve `[N]`, its ends included."""
    padded = torch.nn.functional.pad(values, (1, 1), value=torch.inf)
    return ((values <= padded[:-2]) & (values <= padded[2:])).nonzero().squeeze(1)


class SoftRule(LabelRule):
    """Recovers a label that is a distribution over classes, from one example (arXiv 2402.03124).

    With a bias in the last layer the label is exact, in closed form. Without one, a scale is searched under which the
    label has the form of label smoothing or of mixup. An attack is given the most likely class.

    Departs: the authors search the scale by particle swarm; a grid that is narrowed finds the same minimum, without
    random numbers.

    Args:
        form: what labels look like if the layer has no bias, `smoothing` or `mixup`.

    Raises:
        ValueError: `form` is another word.
    """

    needs = frozenset({"batch_of_one", "last_linear", "update_length"})

    def __init__(self, form: str) -> None:
        if form not in ("smoothing", "mixup"):
            raise ValueError(f"form={form!r}: want smoothing or mixup")
        self.form = form

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        last_weight(seen)

    def probabilities(self, seen: Observation) -> Tensor:
        """The soft label of each victim's example, `[V, K]`, float64."""
        task = seen.task
        assert task.unit is not None and task.last_linear is not None
        weights = (last_weight(seen).double() / task.unit).nan_to_num(0.0, 0.0, 0.0)
        layers = seen.parameters[task.last_linear].double()
        if task.last_bias is None or task.last_bias not in seen.gradients:
            if task.last_bias is not None:
                raise NotApplicable("the soft label of a layer with a bias needs the gradient of that bias")
            return torch.stack([without_bias(*pair, self.form) for pair in zip(weights, layers, strict=True)])
        biases = (seen.gradients[task.last_bias].double() / task.unit).nan_to_num(0.0, 0.0, 0.0)
        offsets = seen.parameters[task.last_bias].double()
        return torch.stack([with_bias(*parts) for parts in zip(weights, biases, layers, offsets, strict=True)])

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`; the most likely class of each example, `[V, 1]`."""
        return self.probabilities(seen).argmax(1, keepdim=True)
