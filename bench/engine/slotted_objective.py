"""What the loop minimises."""

from typing import Protocol

from torch import Tensor


class SlottedObjective(Protocol):
    """What the loop minimises: `Matching`, or another function with slots.

    It may have a `prepare`, see `Matching`, and an attribute `changes`, which is true if the values of two evaluations
    are not those of one function and so cannot be compared. Without the attribute they can.
    """

    def load(self, victims: Tensor) -> None:
        """Puts `victims` `[S]` into the slots; their number may change."""

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts `victims` `[k]` into the slots numbered `slots` `[k]`; the other slots keep theirs."""

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
