"""The objective of several starts of one victim that see one another, many victims at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.matching import Layout, Matching, Objective, Prior, Slotted
from bench.engine.units import comparable
from bench.messages.observation import Observation
from bench.priors.batch_statistics import BatchStatistics
from bench.priors.group_consistency import GroupConsistency

PRIORS, STATISTICS = "priors", "statistics"  # the terms beside the distance
_STATISTICS = "statistics of "  # before a layer's name, among what is known of the victims


@dataclass(frozen=True)
class GroupLayout:
    """The layout of G starts of one victim in one vector, one after the other.

    Args:
        one: the layout of a start, without label logits.
        starts: G.
    """

    one: Layout
    starts: int

    @property
    def inputs(self) -> int:
        """The number of variables that represent pixels: all of them."""
        return self.n

    @property
    def n(self) -> int:
        """The number of variables per victim."""
        return self.starts * self.one.n

    def apart(self, z: Tensor) -> Tensor:
        """`[S, n]` -> images of each start `[S, G, B, C, H, W]`."""
        images, _ = self.one.split(z.reshape(-1, self.one.n))
        return images.unflatten(0, (len(z), self.starts))

    def split(self, z: Tensor) -> tuple[Tensor, None]:
        """`[S, n]` -> the images of all starts as one batch `[S, G B, C, H, W]`, and no logits."""
        return self.apart(z).flatten(1, 2), None


class GroupMatching(Matching):
    """The objective of GradInversion: that of each start, its statistics, and the distance from the other starts.

    The objective of a victim is the sum over its starts. Without the term that couples them, an elementwise direction
    therefore moves each start as if it were alone.

    Args:
        seen: the observation of all V victims.
        layout: of the starts of a victim.
        objective: see `Matching`; of a single start.
        labels: `[V, B]`.
        dtype: type of the computation.
        priors: see `Matching`; of a single start.
        statistics: the prior on what enters BatchNorm layers; None to leave it out. The observation has what it needs.
        group: the term that couples the starts.
    """

    def __init__(
        self,
        seen: Observation,
        layout: GroupLayout,
        objective: Objective,
        labels: Tensor,
        dtype: torch.dtype,
        priors: Sequence[Prior],
        statistics: BatchStatistics | None,
        group: GroupConsistency,
    ) -> None:
        super().__init__(seen, layout.one, objective, labels, dtype, priors)
        self.starts, self.statistics, self.group = layout, statistics, group
        self.ids = seen.ids
        if statistics is not None:
            wanted = (seen.statistics or {}).items()
            self._known |= {f"{_STATISTICS}{name}": value.to(dtype) for name, value in wanted}

    def load(self, victims: Tensor) -> None:
        """Puts the victims (positions in the observation, `[S]`) into the slots; their number may change."""
        super().load(victims)
        self.ids = self._seen.ids[victims]

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts `victims` (positions in the observation, `[k]`) into the slots numbered `slots` `[k]`; others stay."""
        super().replace(slots, victims)
        self.ids[slots] = self._seen.ids[victims]

    def each(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the objective of each start `[S, G]`, its share of the term that couples them included."""
        with torch.no_grad():
            return self._each(self.arguments(), z)

    def _values(self, held: Slotted, z: Tensor) -> Tensor:
        return self._each(held, z).sum(1)

    def _each(self, held: Slotted, z: Tensor) -> Tensor:
        parameters, buffers, observed, known = held
        images, model, task = self.starts.apart(z), None if self._shared else 0, self._seen.task
        by_start = self._per_victim(task.gradient, in_dims=(None, None, 0, None))
        mapped = self._per_victim(by_start, in_dims=(model, model, 0, 0))
        gradients = _joined(mapped(parameters, buffers, images, known["labels"]))
        values = self._distance(*comparable(gradients, self._repeated(observed), task.unit), known)
        for prior in self.priors:
            values = values + self._acting(PRIORS, known) * prior(images.flatten(0, 1))
        if self.statistics is not None:
            found = self._of_statistics(self.statistics, parameters, buffers, known, images)
            values = values + self._acting(STATISTICS, known) * found
        return values.unflatten(0, images.shape[:2]) + self.group(images)

    def _distance(self, gradients: dict[str, Tensor], observed: dict[str, Tensor], known: dict[str, Tensor]) -> Tensor:
        """The distance of the gradients of all starts, `{name: [S G, ...]}` -> `[S G]`."""
        return self.objective(gradients, observed)

    def _acting(self, term: str, known: dict[str, Tensor]) -> Tensor | float:
        """The factor of a term, a number or `[S G]`."""
        return 1.0

    def _of_statistics(
        self,
        term: BatchStatistics,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        known: dict[str, Tensor],
        images: Tensor,
    ) -> Tensor:
        """The prior on what enters BatchNorm layers, `[S G]`."""
        forward, model = self._seen.task.statistics, None if self._shared else 0
        assert forward is not None
        by_start = self._per_victim(forward, in_dims=(None, None, 0))
        found = _joined(self._per_victim(by_start, in_dims=(model, model, 0))(parameters, buffers, images))
        wanted = {n.removeprefix(_STATISTICS): v for n, v in known.items() if n.startswith(_STATISTICS)}
        return term(found, self._repeated(wanted))

    def _repeated(self, group: dict[str, Tensor]) -> dict[str, Tensor]:
        """`{name: [S, ...]}` -> `{name: [S G, ...]}`."""
        return {name: value.repeat_interleave(self.starts.starts, 0) for name, value in group.items()}


def _joined(group: dict[str, Tensor]) -> dict[str, Tensor]:
    """`{name: [S, G, ...]}` -> `{name: [S G, ...]}`."""
    return {name: value.flatten(0, 1) for name, value in group.items()}
