"""Images of the victims' kind that an attacker may have, and what a client would share of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bench.messages.base import Message, require

Tree = dict[str, Tensor]


class UpdateFunction(Protocol):
    """What a client with the known defences would share of other batches, with random numbers that are not its own."""

    def __call__(self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, ids: Tensor, seed: int) -> Tree:
        """Returns `{name: [N, ...]}`, what N clients of one model would share, for the parameters that they train.

        Args:
            parameters: `{name: [...]}` of one model.
            buffers: `{name: [...]}` of the same model.
            inputs: `[N, B, C, H, W]`.
            labels: `[N, B]`.
            ids: `[N]`, int64, numbers of the batches: the random numbers of a batch follow from the seed and its
                number.
            seed: seed of the random numbers of the defences.
        """


@dataclass(eq=False)
class PublicImages(Message):
    """Images of the victims' kind, none of them a victim's, with their labels (threat models of letter D).

    Args:
        images: `[P, C, H, W]` in [0, 1].
        labels: `[P]`, int64, their own classes; all 0 if the data set has no classes.
        update: what a client would share of other batches; None if the threat model does not grant the client's
            defences and its local training.

    Raises:
        ValueError: shapes disagree.
    """

    images: Tensor
    labels: Tensor
    update: UpdateFunction | None

    def __post_init__(self) -> None:
        require(self.images.dim() == 4, f"images: want [P, C, H, W], got {list(self.images.shape)}")
        count = len(self.images)
        require(self.labels.shape == (count,), f"labels: want [{count}], got {list(self.labels.shape)}")

    def __len__(self) -> int:
        return len(self.images)
