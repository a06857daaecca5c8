"""DLG with the paper's change for batches: one example per step (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from dataclasses import replace

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.directions import LBFGS, Gradient
from bench.engine.in_turn import InTurn
from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Layout
from bench.errors import NotApplicable
from bench.messages.observation import Observation


class DLGInTurn(GradientMatching):
    """Optimises one example of the batch per step, its image and its label, each in its turn.

    A batch of B examples has B! orders with the same gradient, and the paper supposes that this is why an optimiser
    finds no direction for all examples at once (its section on batched data). So it moves example i mod B at step i. An
    iteration here is one step of one example. With one example it is `dlg`.

    Departs: as `bench.attacks.dlg.DLG`. Each example has an L-BFGS history of its own, since the paper does not say how
    the curvature of one example's steps enters another's. An example that finds no lower point passes its turn on.
    """

    of_vectors = True

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met, or the direction that examples cannot take in
                turn.
        """
        super().check(seen)
        self._refuse_weights()
        if not isinstance(self.minimiser.direction, LBFGS | Gradient):
            name = type(self.minimiser.direction).__name__
            raise NotApplicable(
                f"attack DLGInTurn takes the directions LBFGS and Gradient, and not {name} (attack.direction)"
            )

    def _minimiser(self, layout: Arrangement) -> Minimiser:
        assert isinstance(layout, Layout)
        turn = InTurn(self.minimiser.direction, layout.batch_size, layout.inputs)
        return replace(self.minimiser, direction=turn)
