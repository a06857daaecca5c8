"""What attacks that match gradients share, for images and for sentences: parts, the loop over victims, restarts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.chunks import in_chunks, tuned_once
from bench.engine.box import Box
from bench.engine.directions import Direction
from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.restarts import Repeated, Selection
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.engine.slotted_objective import SlottedObjective
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.engine.trace import PICTURES, WORDS
from bench.engine.tuning import Tuned
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform, TransformedObjective
from bench.priors.base import Prior

_FOR_JOINT = frozenset({"classes", "soft_labels"})  # needed by labels that are optimised with the inputs
_FOR_RULES = frozenset({"batch_of_one", "last_linear", "last_layer_shared"})  # needed by the rule of iDLG


class Matcher(Attack):
    """Minimises the distance between the gradient of dummy data and the gradient that was shared.

    A subclass says what dummy data are: how they are laid out in a vector, where they start, and what is reconstructed
    from them.

    Args:
        objective: distance, `(gradients, observed) -> [S]`.
        views: transforms of both gradients before they are compared, for attackers that know a defence.
        priors: penalties on dummy inputs, added to the distance; the sum is minimised, reported and used for selection.
        labels: label inference; null to optimise the labels jointly, as logits under a softmax.
        start_labels: where label logits start: `normal` (standard normal, as published) or `zeros`.
        direction: see `bench.engine.directions`.
        step: see `bench.engine.steps`.
        stop: see `bench.engine.stops`.
        select: which iterate is returned, `best` by the objective or `last`.
        restarts: runs per victim, each from its own start. The run with the lowest objective is returned; its cost
            (iterations, evaluations, seconds) is the sum over all runs.
        engine: settings of the loop, such as the number of victims at once and the precision.

    Raises:
        ValueError: a word is none of those named, or restarts < 1.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LabelRule | None,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        select: str,
        restarts: int,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__()
        if start_labels not in ("zeros", "normal"):
            raise ValueError(f"start_labels={start_labels!r}: want zeros or normal")
        if restarts < 1:
            raise ValueError(f"restarts={restarts}: must be >= 1 (runs per victim)")
        self.objective: Objective = TransformedObjective(objective, views) if views else objective
        self.views, self.priors, self.labels, self.engine = views, priors, labels, engine
        self.start_labels, self.restarts = start_labels, restarts
        self.minimiser = Minimiser(direction, step, stop, select, WORDS if self.of_sentences else PICTURES)

    @property
    def needs(self) -> frozenset[str]:
        """Batch size and buffers; what the labels need, optimised or inferred; what the views need."""
        needs = {"batch_size", "buffers"}.union(*(view.needs for view in self.views))
        return frozenset(needs | self._for_labels)

    @property
    def _for_labels(self) -> frozenset[str]:
        """What the labels need, optimised or inferred."""
        return _FOR_JOINT if self.labels is None else self.labels.needs

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve; known labels remove the needs of label inference.

        Raises:
            NotApplicable: the message names the first need that is not met.
        """
        self._check_kind(seen)
        self._require(self._needed(seen), seen)
        for view in self.views:
            view.check(seen)
        if self.labels is not None and seen.labels is None:
            self.labels.check(seen)

    def _needed(self, seen: Observation) -> frozenset[str]:
        if seen.labels is None:
            return self.needs
        return self.needs - ((self._for_labels | _FOR_JOINT | _FOR_RULES) - {"batch_size", "buffers"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Runs the loop over all victims, and yields each victim's reconstruction when it has finished.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        seen = self._completed(seen)
        labels = self._fixed_labels(seen, seed)
        layout = self._layout(seen)
        tuned = self._tuned(seen, layout, labels, seed)

        def run(left: Tensor, slots: int) -> Iterator[Reconstruction]:
            known = None if labels is None else labels[left]
            return self._run(seen.take(left), layout, known, seed, tuned, slots)

        yield from in_chunks(seen, tuned.slots, self.engine, run)

    def _run(
        self, seen: Observation, layout: Arrangement, labels: Tensor | None, seed: int, tuned: Tuned, slots: int
    ) -> Iterator[Reconstruction]:
        matching = self._matching(seen, layout, labels)
        tuned.apply(matching)
        repeated = Repeated(self._minimised(matching, layout, seen), self.restarts)
        selection = self._selection(seen, layout, labels)
        seats = tuned.seats(seen.ids, self.restarts, slots)
        running = self._minimiser_for(matching, self._minimiser(layout), seed).run(
            repeated,
            self._starts(seen, seed),
            self.restarts * len(seen),
            slots,
            self.engine.watch,
            self._box(seen, layout),
            seats=seats,
            strays=self._strays(seen, layout),
        )
        for finished in running:
            for done in selection.add(finished):  # one by one: a claim must not depend on what else has finished
                yield self._claim([done], layout, seen, labels)

    def _selection(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Selection:
        """What makes one result of the runs of a victim; the best run here."""
        return Selection(self.restarts)

    def _starts(self, seen: Observation, seed: int) -> Callable[[Tensor], Tensor]:
        """Returns a function from runs `[k]` to their initial variables `[k, n]`."""

        def start(runs: Tensor) -> Tensor:
            drawn = [self.start_of(seen, seed, *divmod(run, self.restarts)) for run in runs.tolist()]
            return torch.stack(drawn).to(seen.ids.device)

        return start

    def _tuned(self, seen: Observation, layout: Arrangement, labels: Tensor | None, seed: int) -> Tuned:
        def make(runs: Tensor) -> tuple[Matching, Tensor]:
            matching = self._matching(seen, layout, labels)
            matching.load((runs // self.restarts).to(seen.ids.device))
            return matching, self._starts(seen, seed)(runs)

        budget, fixed = self.minimiser.stop.budget, labels is not None
        minimiser = self._minimiser(layout)
        return tuned_once(
            self.engine, seen, layout, make, minimiser, restarts=self.restarts, budget=budget, fixed_labels=fixed
        )

    def _start_logits(self, seen: Observation, seed: int, victim: int, restart: int, count: int) -> Tensor:
        """The initial label logits `[count]` of the victim at this position of the observation."""
        if self.start_labels == "zeros":
            return torch.zeros(count)
        return draw("normal", (count,), seed, "dummy labels", int(seen.ids[victim]), restart)

    def _completed(self, seen: Observation) -> Observation:
        """Returns the observation, completed by what the attacker infers beforehand."""
        return seen

    def _box(self, seen: Observation, layout: Arrangement) -> Box | None:
        """The bounds onto which each step is projected, or None."""
        return None

    def _strays(self, seen: Observation, layout: Arrangement) -> Callable[[Tensor], bool] | None:
        """A test whether variables `[n]` are such that no input can have them; None if that cannot be known."""
        return None

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        return Matching(seen, layout, self.objective, labels, self.engine.dtype, self.priors)

    def _minimiser(self, layout: Arrangement) -> Minimiser:
        """The minimiser, for variables laid out like this."""
        return self.minimiser

    def _minimised(self, matching: Matching, layout: Arrangement, seen: Observation) -> SlottedObjective:
        """What the loop minimises: the matching, or a wrapper that an attack puts around it."""
        return matching

    def _minimiser_for(self, matching: Matching, minimiser: Minimiser, seed: int) -> Minimiser:
        """The minimiser of a run; an attack may give it a direction that looks at `matching`, or hand this the seed."""
        return minimiser

    def _fixed_labels(self, seen: Observation, seed: int) -> Tensor | None:
        """The labels `[V, B]` if they are granted or inferred; None if they are optimised."""
        if seen.labels is not None or self.labels is None:
            return seen.labels
        return self.labels(seen, seed)

    def _labelled(self, seen: Observation) -> bool:
        """Whether labels are granted or inferred, and so not optimised."""
        return seen.labels is not None or self.labels is not None

    @abstractmethod
    def _layout(self, seen: Observation) -> Arrangement:
        """The layout of a victim's variables, with label logits unless labels are granted or inferred (`_labelled`)."""

    @abstractmethod
    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: inputs, then label logits.

        Args:
            seen: the observation.
            seed: seed of the attacker's random numbers.
            victim: position of the victim in the observation.
            restart: number of the run.
        """

    @abstractmethod
    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        """Returns the reconstruction of finished victims; `labels` are those of all victims of `seen`, if fixed."""
