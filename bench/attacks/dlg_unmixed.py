"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against mixup, whose mixtures of two images are taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.defenses.base import Gradient, Tree
from bench.defenses.example_form import probabilities
from bench.engine.matching import Arrangement, Layout
from bench.engine.state import Finished
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction

_SHARES = 100  # that are tried if the labels do not tell the share
_OUTSIDE = 2e-2  # root mean square of what lies outside the range, in its units, up to which a share is possible
_EVEN = 1e-3  # the least distance of a share from 1/2, at which both mixtures are the same


def mixed(values: Tensor, share: Tensor) -> Tensor:
    """Each of two examples mixed with the other one: `share` of its own, `[V, 2, ...]` -> `[V, 2, ...]`.

    Args:
        values: images `[V, 2, C, H, W]` or probabilities `[V, 2, K]`.
        share: `[V]`.

    Example:
        >>> mixed(torch.tensor([[1.0, 0.0]]), torch.tensor([0.75]))
        tensor([[0.7500, 0.2500]])
    """
    own = share.view(-1, *[1] * (values.dim() - 1)).to(values)
    return own * values + (1 - own) * values.flip(1)


def unmixed(mixtures: Tensor, share: Tensor) -> Tensor:
    """The two examples of which these are the mixtures: the inverse of `mixed`; for the arguments see there."""
    own = share.view(-1, *[1] * (mixtures.dim() - 1)).to(mixtures)
    return (own * mixtures - (1 - own) * mixtures.flip(1)) / (2 * own - 1)


def share_by_labels(soft: Tensor) -> tuple[Tensor, Tensor]:
    """The labels `[V, 2]` of two examples, and the share `[V]`, from the labels of their mixtures.

    A class is the label of both if it has most of both mixtures; the share is then 1, since the labels do not tell it.

    Args:
        soft: `[V, 2, K]`, probabilities.

    Example:
        >>> share_by_labels(torch.tensor([[[0.25, 0.75, 0.0], [0.75, 0.25, 0.0]]]))
        (tensor([[0, 1]]), tensor([0.2500]))
    """
    weight = soft.sum(1)
    most, place = weight.topk(2, 1)
    same = most[:, 0] > 1.5
    labels = torch.where(same[:, None], place[:, :1], place)
    own = soft.gather(2, labels[..., None])[..., 0]
    other = soft.gather(2, labels.flip(1)[..., None])[..., 0]
    share = own.sum(1) / (own + other).sum(1)
    return labels, torch.where(same, 1.0, _apart(share))


def share_by_range(mixtures: Tensor, low: float, high: float) -> Tensor:
    """The share `[V]` nearest to 1/2 by which the images of two mixtures `[V, 2, C, H, W]` stay within their range."""
    tried = torch.linspace(0.5, 1.0, _SHARES + 1)[1:].to(mixtures)
    found = torch.ones(len(mixtures)).to(mixtures)
    for share in reversed(tried):
        images = unmixed(mixtures, share.expand(len(mixtures)))
        outside = (images - images.clamp(low, high)).flatten(1).square().mean(1).sqrt() / (high - low)
        found = torch.where(outside <= _OUTSIDE, share, found)
    return found


def _apart(share: Tensor) -> Tensor:
    """Keeps a share away from 1/2."""
    away = share - 0.5
    return 0.5 + torch.where(away < 0, away.clamp(max=-_EVEN), away.clamp(min=_EVEN))


class DLGUnmixed(GradientMatching):
    """Optimises mixtures and their labels as DLG does, and takes the mixtures of two images apart.

    What the client computes with are x'_1 = m x_1 + (1 - m) x_2 and x'_2 = m x_2 + (1 - m) x_1, and labels that are
    mixed alike (`bench.defenses.mixup`). DLG finds both with their labels as probabilities. If the classes differ, the
    labels tell m, and a linear system gives the images. If both images have one class, the share nearest to 1/2 is
    taken by which no pixel leaves the range. Batches of more than two are refused, because the partners are not known.

    Departs: no paper that we know of describes it. The arguments are those of `GradientMatching`; labels are always
    optimised, because those of the mixtures are not the granted ones.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, the range of inputs, labels as probabilities, and the defence."""
        return super().needs | {"classes", "soft_labels", "input_range", "defense_known"}

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and all but a batch of two that is mixed once.

        Raises:
            NotApplicable: the message says which.
        """
        self._require(self.needs, seen)
        parts = seen.defense or ()
        if sum(part["defense"] == "Mixup" for part in parts) != 1 or any(part["level"] == "update" for part in parts):
            raise NotApplicable("attack DLGUnmixed needs a client that mixes its batch once (defense=mixup)")
        if seen.batch_size != 2:
            raise NotApplicable(f"attack DLGUnmixed takes two mixtures apart; this batch has {seen.batch_size}")
        super().check(seen)

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient of the claim's mixtures.

        Args:
            seen: see `Attack.explained`.
            unknowns: `share` `[]`.
        """
        share = unknowns["share"][None]

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            soft = probabilities(targets, seen.task.classes or 0, inputs.dtype)
            return seen.task.gradient(parameters, buffers, mixed(inputs[None], share)[0], mixed(soft[None], share)[0])

        return gradient

    def _labelled(self, seen: Observation) -> bool:
        return False

    def _fixed_labels(self, seen: Observation, seed: int) -> Tensor | None:
        return None

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        claim = super()._claim(finished, layout, seen, labels)
        assert isinstance(layout, Layout) and seen.task.input_range is not None
        _, logits = layout.split(torch.stack([one.x for one in finished]))
        assert logits is not None
        found, share = share_by_labels(logits.softmax(-1).to(claim.inputs))
        share = torch.where(share == 1, share_by_range(claim.inputs, *seen.task.input_range), share)
        return replace(claim, inputs=unmixed(claim.inputs, share), labels=found, unknowns={"share": share})
