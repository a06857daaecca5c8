"""Reconstruction of images by gradient matching: DLG, iDLG and most of their successors are special cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.attacks.chunks import claimed
from bench.attacks.matcher import Matcher
from bench.engine.box import Box, BoxConstraint, ImageBox
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Layout, Objective
from bench.engine.parametrisation import ImageMap, Parametrisation, Pixels
from bench.engine.settings import EngineSettings
from bench.engine.starts import COLOURS, PLAIN
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior

_RANGES = 10.0  # a run with a pixel further outside has diverged; in units of the range of inputs


class GradientMatching(Matcher):
    """Minimises the distance between the gradient of dummy images and the gradient that was shared.

    Args:
        objective: see `Matcher`.
        views: see `Matcher`.
        priors: penalties on images `[S, B, C, H, W]`, or on series `[S, B, C, T]`, added to the distance.
        labels: see `Matcher`.
        variables: how a dummy image is represented by the variables that are optimised.
        start: where dummy images start: `gray` (the middle of the range of inputs, with noise of 2 % of it), `uniform`
            in the range, `normal` (standard normal, as published), or another word of `bench.engine.starts`. If the
            variables are the weights of a generator, `weights` is the only start: what a network draws whose weights
            are random.
        start_labels: see `Matcher`.
        direction: see `Matcher`.
        step: see `Matcher`.
        stop: see `Matcher`.
        box: whether the images are projected onto the range of inputs after each step.
        select: see `Matcher`.
        restarts: see `Matcher`.
        engine: see `Matcher`.

    Raises:
        ValueError: a word is none of those named, or not one for these variables; restarts < 1; or `box` is true, the
            variables are not pixels, and they are weights or the step searches along a line.
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
        *,
        engine: EngineSettings,
    ) -> None:
        if start not in variables.starts:
            words = ", ".join(variables.starts)
            raise ValueError(f"start={start!r}: want {words} (variables={type(variables).__name__})")
        super().__init__(
            objective, views, priors, labels, start_labels, direction, step, stop, select, restarts, engine=engine
        )
        if box and not variables.are_pixels and (step.safeguarded or not isinstance(variables, ImageMap)):
            why = "a line search needs" if step.safeguarded else "a projection needs"
            raise ValueError(
                f"box=true: {why} pixels as variables (variables._target_=bench.engine.parametrisation.Pixels)"
            )
        self.variables, self.start, self.box = variables, start, box

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `Matcher`, and the range of inputs if images start in it or are kept in it."""
        return super().needs | ({"input_range"} if self.start != "normal" or self.box else frozenset())

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve, and a start in a colour that the images do not have.

        Raises:
            NotApplicable: the message names what is missing.
        """
        super().check(seen)
        self._check_priors(seen.task.kind)
        if seen.task.kind != "images":
            self._check_vectors()
        elif self.start in COLOURS and seen.task.input_shape[0] != 3:
            raise NotApplicable(
                f"attack.start={self.start} needs images of three channels (try attack.start=dark or light)"
            )

    def _check_priors(self, kind: str) -> None:
        """Refuses priors on data of another kind.

        Raises:
            NotApplicable: the message names the setting.
        """
        for prior in self.priors:
            if kind == "rows" or (isinstance(prior, Prior) and prior.of_series != (kind == "series")):
                raise NotApplicable(
                    f"attack {type(self).__name__} has the prior {type(prior).__name__}, which is not for {kind} "
                    "(attack.priors=[])"
                )

    def _check_vectors(self) -> None:
        """Refuses what has a meaning for images alone: a box, and starts with a place or a colour.

        Raises:
            NotApplicable: the message names the setting.
        """
        self._refuse_weights()
        if self.box or self.start not in PLAIN:
            lack = "attack.box=false" if self.box else f"attack.start={PLAIN[0]}"
            raise NotApplicable(
                f"attack {type(self).__name__} has a setting for images, and rows and series have no bounds and no "
                f"neighbouring pixels ({lack})"
            )

    def _variables(self, seen: Observation) -> Parametrisation:
        """How dummies are represented; rows and series have no spectrum of an image, so their numbers are variables."""
        return self.variables if seen.task.kind == "images" else Pixels()

    def _refuse_weights(self) -> None:
        """Refuses the weights of a generator as variables, for attacks whose variables are those of single images.

        Raises:
            NotApplicable: the message names the attack and the setting.
        """
        if not isinstance(self.variables, ImageMap):
            raise NotApplicable(
                f"attack {type(self).__name__} needs variables of each image, such as pixels, and not the weights of a "
                "generator (attack.variables._target_=bench.engine.parametrisation.Pixels)"
            )

    def _box(self, seen: Observation, layout: Arrangement) -> Box | None:
        assert isinstance(layout, Layout)
        if not self.box or not seen.task.input_range:
            return None
        low, high = seen.task.input_range
        return BoxConstraint(low, high, layout.inputs) if layout.variables.are_pixels else ImageBox(low, high, layout)

    def _strays(self, seen: Observation, layout: Arrangement) -> Callable[[Tensor], bool] | None:
        """Tests for pixels more than ten ranges outside the range of inputs; None if the range is not granted."""
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
        return Layout(seen.batch_size, seen.task.input_shape, logits, self._variables(seen))

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: those of the images, then label logits.

        Args:
            seen: the observation.
            seed: seed of the attacker's random numbers.
            victim: position of the victim in the observation.
            restart: number of the run.
        """
        assert seen.batch_size is not None
        task, run = seen.task, (seed, int(seen.ids[victim]), restart)
        images = self._variables(seen).first(
            self.start, seen.batch_size, task.input_shape, task.input_range, run, self.engine.dtype
        )
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
