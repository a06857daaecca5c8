"""Against quantisation: the attacker compares in the quantised domain, where a cell of gradients is one value."""

from bench.errors import NotApplicable
from bench.messages import Observation
from bench.objectives.gradient_transforms import Gradients, GradientTransform


class Quantised(GradientTransform):
    """The dummy's gradient is compared with the nearest value that the client would have shared as the same integer.

    The client shares round(g / step) step with step = max|g| / levels, per tensor. The largest entry is shared as it
    is, so the attacker computes the same step from what it sees. Every g within `width` steps of a shared value may be
    the client's: the distance is to the gradient's projection onto that cell, so the objective is zero inside the cell
    and does not pull the dummy towards rounding error. (The distance of the rounded dummy, with a straight-through
    gradient, has the same zeros, but jumps at the edges of cells, where a line search needs a continuous objective.)

    Args:
        levels: of each sign: 127 for int8.
        width: half a cell in steps: 0.5 where the client rounds to nearest, 1.0 where it rounds stochastically.

    Raises:
        ValueError: an argument is not above 0.
    """

    def __init__(self, levels: int, width: float) -> None:
        if levels < 1 or width <= 0:
            raise ValueError(f"levels={levels}, width={width}: must be >= 1 and > 0")
        self.levels, self.width = levels, width

    @property
    def needs(self) -> frozenset[str]:
        """To know the defence."""
        return frozenset({"defense_known"})

    def check(self, seen: Observation) -> None:
        """One of the client's defences is `Int8`.

        Raises:
            NotApplicable: none is.
        """
        parts = [str(part["defense"]) for part in seen.defense or ()]
        if "Int8" not in parts:
            there = ", ".join(parts) or "no defence"
            raise NotApplicable(
                f"matching quantised gradients needs a client that quantises (Int8); this one has {there}"
            )

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """The dummy's gradient, and the nearest point of the shared one's cell; `{name: [V, ...]}` each."""
        nearest = {}
        for name, value in observed.items():
            step = value.flatten(1).abs().amax(1) / self.levels
            half = (self.width * step).view(-1, *[1] * (value.dim() - 1))
            nearest[name] = gradients[name].clamp(value - half, value + half)
        return gradients, nearest
