"""The linear equations of one layer's input (Zhu and Blaschko 2021, arXiv 2010.07733, sections 3.2 and 4).

Of a convolution z = W x + b of one image, both z and d = dL/dz are known. Its input x fulfils

    K x = grad W        (gradient constraints, since the gradient of a weight is a sum of products of d and x)
    W x = z - b         (weight constraints)

All channels of x have the same matrix K_0 `[O k k, H W]`: K is K_0 once per channel. So one singular value
decomposition of K_0 serves all channels, and only the directions that K_0 leaves open are solved by W. A linear layer
is a convolution of one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bench.engine.allowance import FLOPS, Affords, always

_SVD, _QR = 8, 2  # operations of a decomposition, per product of its sizes
_STRONG = 1e-3  # directions with a singular value above this share of the largest are taken from the gradient alone


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution of one image, as the equations see it.

    Args:
        weight: `[O, C, k, k]`.
        bias: `[O]`, or None.
        stride: down and across.
        padding: zeros above and below, and at both sides.
        shape: `(C, H, W)` of the input.
    """

    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    shape: tuple[int, int, int]

    @property
    def output(self) -> tuple[int, int, int]:
        """`(O, H', W')` of the output."""
        sizes = zip(self.shape[1:], self.padding, self.weight.shape[2:], self.stride)
        height, width = ((n + 2 * pad - k) // step + 1 for n, pad, k, step in sizes)
        return len(self.weight), height, width

    @property
    def cells(self) -> int:
        """Entries of the largest tensor that the equations take."""
        pixels, kernel = self.shape[1] * self.shape[2], self.weight.shape[2] * self.weight.shape[3]
        return pixels * kernel * max(self.output[1] * self.output[2], len(self.weight))

    def __call__(self, inputs: Tensor) -> Tensor:
        """`[n, C, H, W]` -> `[n, O, H', W']`, without the bias."""
        return functional.conv2d(inputs, self.weight, None, self.stride, self.padding)

    def back(self, slope: Tensor) -> Tensor:
        """dL/dz `[O, H', W']` -> dL/dx `[C, H, W]`."""
        found = torch.nn.grad.conv2d_input((1, *self.shape), self.weight, slope[None], self.stride, self.padding)  # type: ignore[attr-defined]
        return found[0]

    def gradient_block(self, slope: Tensor) -> Tensor:
        """K_0 `[O k k, H W]`: the gradient of a weight `[O, 1, k, k]` as a function of the one channel it reads.

        Args:
            slope: dL/dz, `[O, H', W']`.
        """
        pixels = self.shape[1] * self.shape[2]
        single = torch.eye(pixels, dtype=slope.dtype, device=slope.device).view(pixels, 1, *self.shape[1:])
        kernel = tuple(self.weight.shape[2:])
        windows = functional.unfold(single, kernel, padding=self.padding, stride=self.stride)  # [H W, k k, H' W']
        return torch.einsum("op,nkp->okn", slope.flatten(1), windows).flatten(0, 1)


@dataclass(frozen=True)
class LayerRank:
    """How much of a layer's input its equations determine at most.

    Args:
        name: of the layer.
        unknowns: entries of the input.
        by_gradient: rank of K.
        by_weight: number of weight constraints that are left for what K leaves open.
    """

    name: str
    unknowns: int
    by_gradient: int
    by_weight: int

    @property
    def suffices(self) -> bool:
        """Whether the rank can be that of all unknowns."""
        return self.by_gradient + self.by_weight >= self.unknowns


def rank_of(name: str, layer: Convolution) -> LayerRank:
    """The rank of the equations, found before anything is inverted: that of K for a random dL/dz, and a count for W.

    Args:
        name: of the layer.
        layer: its weight and its shapes.
    """
    generator = torch.Generator().manual_seed(0)
    slope = torch.randn(*layer.output, generator=generator, dtype=torch.float64)
    channels, height, width = layer.shape
    rank = int(torch.linalg.matrix_rank(layer.gradient_block(slope)))
    outputs = layer.output[0] * layer.output[1] * layer.output[2]
    return LayerRank(name, channels * height * width, channels * rank, outputs)


def solve(
    layer: Convolution,
    gradient: Tensor,
    slope: Tensor,
    output: Tensor,
    known: Tensor,
    tolerance: float,
    affords: Affords = always,
) -> Tensor | None:
    """Returns the input `[C, H, W]` of a convolution by least squares, or None if the equations leave it open.

    It is None, too, if there is no time to solve them.

    Args:
        layer: see `Convolution`.
        gradient: of the weight, `[O, C, k, k]`.
        slope: dL/dz, `[O, H', W']`.
        output: z, `[O, H', W']`.
        known: where z is known, `[O, H', W']`.
        tolerance: the input counts as open if a singular value is below this share of the largest.
        affords: asked before each of the two systems, see `EngineSettings`.
    """
    channels, height, width = layer.shape
    rows, columns = layer.weight[:, 0].numel(), height * width
    if not affords(_SVD * rows * columns * (rows + columns) / FLOPS):
        return None
    left, values, right = torch.linalg.svd(layer.gradient_block(slope), full_matrices=True)
    values = torch.cat([values, values.new_zeros(len(right) - len(values))])
    if not values[0] > 0:
        return None
    strong = values > _STRONG * values[0]
    wanted = gradient.transpose(0, 1).flatten(2).flatten(1).T  # [O k k, C]
    along = left[:, : len(right)].T @ wanted  # what the gradient says of each direction, times its singular value
    along = torch.cat([along, along.new_zeros(len(right) - len(along), channels)])
    found = right[strong].T @ (along[strong] / values[strong, None])  # [H W, C]
    if not strong.all():
        unknowns = channels * int((~strong).sum())
        if not affords(_QR * (int(known.sum()) + unknowns) * unknowns**2 / FLOPS):
            return None
        shares, told = values[~strong] / values[0], along[~strong] / values[0]
        weak = _weak(layer, right[~strong], shares, told, found, output, known)
        coefficients = _least_squares(*weak, tolerance)
        if coefficients is None:
            return None
        found = found + right[~strong].T @ coefficients.view(channels, -1).T
    return found.T.reshape(channels, height, width)


def _weak(
    layer: Convolution,
    directions: Tensor,
    values: Tensor,
    along: Tensor,
    found: Tensor,
    output: Tensor,
    known: Tensor,
) -> tuple[Tensor, Tensor]:
    """The equations of the directions that the gradient hardly tells: W, and what K says of them.

    Args:
        layer: see `Convolution`.
        directions: `[n, H W]`.
        values: their singular values, as shares of the largest, `[n]`.
        along: what the gradient says of them, `[n, C]`.
        found: the input as far as it is known, `[H W, C]`.
        output: z, `[O, H', W']`.
        known: where z is known.

    Returns:
        Matrix `[m, C n]` and right side `[m]`.
    """
    channels, height, width = layer.shape
    images = directions.view(-1, 1, height, width)
    rows = [
        functional.conv2d(images, layer.weight[:, c : c + 1], None, layer.stride, layer.padding)[:, known]
        for c in range(channels)
    ]  # [n, known outputs] each
    matrix = torch.cat(rows).T
    rest = output - layer(found.T.reshape(1, channels, height, width))[0]
    if layer.bias is not None:
        rest = rest - layer.bias[:, None, None]
    scale = matrix.norm(dim=1).max().clamp(min=torch.finfo(matrix.dtype).tiny) if len(matrix) else 1.0
    told = values > 0
    block = torch.diag(values)[told]
    matrix = torch.cat([matrix / scale, torch.block_diag(*[block] * channels)])
    return matrix, torch.cat([rest[known] / scale, along[told].T.flatten()])


def _least_squares(matrix: Tensor, right: Tensor, tolerance: float) -> Tensor | None:
    """`[m, n]`, `[m]` -> `[n]`, or None if a singular value is below `tolerance` times the largest."""
    if len(matrix) < matrix.shape[1]:
        return None
    q, r = torch.linalg.qr(matrix)
    if not _smallest(r) > tolerance * torch.linalg.matrix_norm(r, "fro"):
        return None
    return torch.linalg.solve_triangular(r, (q.T @ right)[:, None], upper=True)[:, 0]


def _smallest(r: Tensor, steps: int = 12) -> float:
    """The smallest singular value of a triangular matrix, by inverse iteration: an upper bound, close after a few."""
    if not (r.diagonal() != 0).all():
        return 0.0
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(len(r), 1, generator=generator, dtype=torch.float64).to(r.device, r.dtype)
    length = torch.ones(())
    for _ in range(steps):
        vector = vector / vector.norm()
        inner = torch.linalg.solve_triangular(r.T, vector, upper=False)
        vector = torch.linalg.solve_triangular(r, inner, upper=True)
        length = vector.norm()
        if not length.isfinite():
            return 0.0
    return float(length.rsqrt())
