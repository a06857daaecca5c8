"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against a model with a random latent, whose noise is optimised too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.defenses.base import Gradient, Tree
from bench.engine.directions import Direction
from bench.engine.latent import LatentLayout, LatentMatching
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class DLGLatent(GradientMatching):
    """Optimises images, labels and the noise of the latent until their gradient equals the shared one.

    min over x', y', e of ||grad L(f(x'; e), softmax y') - g*||^2, where z = mu(x') + sigma(x') e is the latent of
    PRECODE (`bench.defenses.precode`), and e starts at zero. The defence's strength is that a client draws e and nobody
    else knows it; here e is one more unknown, of which the gradient says enough. The noise has no prior.

    With the view `bench.objectives.below_bottleneck.BelowBottleneck`, only the gradients below the bottleneck are
    compared: images are then found sooner, because e has to explain no more than the derivative by the bottleneck's
    input.

    Departs: the attack that broke PRECODE in print reads the first layer of a fully connected network (Balunovic et al.
    2022, arXiv 2111.04706, and `attack=linear_layer` here), which a convolutional network does not have. This attack is
    ours.

    Args:
        objective: see `GradientMatching`.
        views: see `GradientMatching`.
        priors: see `GradientMatching`.
        labels: see `GradientMatching`.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        start_labels: see `GradientMatching`.
        direction: see `GradientMatching`.
        step: see `GradientMatching`.
        stop: see `GradientMatching`.
        box: see `GradientMatching`.
        select: see `GradientMatching`.
        restarts: see `GradientMatching`.
        noise_scale: the noise is this factor times its variables, > 0; the smaller it is, the later it moves.
        engine: see `GradientMatching`.

    Raises:
        ValueError: see `GradientMatching`; or noise_scale is out of its range.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LabelRule | None,
        variables: Parametrisation,
        start: str,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: bool,
        select: str,
        restarts: int,
        noise_scale: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        if not noise_scale > 0:
            raise ValueError(f"noise_scale={noise_scale}: must be > 0")
        self.noise_scale = noise_scale

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and knowledge of the defence."""
        return super().needs | {"defense_known"}

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, a model without a latent, and one that draws it several times.

        Raises:
            NotApplicable: the message says which.
        """
        self._require(self.needs, seen)
        self._latent(seen)
        super().check(seen)

    def _latent(self, seen: Observation) -> str:
        """The name of the buffer that holds the noise, as the defence says it."""
        parts = seen.defense or ()
        names = [str(part["latent"]) for part in parts if "latent" in part]
        if len(names) != 1:
            raise NotApplicable("attack DLGLatent needs a client whose model draws a latent (defense=precode)")
        if any(part["level"] == "update" for part in parts):
            raise NotApplicable(
                "attack DLGLatent optimises one noise for each example, and the client draws one in each local step"
            )
        return names[0]

    def _layout(self, seen: Observation) -> LatentLayout:
        width = seen.buffers[self._latent(seen)].shape[-1]
        return super()._layout(seen).extended(LatentLayout, latents=width, scale=self.noise_scale)

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: those of the images, label logits, and a noise of zero.

        Args:
            seen: see `GradientMatching.start_of`.
            seed: see `GradientMatching.start_of`.
            victim: see `GradientMatching.start_of`.
            restart: see `GradientMatching.start_of`.
        """
        start, layout = super().start_of(seen, seed, victim, restart), self._layout(seen)
        return torch.cat([start, start.new_zeros(layout.batch_size * layout.latents)])

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient with the noise that was found.

        Args:
            seen: see `Attack.explained`.
            unknowns: `noise` `[B, k]`.
        """
        held = {self._latent(seen): unknowns["noise"]}

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            return seen.task.gradient(parameters, buffers | held, inputs, targets)

        return gradient

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        assert isinstance(layout, LatentLayout)
        noise = layout.noise(torch.stack([one.x for one in finished]))
        return replace(super()._claim(finished, layout, seen, labels), unknowns={"noise": noise})

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        assert isinstance(layout, LatentLayout)
        return LatentMatching(seen, layout, self.objective, labels, self.engine.dtype, self.priors, self._latent(seen))
