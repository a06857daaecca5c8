"""The images of which mixtures were made whose signs are lost: what undoes `bench.defenses.instahide`.

Pixels are in [-1, 1] here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor


def mixing_matrix(share: Tensor, partner: Tensor) -> Tensor:
    """M of u = M x: `[B, B]`, with the share of each example itself and the rest of its partner.

    Args:
        share: `[B]`.
        partner: `[B]`, int64.
    """
    own = torch.eye(len(share), dtype=share.dtype, device=share.device)
    return share[:, None] * own + (1 - share)[:, None] * own[partner]


def most_likely(cost: Tensor, values: Tensor, rounds: int) -> Tensor:
    """The labels of a grid's points with the lowest cost: `[H, W]`, int64.

    The cost of labels is that of each point, and the distance |v - v'| between the values of neighbours. It is lowered
    by min-sum belief propagation, whose messages go through the grid in all four directions, row after row and column
    after column (Tappen and Freeman 2003, doi 10.1109/ICCV.2003.1238444). On a grid this is no exact minimum.

    Args:
        cost: of each label at each point, `[L, H, W]`.
        values: of each label at each point, `[L, n, H, W]`.
        rounds: how often messages go through the grid.
    """
    # messages that arrive at a point from above, below, left and right
    above, below, left, right = (torch.zeros_like(cost) for _ in range(4))
    turned = cost.mT, values.mT
    for _ in range(rounds):
        rows = cost + left + right
        above, below = _passed(rows, values, above, below)
        columns = turned[0] + above.mT + below.mT
        to_left, to_right = _passed(columns, turned[1], left.mT, right.mT)
        left, right = to_left.mT, to_right.mT
    return (cost + above + below + left + right).argmin(0)


def _passed(cost: Tensor, values: Tensor, above: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
    """The messages after they went down and up the rows, `[L, H, W]` each."""
    height = cost.shape[1]
    above, below = above.clone(), below.clone()
    for row in range(1, height):
        above[:, row] = _sent(cost[:, row - 1] + above[:, row - 1], values[:, :, row - 1], values[:, :, row])
    for row in range(height - 2, -1, -1):
        below[:, row] = _sent(cost[:, row + 1] + below[:, row + 1], values[:, :, row + 1], values[:, :, row])
    return above, below


def _sent(belief: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """What a row tells the next one: `[L, W]`, from its belief `[L, W]` and the values of both rows `[L, n, W]`."""
    distance = (here[:, None] - there[None]).abs().sum(2)
    told = (belief[:, None] + distance).amin(0)
    return told - told.amin(0)


@dataclass(frozen=True)
class SignSearch:
    """Finds the signs of mixtures and the images that they were made of.

    Each pixel of B mixtures has 2^B combinations of signs, and each combination says what the pixel of the B images is.
    Most of them are outside the range of pixels. Of the others, those are taken that make the images smooth:
    the sum of |M x - s u|^2 / (2 `error`^2) over pixels, with x within the range, and of `smooth` |x - x'| over
    neighbours is lowered (`most_likely`).

    If all signs are turned, all images are turned to their negatives, which explain as much. `dark` decides: it adds
    `dark` x for each pixel, so that of a picture and its negative the darker one is more probable. That is knowledge
    about the kind of images; at a negative value the brighter one is.

    Args:
        error: deviation of the mixtures from the true ones, in units of pixels, > 0.
        smooth: see above, per unit of pixels, > 0.
        dark: see above, per unit of pixels.
        ridge: of the inverse of M, >= 0: variance of the error over the variance of pixels.
        rounds: see `most_likely`, >= 1.

    Raises:
        ValueError: an argument is out of its range.
    """

    error: float
    smooth: float
    dark: float
    ridge: float
    rounds: int

    def __post_init__(self) -> None:
        if not (self.error > 0 and self.smooth > 0 and self.ridge >= 0 and self.rounds >= 1):
            raise ValueError(
                f"error={self.error}, smooth={self.smooth}, ridge={self.ridge}, rounds={self.rounds}: must be > 0, "
                "> 0, >= 0 and >= 1"
            )

    def __call__(self, mixtures: Tensor, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images `[B, C, H, W]`, and where the sign of a mixture is not that of M x, `[B, C, H, W]`, bool.

        Args:
            mixtures: `[B, C, H, W]`, of which only the absolute values count.
            mixing: M, `[B, B]`.
        """
        found = [self._channel(mixtures[:, place], mixing) for place in range(mixtures.shape[1])]
        images, signed = (torch.stack(part, 1) for part in zip(*found, strict=True))
        return images, (signed < 0) != (mixtures < 0)

    def _channel(self, mixtures: Tensor, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Images and signed mixtures, `[B, H, W]` each."""
        count = len(mixtures)
        signs = torch.tensor(list(product((1.0, -1.0), repeat=count))).to(mixtures)
        signed = signs[:, :, None, None] * mixtures.abs()
        square = mixing.T @ mixing + self.ridge * torch.eye(count).to(mixing)
        values = torch.einsum("ij,ljhw->lihw", torch.linalg.solve(square, mixing.T), signed).clamp(-1, 1)
        misfit = (torch.einsum("ij,ljhw->lihw", mixing, values) - signed).square().sum(1) / (2 * self.error**2)
        chosen = most_likely(misfit + self.dark * values.sum(1), self.smooth * values, self.rounds)
        at = chosen[None, None].expand(1, *mixtures.shape)
        return values.gather(0, at)[0], signed.gather(0, at)[0]
