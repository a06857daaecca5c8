"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against DCS-2, whose concealing images are optimised too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.defenses.base import Gradient, Tree
from bench.defenses.dcs2 import repaired
from bench.defenses.example_form import probabilities
from bench.engine.concealed import ConcealedLayout, ConcealedMatching
from bench.engine.matching import Arrangement, Matching
from bench.engine.state import Finished
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


@dataclass(frozen=True, eq=False)
class ConcealedGradient:
    """What a client of DCS-2 shares of private and concealing images: (g(p, s y' + (1 - s) y) + g(x, y)) / 3.

    With s the `share`, p the concealing images with their drawn labels y', and y the labels of the private images x;
    2 takes the place of 3 if s is 0 or 1. The cross entropy is linear in the labels, so that one gradient of mixed
    labels is the client's mixture of two (`bench.defenses.dcs2.DCS2`).

    Args:
        gradient: see `Task.gradient`.
        sensitive: number of concealing images, those of the last private ones.
        share: weight of their drawn labels.
    """

    gradient: Gradient
    sensitive: int
    share: float

    def __call__(self, parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
        """Returns `{name: tensor}`.

        Args:
            parameters: see `Task.gradient`.
            buffers: see `Task.gradient`.
            inputs: `[B + s, C, H, W]`, the concealing images last.
            targets: `[B + s, K]`, probabilities.
        """
        cut = len(inputs) - self.sensitive
        own, drawn = targets[:cut], targets[cut:]
        plain = self.gradient(parameters, buffers, inputs[:cut], own)
        mixed = self.share * drawn + (1 - self.share) * own[cut - self.sensitive :]
        other = self.gradient(parameters, buffers, inputs[cut:], mixed)
        count = 2 if self.share in (0, 1) else 3
        return repaired({name: (other[name] + value) / count for name, value in plain.items()}, plain)


class DLGConcealed(GradientMatching):
    """Optimises the private images, the concealing images and their drawn labels until they explain what was shared.

    min over x', y', p', d' of ||D(x', y', p', d') - g*||^2, with D as `ConcealedGradient` computes it. The defence's
    strength is that a reconstruction finds the concealing images, or mixtures. But the gradient of the private images
    is in what is shared, so a concealing image that is one more unknown explains what belongs to it. That it has been
    crafted to have the gradient of the private one is not used.

    If the drawn label is the private one, the two images can change places without a difference to what is shared. The
    one that is nearer to the range of inputs is then claimed, because concealing images leave it.

    Departs: DLG knows of no concealing images; this attack is ours. The arguments are those of `GradientMatching`.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, labels as probabilities, and knowledge of the defence."""
        return super().needs | {"classes", "soft_labels", "defense_known"}

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and a client that does not conceal.

        Raises:
            NotApplicable: the message says which.
        """
        self._require(frozenset({"classes", "soft_labels", "defense_known"}), seen)
        self._known(seen)
        self._refuse_weights()
        super().check(seen)

    def _known(self, seen: Observation) -> Mapping[str, object]:
        """What is known of the defence."""
        parts = seen.defense or ()
        found = [part for part in parts if part["defense"] == "DCS2"]
        if len(found) != 1 or any(part["level"] == "update" for part in parts):
            raise NotApplicable("attack DLGConcealed needs a client that conceals images in one step (defense=dcs2)")
        return found[0]

    def _concealed(self, seen: Observation) -> ConcealedGradient:
        known = self._known(seen)
        return ConcealedGradient(seen.task.gradient, int(known["sensitive"]), float(known["share"]))  # type: ignore[call-overload, arg-type]

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient with the concealing images that were found.

        Args:
            seen: see `Attack.explained`.
            unknowns: `images` `[s, C, H, W]` and their `labels` `[s, K]`, as probabilities.
        """
        whole = self._concealed(seen)

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            own = probabilities(targets, seen.task.classes or 0, inputs.dtype)
            pairs = ((inputs, unknowns["images"]), (own, unknowns["labels"]))
            return whole(parameters, buffers, *(torch.cat([mine, other.to(mine)]) for mine, other in pairs))

        return gradient

    def _layout(self, seen: Observation) -> ConcealedLayout:
        classes = seen.task.classes or 0
        return (
            super()._layout(seen).extended(ConcealedLayout, concealing=self._concealed(seen).sensitive, classes=classes)
        )

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: those of all images are drawn together.

        Args:
            seen: see `GradientMatching.start_of`.
            seed: see `GradientMatching.start_of`.
            victim: see `GradientMatching.start_of`.
            restart: see `GradientMatching.start_of`.
        """
        layout, task, run = self._layout(seen), seen.task, (seed, int(seen.ids[victim]), restart)
        count = layout.batch_size + layout.concealing
        images = self.variables.first(self.start, count, task.input_shape, task.input_range, run, self.engine.dtype)
        own, concealing = images.split([layout.inputs, len(images) - layout.inputs])
        logits = self._start_logits(
            seen, seed, victim, restart, layout.batch_size * layout.label_logits + layout.concealing * layout.classes
        )
        mine, drawn = logits.split([layout.batch_size * layout.label_logits, layout.concealing * layout.classes])
        return torch.cat([own, mine, concealing, drawn]).to(self.engine.dtype)

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        assert isinstance(layout, ConcealedLayout)
        claim = super()._claim(finished, layout, seen, labels)
        images, drawn = layout.hidden(torch.stack([one.x for one in finished]))
        own, other = claim.inputs[:, -layout.concealing :], images.to(claim.inputs)
        alike = drawn.argmax(-1) == claim.labels[:, -layout.concealing :]
        if seen.task.input_range is not None:
            low, high = seen.task.input_range
            outside = [(of - of.clamp(low, high)).square().flatten(2).sum(2) for of in (own, other)]
            turned = (alike & (outside[1] < outside[0]))[..., None, None, None]
            own, other = torch.where(turned, other, own), torch.where(turned, own, other)
        inputs = torch.cat([claim.inputs[:, : -layout.concealing], own], 1)
        return replace(claim, inputs=inputs, unknowns={"images": other, "labels": drawn})

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        assert isinstance(layout, ConcealedLayout)
        whole = replace(seen, task=replace(seen.task, gradient=self._concealed(seen)))
        known = None if labels is None else probabilities(labels, layout.classes, self.engine.dtype)
        return ConcealedMatching(whole, layout, self.objective, known, self.engine.dtype, self.priors)
