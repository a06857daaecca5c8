"""Reconstruction by matching gradients: what DLG, iDLG and most of their successors are combinations of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.engine.box import Box
from bench.engine.directions import Direction
from bench.engine.loop import Minimiser
from bench.engine.matching import Layout, Matching, Objective
from bench.engine.randomness import draw
from bench.engine.restarts import Repeated, Selection
from bench.engine.settings import Engine
from bench.engine.state import Finished
from bench.engine.steps import Step
from bench.engine.stops import Stop
from bench.engine.tuning import Tuned, tune
from bench.engine.variables import Variables
from bench.labels.last_layer import LastLayer
from bench.messages import Observation, Reconstruction
from bench.objectives.view import Compared, View
from bench.priors.base import Prior

_GRAY_NOISE = 0.02  # keeps restarts apart
_FOR_LABELS = frozenset({"batch_of_one", "last_linear", "classes"})


class GradientMatching(Attack):
    """Minimises the distance between the gradient of dummy data and the gradient that was shared.

    Args:
        objective: distance, `(gradients, observed) -> [V]`.
        views: what is done to both gradients before they are compared (attackers that know a defence).
        priors: penalties on images, added to the distance; the sum is what is minimised, reported and selected by.
        labels: label inference; null to optimise the labels jointly, as logits under a softmax.
        variables: what stands for a dummy image in the vector that is optimised.
        start: where dummy images start: `gray` (the middle of the range of inputs, with noise of 2 % of it), `uniform`
            in the range, or `normal` (standard, as published).
        start_labels: where label logits start: `normal` (as published) or `zeros`.
        direction, step, stop: see `bench.engine`.
        box: whether each step of the images is projected onto the range of inputs.
        select: which iterate is returned, `best` by the objective or `last`.
        restarts: runs a victim, each from a start of its own; the one with the lowest objective is claimed, and what
            all of them cost is counted (iterations, evaluations, seconds).
        engine: how many victims at once, in which precision.

    Raises:
        ValueError: a word is none of those named, restarts < 1, or a box around variables that are no pixels.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[View],
        priors: Sequence[Prior],
        labels: LastLayer | None,
        variables: Variables,
        start: str,
        start_labels: str,
        direction: Direction,
        step: Step,
        stop: Stop,
        box: bool,
        select: str,
        restarts: int,
        *,
        engine: Engine,
    ) -> None:
        super().__init__()
        if start not in ("gray", "uniform", "normal"):
            raise ValueError(f"start={start!r}: want gray, uniform or normal")
        if start_labels not in ("zeros", "normal"):
            raise ValueError(f"start_labels={start_labels!r}: want zeros or normal")
        if restarts < 1:
            raise ValueError(f"restarts={restarts}: must be >= 1 (runs a victim)")
        self.objective: Objective = Compared(objective, views) if views else objective
        self.views, self.priors, self.labels, self.engine = views, priors, labels, engine
        if box and not variables.are_pixels:
            raise ValueError("box=true: needs pixels as variables (variables._target_=bench.engine.variables.Pixels)")
        self.variables, self.start, self.start_labels = variables, start, start_labels
        self.box, self.restarts = box, restarts
        self.minimiser = Minimiser(direction, step, stop, select)

    @property
    def needs(self) -> frozenset[str]:
        """B and the buffers; the classes where labels are optimised; what the label inference and the views need."""
        needs = {"batch_size", "buffers"}.union(*(view.needs for view in self.views))
        if self.start != "normal" or self.box:
            needs |= {"input_range"}
        needs |= {"classes"} if self.labels is None else {"batch_of_one", "last_linear"}
        return frozenset(needs)

    def check(self, seen: Observation) -> None:
        """Known labels make their inference needless."""
        self._check_kind(seen)
        needs = self.needs - (_FOR_LABELS if seen.labels is not None else frozenset())
        self._require(needs, seen)
        for view in self.views:
            view.check(seen)

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Runs the loop over all victims; yields them as they finish."""
        self.check(seen)
        assert seen.batch_size is not None
        labels = seen.labels
        if labels is None and self.labels is not None:
            labels = self.labels(seen)
        logits = 0 if labels is not None else seen.task.classes or 0
        layout = Layout(seen.batch_size, seen.task.input_shape, logits, self.variables)
        tuned = self._tuned(seen, layout, labels, seed)
        slots, left = tuned.slots, torch.arange(len(seen), device=seen.ids.device)
        while len(left):
            try:
                known = None if labels is None else labels[left]
                for claim in self._run(seen.take(left), layout, known, seed, tuned, slots):
                    left = left[~torch.isin(seen.ids[left], claim.ids)]
                    yield claim
            except torch.OutOfMemoryError:
                if slots == 1:
                    raise
                slots //= 2
                self.engine.notice(f"out of memory: {slots} victims at once from here")

    def _run(
        self, seen: Observation, layout: Layout, labels: Tensor | None, seed: int, tuned: Tuned, slots: int
    ) -> Iterator[Reconstruction]:
        matching = self._matching(seen, layout, labels)
        tuned.apply(matching)
        repeated, selection = Repeated(matching, self.restarts), Selection(self.restarts)
        box = Box(*seen.task.input_range, layout.inputs) if self.box and seen.task.input_range else None
        start, runs = self._starts(seen, seed), self.restarts * len(seen)
        for finished in self.minimiser.run(repeated, start, runs, slots, self.engine.watch, box):
            if done := selection.add(finished):
                yield self._claim(done, layout, seen, labels)

    def _matching(self, seen: Observation, layout: Layout, labels: Tensor | None) -> Matching:
        return Matching(seen, layout, self.objective, labels, self.engine.dtype, self.priors)

    def _starts(self, seen: Observation, seed: int) -> Callable[[Tensor], Tensor]:
        """Runs `[k]` -> their initial variables `[k, n]`."""

        def start(runs: Tensor) -> Tensor:
            drawn = [self.start_of(seen, seed, *divmod(run, self.restarts)) for run in runs.tolist()]
            return torch.stack(drawn).to(seen.ids.device)

        return start

    def _tuned(self, seen: Observation, layout: Layout, labels: Tensor | None, seed: int) -> Tuned:
        """How this kind of work is done; found out at the first block of a cell and kept for the others."""
        engine = self.engine
        shapes = tuple((name, tuple(value.shape[1:])) for name, value in seen.gradients.items())
        shared = all(value.stride(0) == 0 for value in seen.parameters.values())
        kind = (layout, shapes, shared, labels is None, engine.precision, seen.ids.device)

        def make(runs: Tensor) -> tuple[Matching, Tensor]:
            matching = self._matching(seen, layout, labels)
            matching.load((runs // self.restarts).to(seen.ids.device))
            return matching, self._starts(seen, seed)(runs)

        if kind not in engine.tuned:
            here, in_all = (self.restarts * count for count in (len(seen), max(engine.victims, len(seen))))
            budget = self.minimiser.stop.budget
            found = tune(make, here, engine.chunk, engine.threads, engine.compile, in_all, budget, seen.ids.device)
            if found.notice:
                engine.notice(found.notice)
            engine.tuned[kind] = found
        return engine.tuned[kind]

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
        if self.labels is not None or seen.labels is not None:
            return images
        rows = seen.batch_size * (seen.task.classes or 0)
        logits = torch.zeros(rows)
        if self.start_labels == "normal":
            logits = draw("normal", (rows,), seed, "dummy labels", number, restart)
        return torch.cat([images, logits]).to(self.engine.dtype)

    def _claim(
        self, finished: list[Finished], layout: Layout, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        position = torch.tensor([one.victim for one in finished], device=seen.ids.device)
        images, logits = layout.split(torch.stack([one.x for one in finished]))
        claimed = labels[position] if logits is None and labels is not None else logits.argmax(-1)  # type: ignore[union-attr]
        moments = torch.stack([one.images for one in finished])
        v, m = moments.shape[:2]
        drawn, _ = layout.split(moments.flatten(0, 1))
        return Reconstruction(
            ids=seen.ids[position],
            inputs=images.float(),
            labels=claimed,
            objective=torch.tensor([one.objective for one in finished], dtype=torch.float64),
            iterations=torch.tensor([one.iterations for one in finished]),
            evaluations=torch.tensor([one.evaluations for one in finished]),
            seconds=torch.tensor([one.seconds for one in finished], dtype=torch.float64),
            status=[one.status for one in finished],
            trace={
                "moments": torch.stack([one.at for one in finished]),
                "images": drawn.reshape(v, m, *drawn.shape[1:]).float(),
                "curve_at": torch.stack([one.curve_at for one in finished]),
                "curve": torch.stack([one.curve for one in finished]).float(),
            },
        )
