"""InstaHide: Huang, Song, Li and Arora, "InstaHide: Instance-hiding Schemes for Private Distributed Learning", 2020.

arXiv 2010.02772; what is computed follows the authors' code (github.com/Hazelsuko07/InstaHide, train_inside.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import ClientContext
from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm
from bench.defenses.privacy import Privacy
from bench.engine.rng import VictimRng, generator
from bench.errors import NotApplicable

_TRIED = 1000  # shares that are drawn at once


def normalised(normal: Tensor) -> Tensor:
    """Normal numbers `[..., k]` -> shares `[..., k]`: their absolute values, divided by the sum over the last axis."""
    size = normal.abs()
    return size / size.sum(-1, keepdim=True)


@dataclass(frozen=True)
class InstaHide(ExampleDefense):
    """Mixes each image with k - 1 others of its batch, and flips the sign of each pixel with probability 1/2.

    x' = s * sum_j m_j x_j for pixels in [-1, 1], and y' = sum_j m_j y_j, with shares m of each example's own. The
    others are those of the client's batch (the paper's inside-dataset scheme); no public images are used. What comes
    back is scored against the images before they are mixed.

    Departs: the code draws the others by k - 1 permutations, which may bring an example to itself. Here they are the
    next k - 1 on a circle in a random order, so no image counts twice. The code mixes once per epoch over the whole
    data set, which a step on one batch cannot. It flips pixels after normalisation by the data set's mean and standard
    deviation; here 1/2 is the zero, so that pixels stay in [0, 1] whatever the model normalises by.

    Args:
        k: number of images in a mixture, >= 1; at 1 only signs are flipped.
        upper: the largest share of an image, in (1 / k, 1]; larger ones are drawn again. It has no effect at k = 1.
        seed: seed of shares, order and signs, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range, or `upper` is so near to 1 / k that no shares can be drawn.
    """

    k: int
    upper: float
    seed: int
    level = "batch"
    soft = True
    of_images = True

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k={self.k}: must be >= 1")
        tried = normalised(torch.randn(_TRIED, self.k, generator=generator("instahide"))).amax(1)
        if self.k > 1 and not (tried <= self.upper).any():
            raise ValueError(f"upper={self.upper}: shares of {self.k} images are hardly ever below; want more")

    def check(self, local: ClientContext) -> None:
        """Refuses what `ExampleDefense.check` refuses, and a batch of fewer than k.

        Raises:
            NotApplicable: there are not enough examples.
        """
        super().check(local)
        if local.batch_size < self.k:
            raise NotApplicable(
                f"defense InstaHide mixes {self.k} images of the same step, and there are {local.batch_size} "
                f"(data.batch_size={self.k} or more, or a smaller defense.k)"
            )

    def draw(self, batch_size: int, form: ExampleForm, stream: VictimRng) -> Any:
        """Draws the shares `[B, k]`, which images are mixed `[B, k]` (int64), and where signs are flipped `[B, ...]`.

        Args:
            batch_size: B.
            form: see `ExampleForm`.
            stream: the random numbers of this victim and this part.
        """
        drawn = stream.uniform({"order": (batch_size,), "signs": (batch_size, *form.shape)})
        order = drawn["order"].argsort()
        circle = torch.stack([order.roll(-place) for place in range(self.k)], 1)
        return self._shares(batch_size, stream), circle[order.argsort()], drawn["signs"] < 0.5

    def _shares(self, batch_size: int, stream: VictimRng) -> Tensor:
        """Shares `[B, k]`, none above `upper`."""
        found: list[Tensor] = []
        while sum(len(part) for part in found) < batch_size or not found:
            tried = normalised(stream.child("shares", len(found)).normal({"": (_TRIED, self.k)})[""])
            found.append(tried[(tried.amax(1) <= self.upper) | (self.k == 1)])
        return torch.cat(found)[:batch_size]

    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the mixed inputs with flipped pixels, and the mixed labels.

        Args:
            inputs: `[B, C, H, W]`.
            labels: probabilities `[B, K]`.
            noise: what `draw` returned.
            form: see `ExampleForm`.
        """
        shares, chosen, flipped = noise[0].to(inputs.dtype), noise[1], noise[2]
        mixed, soft = (torch.einsum("bk,bk...->b...", shares, value[chosen]) for value in (inputs, labels))
        return torch.where(flipped, 1 - mixed, mixed), soft

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None: an example is part of k mixtures, and so changes more than the guarantee counts."""
        return None
