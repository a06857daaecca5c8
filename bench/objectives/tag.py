"""The distance of TAG (Deng et al. 2021, TAG: Gradient Attack on Transformer-based Language Models, 2103.06819)."""

from torch import Tensor

DEPTHS = ("constant", "linear")


def tag_distance(
    gradients: dict[str, Tensor], observed: dict[str, Tensor], weight: float, depth: str = "constant"
) -> Tensor:
    """`sum_l ||g_l - g*_l||^2 + a_l ||g_l - g*_l||_1` over all observed parameters: `{name: [V, ...]}` -> `[V]`.

    Args:
        gradients: of the dummy; may hold more than was observed.
        observed: what was shared, in the order of the model's parameters.
        weight: a_0, of the first parameter.
        depth: `constant`, or `linear`: a_l = a_0 (1 - l / L) for l = 0 ... L - 1.
    """
    total = next(iter(observed.values())).new_zeros(())
    for place, (name, seen) in enumerate(observed.items()):
        here = weight * (1 - place / len(observed)) if depth == "linear" else weight
        difference = (gradients[name] - seen).flatten(1)
        total = total + difference.square().sum(1) + here * difference.abs().sum(1)
    return total


class TagDistance:
    """`tag_distance` with its weights.

    The paper lets the weight of the absolute error fall from the layers next to the input to the last, and gives no
    rule; `linear` is that of the reimplementation in breaching (there with 0.1), `constant` that of LAMP's authors.

    Args:
        weight: of the absolute error beside the squared one, >= 0.
        depth: `constant` or `linear`.

    Raises:
        ValueError: weight < 0, or another word.
    """

    def __init__(self, weight: float, depth: str) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        if depth not in DEPTHS:
            raise ValueError(f"depth={depth!r}: want one of {', '.join(DEPTHS)}")
        self.weight, self.depth = weight, depth

    def __call__(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{name: [V, ...]}` -> `[V]`."""
        return tag_distance(gradients, observed, self.weight, self.depth)
