"""A linear layer's gradient as a product of small factors, and the units that a direction leaves dead.

With inputs X `[B, n]` and dL/dZ = D `[B, m]`, the gradient of the weight is gW = D^T X, and that of the bias is D^T 1.
If gW = U S V is its singular value decomposition, of rank B, then there is an invertible Q `[B, B]` with D^T = U Q and
X = Q^-1 S V (Dimitrov et al. 2024, arXiv 2403.03945). A ReLU passes no gradient to a unit that is not positive. So a
column q of Q is a direction in B dimensions for which U q is zero at every unit that is dead for its example.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_WIDTH = 160  # columns of the first random range
_SPARE = 8  # columns that a random range must have beyond the rank, so that nothing of it is lost


@dataclass(frozen=True, eq=False)
class LayerGradient:
    """What an attacker sees of a linear layer of m units and n inputs, all in float64.

    Args:
        of_weight: gW, `[m, n]`.
        of_bias: gb, `[m]`.
        weight: W, `[m, n]`.
        bias: b, `[m]`.
    """

    of_weight: Tensor
    of_bias: Tensor
    weight: Tensor
    bias: Tensor

    def live(self) -> LayerGradient:
        """Returns the same without the units that are dead for all examples."""
        some = self.of_weight.abs().amax(1) > 0
        return LayerGradient(self.of_weight[some], self.of_bias[some], self.weight[some], self.bias[some])


def low_rank(
    matrix: Tensor, tolerance: float, most: int | None, random: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Decomposes a matrix of low rank by a random range of its columns (Halko, Martinsson, Tropp 2011).

    It takes a tenth of the time of a whole decomposition.

    Args:
        matrix: `[m, n]`.
        tolerance: singular values below this share of the largest count as rounding.
        most: the largest rank, such as the batch size if it is known; None if it is not.
        random: the source of the range.

    Returns:
        U `[m, r]`, S `[r]` and V `[r, n]` with U S V = matrix, up to the tolerance.
    """
    limit = min(matrix.shape)
    width = min(limit, _WIDTH if most is None else most + 2 * _SPARE)
    while True:
        start = torch.randn(matrix.shape[1], width, generator=random, dtype=matrix.dtype)
        basis = torch.linalg.qr(matrix @ start)[0]
        basis = torch.linalg.qr(matrix @ (matrix.mT @ basis))[0]
        _, values, right = torch.linalg.svd(basis.mT @ matrix, full_matrices=False)
        rank = int((values > values[0] * tolerance).sum())
        rank = rank if most is None else min(rank, most)
        if most is not None or rank < width - _SPARE or width == limit:
            # U from the rows of the matrix: a short row keeps its own precision, and not that of the longest
            return matrix @ right[:rank].mT / values[:rank], values[:rank], right[:rank]
        width = min(limit, 2 * width)


@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of a layer's gradient, and what rounding leaves of a zero.

    Args:
        left: U, `[m, r]`, without rows that are zero.
        values: S, `[r]`.
        images: S V, `[r, n]`, a basis of the inputs' span.
        bias: U^T gb, `[r]`, as the solution of U w = gb, for U is orthonormal up to rounding only.
        rows: `[m, r]`, the rows of U at length 1.
        slack: `[m]`, eps |gW_i| / |U_i|, see `zeros`.
    """

    left: Tensor
    values: Tensor
    images: Tensor
    bias: Tensor
    rows: Tensor
    slack: Tensor

    @classmethod
    def of(
        cls, layer: LayerGradient, rounding: float, tolerance: float, most: int | None, random: torch.Generator
    ) -> Factors:
        """Decomposes the gradient of a layer.

        Args:
            layer: without dead units.
            rounding: eps, see `zeros`.
            tolerance: see `low_rank`.
            most: see `low_rank`.
            random: see `low_rank`.
        """
        left, values, right = low_rank(layer.of_weight, tolerance, most, random)
        lengths = left.norm(dim=1)
        return cls(
            left=left,
            values=values,
            images=values[:, None] * right,
            bias=torch.linalg.lstsq(left, layer.of_bias[:, None]).solution[:, 0],
            rows=left / lengths[:, None],
            slack=rounding * layer.of_weight.norm(dim=1) / lengths,
        )

    @property
    def units(self) -> int:
        """The number of units m that are live for some example."""
        return self.left.shape[0]

    @property
    def rank(self) -> int:
        """The number of examples r, if their gradients are linearly independent."""
        return self.left.shape[1]

    def scale(self, directions: Tensor) -> Tensor:
        """|S^-1 q| of directions `[..., r]`: `[...]`."""
        return (directions / self.values).norm(dim=-1)

    def zeros(self, directions: Tensor) -> Tensor:
        """Tells at which units U q is zero up to rounding: `[k, r]` -> `[k, m]`.

        With p = V^T S^-1 q, gW p = U q. Its entry i is a sum that rounding in gW changes by about |gW_i| |p| eps, so it
        counts as zero if |gW_i p| < eps |gW_i| |p|. In float32, true zeros are below 9e-9 and the others above 9e-6.
        """
        return (directions @ self.rows.mT).abs() < self.slack * self.scale(directions)[:, None]

    def zeros_of_all(self, directions: Tensor) -> Tensor:
        """Tells at which units U q is zero for every q of the space of `[k, r]`, orthonormal: `[m]`."""
        if len(directions) == 1:
            return self.zeros(directions)[0]
        size = (directions / self.values).norm()
        return (directions @ self.rows.mT).norm(dim=0) < self.slack * size

    def null_space(self, units: Tensor) -> Tensor:
        """Returns the space of the directions that are zero at these units, up to rounding: `[k, r]`, orthonormal.

        Args:
            units: indices, or a mask `[m]`.
        """
        chosen = self.rows[units]
        if len(chosen) > self.rank:
            square = torch.linalg.qr(chosen, mode="r")[1]  # the same null space, for less time
        else:
            square = torch.cat([chosen, chosen.new_zeros(self.rank - len(chosen), self.rank)])
        values, right = torch.linalg.svd(square)[1:]
        return right[values < 3 * self.slack[units].norm() * self.scale(right)]
