"""The distance of TAG (Deng et al. 2021, Gradient Attack on Transformer-based Language Models, arXiv 2103.06819)."""

from torch import Tensor

from bench.messages.flat import flat

DEPTHS = ("constant", "linear")


def tag_distance(
    gradients: dict[str, Tensor], observed: dict[str, Tensor], weight: float, depth: str = "constant"
) -> Tensor:
    """`sum_l ||g_l - g*_l||^2 + a_l ||g_l - g*_l||_1` over all observed parameters: `{name: [V, ...]}` -> `[V]`.

    Args:
        gradients: `{name: [V, ...]}` of the dummies; may hold more names than were observed.
        observed: `{name: [V, ...]}`, what was shared, in the order of the model's parameters.
        weight: a_0, the weight of the first parameter.
        depth: `constant`, or `linear`: a_l = a_0 (1 - l / L) for l = 0 ... L - 1.
    """
    total = next(iter(observed.values())).new_zeros(())
    for place, (name, seen) in enumerate(observed.items()):
        here = weight * (1 - place / len(observed)) if depth == "linear" else weight
        difference = flat(gradients[name] - seen)
        total = total + difference.square().sum(1) + here * difference.abs().sum(1)
    return total


class TagDistance:
    """`tag_distance` with its weights.

    In the paper, the weight of the absolute error falls from the layers next to the input to the last one, by a rule
    that is not given. `linear` is the rule of the reimplementation in breaching (with 0.1 there), `constant` that of
    LAMP's authors.

    Args:
        weight: weight of the absolute error relative to the squared one, >= 0.
        depth: `constant` or `linear`.

    Raises:
        ValueError: weight < 0, or depth is another word.
    """

    def __init__(self, weight: float, depth: str) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        if depth not in DEPTHS:
            raise ValueError(f"depth={depth!r}: want one of {', '.join(DEPTHS)}")
        self.weight, self.depth = weight, depth

    def __call__(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{name: [V, ...]}` of the dummies and of the shared gradients -> `[V]`."""
        return tag_distance(gradients, observed, self.weight, self.depth)
