"""What attacks on a vision transformer's first attention share: tokens in closed form, the image of them, the check."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator

from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.exact.patches import Patches
from bench.attacks.exact.verified import verified
from bench.engine.settings import EngineSettings
from bench.labels.last_layer import LastLayer
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


class PatchAttack(Attack):
    """Solves for the tokens that the first attention reads; the image follows from the embedding of its patches.

    A claim counts if its gradient is the shared one; otherwise, the victim has failed and has no image. Everything is
    computed in float64, whatever the engine's type.

    Args:
        rank_tolerance: the equations count as open if a singular value of theirs is below this share of the largest,
            in (0, 1).
        enough: a claim counts up to this relative squared distance between its gradient and the shared one, > 0.
        labels: label inference, used if the labels are not granted.
        engine: not used.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, rank_tolerance: float, enough: float, labels: LastLayer, *, engine: EngineSettings) -> None:
        super().__init__()
        if not 0 < rank_tolerance < 1:
            raise ValueError(f"rank_tolerance={rank_tolerance}: must be between 0 and 1 (share of a singular value)")
        if not enough > 0:
            raise ValueError(f"enough={enough}: must be > 0 (relative squared distance between gradients)")
        self.rank_tolerance, self.enough, self.labels = rank_tolerance, enough, labels

    @abstractmethod
    def tokens(self, patches: Patches) -> Tensor | None:
        """The tokens h `[T, D]`, or those of the patches alone `[N, D]`; None if the equations leave them open."""

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstruction of each victim, one victim after the other.

        Args:
            seen: see `Attack.reconstruct`.
            seed: not used; nothing is random.
        """
        self.check(seen)
        labels = seen.labels if seen.labels is not None else self.labels(seen)
        for position in range(len(seen)):
            begin = time.perf_counter()
            patches = Patches.of(seen, position)
            tokens = self.tokens(patches)
            claims = [] if tokens is None else [(patches.image(tokens)[None], labels[position])]
            yield verified(seen, position, claims, self.enough, begin=begin)
