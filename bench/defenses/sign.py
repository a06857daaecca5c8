"""Sharing only signs: Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding


def signs(value: Tensor, scaled: bool) -> Tensor:
    """Returns -1, 0 or 1 per entry, multiplied by the tensor's mean magnitude if `scaled`."""
    return value.sign() * value.abs().mean() if scaled else value.sign()


@dataclass(frozen=True)
class Sign(GradientDefense):
    """Shares the sign of each entry.

    Args:
        scaled: whether each tensor's signs are multiplied by its mean magnitude (Karimireddy et al. 2019, "Error
            Feedback Fixes SignSGD", equation 4, without the feedback), so that the learning rate keeps its meaning.
    """

    scaled: bool
    rounds = True

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Replaces every entry by its sign.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: not used.
            state: returned unchanged.
        """
        return {name: signs(value, self.scaled) for name, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """One bit per value, as the paper counts (exact zeros would need more), and the scales if there are any."""
        return sent.quantised(1, scales=int(self.scaled))
