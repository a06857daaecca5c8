"""Against defences of a single layer, such as Soteria: the attacker leaves that layer out."""

from typing import Literal

from torch import Tensor

from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import Gradients, GradientTransform


def masked_columns(weight: Tensor) -> Tensor:
    """For each victim `[V]`, whether some but not all columns of a gradient `[V, out, in]` are zero.

    Soteria (Sun et al. 2021, arXiv 2012.06043) masks features that enter the layer, and so whole columns.
    """
    empty = (weight == 0).all(1)
    return empty.any(1) & ~empty.all(1)


class Layers(GradientTransform):
    """Leaves out the gradients of some parameters.

    Args:
        ignore: names of parameters (`fc.weight`), or `auto`: for each victim, the linear layers whose weight gradient
            has whole columns of zeros. Names come from knowing the defence, while `auto` detects the layers itself. A
            feature that is off (behind a ReLU) also has a column of zeros, so `auto` may leave out a layer that was not
            masked.

    Raises:
        ValueError: no name is given.
    """

    def __init__(self, ignore: list[str] | Literal["auto"]) -> None:
        if not ignore:
            raise ValueError("ignore=[]: name a parameter, or say auto")
        self.ignore = ignore

    @property
    def needs(self) -> frozenset[str]:
        """Knowledge of the defence, if layers are named."""
        return frozenset() if self.ignore == "auto" else frozenset({"defense_known"})

    def check(self, seen: Observation) -> None:
        """Refuses names that are not those of shared gradients, and a list that leaves nothing to compare.

        Raises:
            NotApplicable: the message says which.
        """
        if self.ignore == "auto":
            return
        there = ", ".join(seen.gradients)
        for name in self.ignore:
            if name not in seen.gradients:
                raise NotApplicable(f"ignore: no gradient of a parameter {name!r} is shared (there are {there})")
        if not set(seen.gradients) - set(self.ignore):
            raise NotApplicable(f"ignore: nothing is left to compare (there are {there})")

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Removes the named parameters; with `auto`, sets them to zero instead, since victims may differ."""
        if self.ignore != "auto":
            left = [name for name in observed if name not in self.ignore]
            return {name: gradients[name] for name in left}, {name: observed[name] for name in left}
        keep = {
            name: (~masked_columns(value)).to(value.dtype).view(-1, 1, 1)
            for name, value in observed.items()
            if value.dim() == 3
        }
        return tuple(  # type: ignore[return-value]
            {name: of[name] * keep[name] if name in keep else of[name] for name in observed}
            for of in (gradients, observed)
        )
