"""Reconstruction of images by matching gradients: what DLG, iDLG and most of their successors are combinations of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.attacks.matcher import Matcher, claimed
from bench.engine.box import BoxConstraint
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Layout, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.last_layer import LastLayer
from bench.messages import Observation, Reconstruction
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior

_GRAY_NOISE = 0.02  # keeps restarts apart
_RANGES = 10.0  # of inputs: a claim with a pixel further outside has diverged


class GradientMatching(Matcher):
    """Minimises the distance between the gradient of dummy images and the gradient that was shared.

    Args:
        objective, views, labels, start_labels, direction, step, stop, select, restarts, engine: see `Matcher`.
        priors: penalties on images, added to the distance.
        variables: what stands for a dummy image in the vector that is optimised.
        start: where dummy images start: `gray` (the middle of the range of inputs, with noise of 2 % of it), `uniform`
            in the range, or `normal` (standard, as published).
        box: whether each step of the images is projected onto the range of inputs.

    Raises:
        ValueError: a word is none of those named, restarts < 1, or a box around variables that are no pixels.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LastLayer | None,
        variables: Parametrisation,
        start: str,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: bool,
        select: str,
        restarts: int,
        *,
        engine: EngineSettings,
    ) -> None:
        if start not in ("gray", "uniform", "normal"):
            raise ValueError(f"start={start!r}: want gray, uniform or normal")
        super().__init__(
            objective, views, priors, labels, start_labels, direction, step, stop, select, restarts, engine=engine
        )
        if box and not variables.are_pixels:
            raise ValueError(
                "box=true: needs pixels as variables (variables._target_=bench.engine.parametrisation.Pixels)"
            )
        self.variables, self.start, self.box = variables, start, box

    @property
    def needs(self) -> frozenset[str]:
        """The base's; the range of inputs where images start in it, or are kept in it."""
        return super().needs | ({"input_range"} if self.start != "normal" or self.box else frozenset())

    def _box(self, seen: Observation, layout: Arrangement) -> BoxConstraint | None:
        assert isinstance(layout, Layout)
        return BoxConstraint(*seen.task.input_range, layout.inputs) if self.box and seen.task.input_range else None

    def _strays(self, seen: Observation, layout: Arrangement) -> Callable[[Tensor], bool] | None:
        """More than ten ranges outside the range of inputs, where that is granted."""
        if seen.task.input_range is None:
            return None
        low, high = seen.task.input_range
        far = _RANGES * (high - low)

        def strays(x: Tensor) -> bool:
            images, _ = layout.split(x.unsqueeze(0))
            return bool(((images < low - far) | (images > high + far)).any())

        return strays

    def _layout(self, seen: Observation) -> Layout:
        assert seen.batch_size is not None
        logits = 0 if self._labelled(seen) else seen.task.classes or 0
        return Layout(seen.batch_size, seen.task.input_shape, logits, self.variables)

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """The initial variables `[n]` of the victim at this position of the observation: images, then label logits."""
        assert seen.batch_size is not None
        number = int(seen.ids[victim])
        shape = (seen.batch_size, *seen.task.input_shape)
        kind = "normal" if self.start == "normal" else "uniform"
        images = draw(kind, shape, seed, "dummy images", number, restart)
        if self.start != "normal":
            assert seen.task.input_range is not None
            low, high = seen.task.input_range
            if self.start == "gray":
                images = 0.5 + _GRAY_NOISE * (images - 0.5)
            images = low + (high - low) * images
        images = self.variables.encode(images.to(self.engine.dtype)).flatten()
        if self._labelled(seen):
            return images
        logits = self._start_logits(seen, seed, victim, restart, seen.batch_size * (seen.task.classes or 0))
        return torch.cat([images, logits]).to(self.engine.dtype)

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        position = torch.tensor([one.victim for one in finished], device=seen.ids.device)
        images, logits = layout.split(torch.stack([one.x for one in finished]))
        found = labels[position] if logits is None and labels is not None else logits.argmax(-1)  # type: ignore[union-attr]
        moments = torch.stack([one.images for one in finished])
        drawn, _ = layout.split(moments.flatten(0, 1))
        drawn = drawn.reshape(*moments.shape[:2], *drawn.shape[1:])
        return claimed(finished, seen, images.float(), found, {"images": drawn.float()})
