"""A model that computes its own loss, such as a training step of a user's own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class WholeStep(nn.Module, ABC):
    """A training step as a module: from inputs and targets to the loss, where no logits are seen apart from it.

    `bench.models.introspect.gradient_of` differentiates it as it does a model followed by a loss.

    Attributes:
        hard_labels: the end of a sentence that says why the step takes only class indices as targets; None if it takes
            probabilities like indices (`bench.models.soft_labels`).
    """

    hard_labels: str | None = None

    @abstractmethod
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """`(inputs [B, C, H, W], targets) -> scalar`.

        Args:
            inputs: of the attacker's or the client's.
            targets: class indices `[B]`, or probabilities `[B, K]`.
        """
