"""Dummy images as the output of a small untrained network, whose weights are optimised: the deep image prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, prod

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional

from bench.engine.parametrisation import Parametrisation
from bench.engine.rng import Shapes, VictimRng

_LEAST = 4  # rows or columns of the smallest feature map
_EPS = 1e-5  # added to the variance, as torch's BatchNorm does
_CODE = "code"

_convolve: Callable[[Tensor, Tensor], Tensor] = vmap(partial(functional.conv2d, padding=1))


@dataclass(frozen=True)
class Generator(Parametrisation):
    """The weights of a convolutional generator G are optimised; images are G(z) with a random z that stays as it is.

    The architecture of a convolutional network favours natural images over noise before it has seen any image (Ulyanov,
    Vedaldi, Lempitsky 2017, arXiv 1711.10925, section 2). G is that of CI-Net (Zhang et al., ICCV 2023, section 3),
    with a fixed width. A linear layer makes a map of at least 4x4 places from z. On each scale there are two 3x3
    convolutions, each followed by BatchNorm over the victim's own batch and a leaky ReLU; between the scales, nearest
    neighbours double the map. A last convolution, with a bias, and (1 + tanh) / 2 give the pixels. What is larger than
    an image is cut off evenly at its edges. Images thus lie in (0, 1), the range of every input in leakbench.

    The variables of a victim are the weights, which its B images share, and then the B codes z. The codes are in the
    vector so that they move with their victim from slot to slot; no gradient reaches them, so they stay constant.

    Departs: CI-Net divides each weight by its spectral norm. The BatchNorm behind it cancels any factor of a weight, so
    we do not. CI-Net doubles its width until the weights are more than four times as many as the pixels of the batch;
    here the width is a setting.

    Args:
        latent: entries of the code z of an image, >= 1.
        width: channels of each hidden layer, >= 1.
        slope: of the leaky ReLU below zero, in [0, 1).

    Raises:
        ValueError: an argument is out of its range.
    """

    latent: int
    width: int
    slope: float

    def __post_init__(self) -> None:
        if self.latent < 1 or self.width < 1:
            raise ValueError(f"latent={self.latent}, width={self.width}: must be >= 1")
        if not 0 <= self.slope < 1:
            raise ValueError(f"slope={self.slope}: must lie in [0, 1) (of the leaky ReLU below zero)")

    @property
    def are_pixels(self) -> bool:
        """Returns False, since the variables are weights."""
        return False

    @property
    def starts(self) -> tuple[str, ...]:
        """Only `weights`: what a network draws whose weights are random."""
        return ("weights",)

    def first(
        self,
        start: str,
        batch_size: int,
        shape: tuple[int, ...],
        span: tuple[float, float] | None,
        run: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor:
        """Draws weights and codes (see `start`); for the arguments see `Parametrisation.first`."""
        seed, victim, number = run
        return self.start(batch_size, shape, VictimRng((seed, "generator", victim, number))).to(dtype)

    def size(self, batch_size: int, shape: tuple[int, ...]) -> int:
        """The number of weights, and B x latent; for the arguments see `Parametrisation.size`."""
        return sum(prod(one) for one in self.shapes(batch_size, shape).values())

    def shapes(self, batch_size: int, shape: tuple[int, ...]) -> Shapes:
        """The variables of a victim, `{name: shape}` in their order in the vector.

        Args:
            batch_size: B.
            shape: `(C, H, W)` of an image.
        """
        doublings, rows, columns = _scales(shape)
        width = self.width
        found: Shapes = {"first.weight": (self.latent, width * rows * columns), **_norm("first", width)}
        for name in _hidden(doublings):
            found |= {f"{name}.weight": (width, width, 3, 3), **_norm(name, width)}
        found |= {"last.weight": (shape[0], width, 3, 3), "last.bias": (shape[0],)}
        return {**found, _CODE: (batch_size, self.latent)}

    def start(self, batch_size: int, shape: tuple[int, ...], rng: VictimRng) -> Tensor:
        """Draws the initial variables `[size]` of one run, float32.

        Weights and the last bias are uniform within the inverse root of the number of inputs of a unit, as torch draws
        them; gains of the BatchNorms are 1 and their offsets 0. Codes are standard normal.

        Args:
            batch_size: B.
            shape: `(C, H, W)` of an image.
            rng: one run's source of random numbers.
        """
        shapes = self.shapes(batch_size, shape)
        weights = {name: one for name, one in shapes.items() if name.endswith("weight") or name == "last.bias"}
        bounds = dict.fromkeys(weights, (9 * self.width) ** -0.5) | {"first.weight": self.latent**-0.5}
        drawn = {name: bounds[name] * (2 * value - 1) for name, value in rng.uniform(weights).items()}
        drawn |= rng.normal({_CODE: shapes[_CODE]})
        drawn |= {name: torch.ones(one) for name, one in shapes.items() if name.endswith("gain")}
        drawn |= {name: torch.zeros(one) for name, one in shapes.items() if name.endswith("offset")}
        return torch.cat([drawn[name].flatten() for name in shapes])

    def images(self, variables: Tensor, batch_size: int, shape: tuple[int, ...]) -> Tensor:
        """Draws the images of S victims, `[S, size]` -> `[S, B, C, H, W]`; see `Parametrisation.images`."""
        doublings, rows, columns = _scales(shape)
        held = self._parts(variables, batch_size, shape)
        # The code is a constant: its gradient is zero, so no direction moves it.
        x = torch.bmm(held[_CODE].detach(), held["first.weight"])
        x = x.reshape(-1, batch_size, self.width, rows, columns)
        x = self._activated(x, held, "first")
        for number, name in enumerate(_hidden(doublings)):
            if number and number % 2 == 0:
                x = x.repeat_interleave(2, -2).repeat_interleave(2, -1)
            x = self._activated(_convolve(x, held[f"{name}.weight"]), held, name)
        x = _convolve(x, held["last.weight"]) + held["last.bias"][:, None, :, None, None]
        return (1 + _cut(x, shape).tanh()) / 2

    def _parts(self, variables: Tensor, batch_size: int, shape: tuple[int, ...]) -> dict[str, Tensor]:
        shapes = self.shapes(batch_size, shape)
        pieces = variables.split([prod(one) for one in shapes.values()], 1)
        return {name: piece.reshape(-1, *one) for piece, (name, one) in zip(pieces, shapes.items())}

    def _activated(self, x: Tensor, held: dict[str, Tensor], name: str) -> Tensor:
        """BatchNorm over each victim's own batch, `[S, B, K, H, W]`, in elementary operations, and a leaky ReLU."""
        centred = x - x.mean((1, 3, 4), keepdim=True)
        normal = centred * (centred.square().mean((1, 3, 4), keepdim=True) + _EPS).rsqrt()
        gain, offset = (held[f"{name}.{key}"][:, None, :, None, None] for key in ("gain", "offset"))
        return functional.leaky_relu(gain * normal + offset, self.slope)


def _scales(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """How often the smallest map is doubled, and its rows and columns."""
    _, height, width = shape
    doublings = 0
    while min(height, width) >= _LEAST * 2 ** (doublings + 1):
        doublings += 1
    return doublings, ceil(height / 2**doublings), ceil(width / 2**doublings)


def _hidden(doublings: int) -> list[str]:
    """The names of the hidden convolutions: two on each scale."""
    return [f"scale{scale}.{place}" for scale in range(doublings + 1) for place in range(2)]


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.gain": (width,), f"{name}.offset": (width,)}


def _cut(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The middle of the maps `[..., H', W']`, of the size of an image."""
    _, height, width = shape
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]
