"""What attacks against mixtures share: the mixtures are matched with their shares, and then decoded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.attacks.known_change import only_change
from bench.attacks.mixed_matching import MixedLayout, MixedMatching
from bench.attacks.unmixing import circles
from bench.defenses.example_form import probabilities
from bench.engine.matching import Arrangement, Matching
from bench.engine.state import Finished
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


@dataclass(frozen=True, eq=False)
class Mixtures:
    """What the matching found of one victim, in float64.

    Args:
        inputs: the mixtures, `[B, C, H, W]`.
        share: of each example in its own mixture, `[1]` for all or `[B]`.
        partner: the other example of each mixture, `[B]`, int64.
        labels: of the examples before they were mixed, `[B]`.
        span: the range of inputs.
    """

    inputs: Tensor
    share: Tensor
    partner: Tensor
    labels: Tensor
    span: tuple[float, float]

    @property
    def is_of_one_class(self) -> bool:
        """Whether all labels are the same, so that mixed labels say nothing of the shares."""
        return bool((self.labels == self.labels[0]).all())


class MixtureMatching(GradientMatching):
    """Optimises mixtures u' and the shares m of their labels, and leaves it to a subclass to decode them.

    min over u', m of ||grad L(f(u'), m y + (1 - m) y_partner) - g*||^2. The labels y of the batch are inferred, by a
    rule that counts classes. Of the mixed labels only the shares are then unknown. With labels that are optimised as
    those of any example are, as `dlg` does, the matching often ends before it has found the mixtures.

    Which examples are partners is unknown for B >= 3: there are (B - 1)! circles, of which each restart tries one, and
    the one of the lowest objective is taken.

    The arguments are those of `GradientMatching`. Labels need a rule, of the labels before they are mixed; each of the
    restarts tries another circle of partners; `start_labels` has no effect.
    """

    undoes_changes = True
    mixes: ClassVar[str]  # the class of the defence
    hint: ClassVar[str]  # what to do if the client has another one

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, labels as probabilities, and knowledge of the defence."""
        return super().needs | {"classes", "soft_labels", "input_range", "defense_known"}

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and a client that does not mix the batch of one step once.

        Raises:
            NotApplicable: the message says which.
        """
        self._require(frozenset({"classes", "soft_labels", "input_range", "defense_known"}), seen)
        self._known(seen)
        self._refuse_weights()
        super().check(seen)

    def _known(self, seen: Observation) -> Mapping[str, Any]:
        """What is known of the defence that mixes."""
        return only_change(seen, self.mixes, f"attack {type(self).__name__}", "mixes the images", self.hint)

    def _layout(self, seen: Observation) -> MixedLayout:
        plain = super()._layout(seen)
        count, span = self._shares(seen)
        partners = circles(plain.batch_size, self.restarts)
        return plain.extended(MixedLayout, shares=count, span=span, partners=partners)

    @abstractmethod
    def _shares(self, seen: Observation) -> tuple[int, tuple[float, float]]:
        """How many shares a batch has, 1 or B, and their range."""

    @abstractmethod
    def _decoded(self, found: Mixtures) -> tuple[Tensor, dict[str, Tensor]]:
        """The images `[B, C, H, W]` of which the mixtures were made, and what `explained` has to know of them."""

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: mixtures, shares in the middle of their range, the circle.

        Args:
            seen: see `GradientMatching.start_of`.
            seed: see `GradientMatching.start_of`.
            victim: see `GradientMatching.start_of`.
            restart: see `GradientMatching.start_of`.
        """
        images, layout = super().start_of(seen, seed, victim, restart), self._layout(seen)
        circle = images.new_full((1,), restart % len(layout.partners))
        return torch.cat([images, images.new_zeros(layout.shares), circle])

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        assert isinstance(layout, MixedLayout) and seen.task.input_range is not None
        claim = super()._claim(finished, layout, seen, labels)
        z = torch.stack([one.x for one in finished])
        mixtures, _ = layout.split(z)
        shares, partners = layout.share(z).double(), layout.partner(z)
        decoded = [
            self._decoded(Mixtures(*one, seen.task.input_range))
            for one in zip(mixtures.double(), shares, partners, claim.labels, strict=True)
        ]
        unknowns = {name: torch.stack([one[name] for _, one in decoded]) for name in decoded[0][1]}
        return replace(claim, inputs=torch.stack([one for one, _ in decoded]).to(claim.inputs), unknowns=unknowns)

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        assert isinstance(layout, MixedLayout) and labels is not None and seen.task.classes is not None
        dtype = self.engine.dtype
        soft = probabilities(labels, seen.task.classes, dtype)
        return MixedMatching(seen, layout, self.objective, soft, dtype, self.priors)
