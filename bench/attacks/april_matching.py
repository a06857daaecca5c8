"""APRIL's optimisation: gradient matching with a term on the positions (Lu et al. 2022, arXiv 2112.14087)."""

from __future__ import annotations

from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.matching import Arrangement, Matching
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.objectives.position_term import PositionTerm


class AprilMatching(GradientMatching):
    """Matches the gradient of a vision transformer, and the direction of that of its position embedding (section 3.2).

    min over x' of sum_l ||g_l(x') - g*_l||^2 + weight (1 - cos(g_E(x'), g*_E)) + priors.

    It is for models that the closed form (`bench.attacks.exact.april`) cannot serve, with a LayerNorm before the
    attention or a skip connection around it.

    Departs: the paper takes Adam from normal noise; `april_matching` takes L-BFGS from gray images, as the other
    presets do (docs/attacks.md). Transforms of gradients (`views`) are not served.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and learned positions whose gradient is shared."""
        return super().needs | {"patches", "positions_shared"}

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met.
        """
        super().check(seen)
        if not isinstance(self.objective, PositionTerm):
            raise NotApplicable(
                "attack AprilMatching takes no transforms (attack.views=[]), and the objective "
                "bench.objectives.position_term.PositionTerm"
            )

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        assert seen.task.patches is not None and isinstance(self.objective, PositionTerm)
        distance = self.objective.at(seen.task.patches.position)
        return Matching(seen, layout, distance, labels, self.engine.dtype, self.priors)
