"""The private batch of an audit, as the only victim."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.base import require
from bench.messages.victims import Victims


class PrivateBatch(Victims):
    """Victims whose inputs need not lie in [0, 1]: `bench.auditing.kinds` says in which interval they lie."""

    def _check_images(self) -> None:
        v, b = self.inputs.shape[:2]
        require(self.inputs.dim() == 5, f"inputs: want [V, B, C, H, W], got {list(self.inputs.shape)}")
        require(self.labels.shape == (v, b), f"labels: want [{v}, {b}], got {list(self.labels.shape)}")

    @classmethod
    def of(cls, inputs: Tensor, labels: Tensor) -> PrivateBatch:
        """One victim.

        Args:
            inputs: `[B, C, H, W]`.
            labels: `[B]`.
        """
        zero = torch.zeros(1, dtype=torch.long, device=inputs.device)
        samples = torch.arange(len(inputs), device=inputs.device)[None]
        return cls(inputs[None], labels[None], zero, samples, zero)
