"""Against quantisation: the attacker compares quantised values, each of which stands for an interval of gradients."""

from bench.errors import NotApplicable
from bench.messages.flat import flat
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import Gradients, GradientTransform


class Quantised(GradientTransform):
    """Compares the dummy's gradient with the nearest value that the client would have rounded to the same integer.

    The client shares round(g / step) step with step = max|g| / levels, per tensor. The largest entry is shared as it
    is, so the attacker computes the same step from what it sees. Every g within `width` steps of a shared value may be
    the client's. The distance is that to the projection of the gradient onto this interval, so the objective is zero
    inside the interval and does not pull the dummy towards rounding error. (The distance of the rounded dummy, with a
    straight-through gradient, has the same zeros, but jumps at the ends of intervals, and a line search needs a
    continuous objective.)

    Args:
        levels: number of levels of each sign, >= 1: 127 for int8.
        width: half the width of an interval in steps, > 0: 0.5 if the client rounds to nearest, 1.0 if it rounds
            stochastically.

    Raises:
        ValueError: an argument is not above 0.
    """

    def __init__(self, levels: int, width: float) -> None:
        if levels < 1 or width <= 0:
            raise ValueError(f"levels={levels}, width={width}: must be >= 1 and > 0")
        self.levels, self.width = levels, width

    @property
    def needs(self) -> frozenset[str]:
        """Knowledge of the defence, which tells that the client quantises."""
        return frozenset({"defense_known"})

    def check(self, seen: Observation) -> None:
        """Refuses a client that does not use the defence `Int8`.

        Raises:
            NotApplicable: none of the client's defences is `Int8`.
        """
        parts = [str(part["defense"]) for part in seen.defense or ()]
        if "Int8" not in parts:
            there = ", ".join(parts) or "no defence"
            raise NotApplicable(
                f"matching quantised gradients needs a client that quantises (Int8); this one has {there}"
            )

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Returns the dummy's gradient, and the nearest point of the shared one's interval; `{name: [V, ...]}` each."""
        nearest = {}
        for name, value in observed.items():
            step = flat(value).abs().amax(1) / self.levels
            half = (self.width * step).view(-1, *[1] * (value.dim() - 1))
            nearest[name] = gradients[name].clamp(value - half, value + half)
        return gradients, nearest


class QuantisedAtRandom(Quantised):
    """The same for a client that rounds stochastically: up or down, so that the interval has a step on each side.

    Args:
        levels: see `Quantised`.

    Raises:
        ValueError: see `Quantised`.
    """

    def __init__(self, levels: int) -> None:
        super().__init__(levels, width=1.0)

    def check(self, seen: Observation) -> None:
        """Refuses a client that does not use the defence `Int8`, or rounds to nearest.

        Raises:
            NotApplicable: the message says which.
        """
        super().check(seen)
        if not any(part.get("rounding") == "stochastic" for part in seen.defense or ()):
            raise NotApplicable("matching within two steps needs a client that rounds stochastically")
