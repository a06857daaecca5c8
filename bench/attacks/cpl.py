"""Client privacy leakage, CPL (Wei et al. 2020, arXiv 2004.10397)."""

from __future__ import annotations

from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.matching import Arrangement, Matching
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.objectives.label_term import LabelTerm


class CPL(GradientMatching):
    """Matches the gradient and the label that was read from it, from a geometric start.

    min over x' of sum_l ||g_l(x') - g*_l||^2 + weight ||y' - y||^2, by L-BFGS, with y as in iDLG and y' the prediction
    for x' (`bench.objectives.label_term`). The starts are a random patch that is repeated 2 x 2 or 4 x 4 times, a dark
    or a light image, or one in red, green or blue (`bench.engine.starts`).

    Departs: the prediction is read from the dummy's gradient of the last bias, so that bias must be shared. If labels
    are granted for a larger batch, the term is that of the mean over the batch. The paper's definition was written down
    from memory; its weight is not known to us. `cpl` differs from `cpl_published` as `idlg` does from `idlg_published`.
    Transforms of gradients (`views`) are not served.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and the length of the update, without which no prediction can be read."""
        return super().needs | {"update_length", "last_linear"}

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names what is missing.
        """
        super().check(seen)
        if not isinstance(self.objective, LabelTerm):
            raise NotApplicable(
                "attack CPL takes no transforms (attack.views=[]), and the objective "
                "bench.objectives.label_term.LabelTerm"
            )
        if seen.task.last_bias is None or seen.task.last_bias not in seen.gradients:
            raise NotApplicable(
                "attack CPL needs a last layer with a bias, and its gradient (model.shared; requires_grad)"
            )

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        assert seen.task.last_bias is not None and isinstance(self.objective, LabelTerm)
        distance = self.objective.at(seen.task.last_bias)
        return Matching(seen, layout, distance, labels, self.engine.dtype, self.priors)
