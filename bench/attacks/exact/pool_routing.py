"""The input of a convolution that ends in a ReLU and a max-pooling, from the gradient of its weight (ours).

The pooling hides at which output of its window each maximum lies. If this routing were known, dL/dz would be known at
every output z, and the input x would solve the linear equations K x = grad W of R-GAP
(`bench.attacks.exact.layer_system`), which a deep layer has many more of than unknowns. So routing and input are found
in turn: for an input, each filter's routing is the one that explains its part of the gradient best; for a routing, the
input solves a least-squares problem that gives little weight to filters that it does not explain. At first, the input
is sought among few directions, those in which it varies from one image to another; and then freely.

Nothing is believed unless it is exact: the input that is returned gives the pooled outputs and the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from bench.attacks.exact.layer_system import Convolution

_COARSE, _ROUNDS = 12, 50  # rounds among few directions, and rounds in all
_SWEEPS = 2  # how often each window's routing is chosen again in a round
_COARSE_RIDGE, _FIRST_RIDGE, _SHRINKING = 1e-2, 0.1, 0.6  # shares of the equations' mean size
_FROM_OUTPUT = 100.0  # weight of the pooled output beside that of the gradient when a routing is chosen
_ENOUGH = 1e-4  # relative error of the gradient and of the pooled outputs up to which an input counts as found


@dataclass(frozen=True, eq=False)
class PooledLayer:
    """A convolution of one image behind which stand a ReLU and a max-pooling.

    Args:
        layer: the convolution, a BatchNorm behind it folded into its weight and bias.
        windows: `[w, q]`, for each window the positions of its q outputs, counted row by row.
        gradient: dL/d weight, `[O, C k k]`.
        pooled: what the pooling returns, `[O, w]`.
        slope: dL/d pooled, `[O, w]`, zero where `pooled` is.
    """

    layer: Convolution
    windows: Tensor
    gradient: Tensor
    pooled: Tensor
    slope: Tensor

    @property
    def alive(self) -> Tensor:
        """`[O, w]`, whether a window has a gradient."""
        return self.slope != 0

    def patches(self, found: Tensor) -> Tensor:
        """The patches `[H' W', C k k]` of an input `[C, H, W]` that the outputs read."""
        layer = self.layer
        kernel = tuple(layer.weight.shape[2:])
        return functional.unfold(found[None], kernel, padding=layer.padding, stride=layer.stride)[0].T

    def outputs(self, patches: Tensor) -> Tensor:
        """Patches `[H' W', C k k]` -> z `[O, H' W']`."""
        z = self.layer.weight.flatten(1) @ patches.T
        return z if self.layer.bias is None else z + self.layer.bias[:, None]

    def routing(self, z: Tensor) -> Tensor:
        """The positions `[O, w]` of the maxima of z `[O, H' W']`."""
        best = z[:, self.windows].argmax(-1)
        return self.windows.expand(len(z), -1, -1).gather(2, best.unsqueeze(2)).squeeze(2)

    def slopes(self, routing: Tensor) -> Tensor:
        """dL/dz `[O, H', W']` if the maxima lie at `routing` `[O, w]`."""
        z = self.slope.new_zeros(self.layer.output).flatten(1)
        return z.scatter(1, routing, self.slope).view(self.layer.output)

    def equations(self, routing: Tensor) -> Tensor:
        """`[O, k k, H W]`, the gradient as a function of one channel of the input."""
        block = self.layer.gradient_block(self.slopes(routing))
        return block.view(len(self.slope), -1, block.shape[1])

    @property
    def right(self) -> Tensor:
        """`[O, k k, C]`, the gradient that the equations have to give."""
        return self.gradient.view(len(self.gradient), self.layer.shape[0], -1).mT


def input_of(pooled: PooledLayer, examples: Tensor, starts: int) -> tuple[Tensor, Tensor] | None:
    """Returns the input `[C, H, W]` and dL/dz `[O, H', W']`, or None if none is found that is exact.

    Args:
        pooled: see `PooledLayer`; in float64.
        examples: inputs of other images, `[N, C, H, W]`: their mean is the first start, and their differences are the
            directions that are searched first.
        starts: how many starts are tried: the mean, and then one example after the other.
    """
    filters, _, *kernel = pooled.layer.weight.shape
    _, height, width = pooled.layer.shape
    if filters * prod(kernel) < height * width or not pooled.alive.any():  # more unknowns than equations
        return None
    mean = examples.mean(0)
    directions = (examples - mean).flatten(2) / len(examples) ** 0.5
    for start in [mean, *examples[: starts - 1]]:
        found = _search(pooled, start, mean, directions)
        if found is not None:
            return found
    return None


def _search(pooled: PooledLayer, start: Tensor, mean: Tensor, directions: Tensor) -> tuple[Tensor, Tensor] | None:
    found, ridge = start, _FIRST_RIDGE
    routing = pooled.routing(pooled.outputs(pooled.patches(found)))
    for turn in range(_ROUNDS):
        routing = _explaining(pooled, pooled.patches(found), routing)
        equations = pooled.equations(routing)
        weight = _trust(pooled, equations, found)
        if turn < _COARSE:
            found = _coarse(equations, pooled.right, weight, mean, directions)
        else:
            found, ridge = _free(equations, pooled.right, weight, found, ridge), ridge * _SHRINKING
            exact = _exact(pooled, found)
            if exact is not None:
                return exact
    return None


def _explaining(pooled: PooledLayer, patches: Tensor, routing: Tensor) -> Tensor:
    """Chooses each window's routing anew, the others held: the one that explains gradient and output best."""
    products, told = patches @ patches.T, pooled.gradient @ patches.T
    off = (pooled.outputs(patches)[:, pooled.windows] - pooled.pooled.unsqueeze(2)).square()  # [O, w, q]
    slope, alive = pooled.slope, pooled.alive
    for _ in range(_SWEEPS):
        for window, places in enumerate(pooled.windows):
            rest = slope.clone()
            rest[:, window] = 0
            explained = (rest.unsqueeze(2) * products[routing][:, :, places]).sum(1)  # [O, q]
            own = slope[:, window, None]
            cost = own.square() * (products[places, places] + _FROM_OUTPUT * off[:, window])
            cost = cost + 2 * own * (explained - told[:, places])
            chosen = torch.where(alive[:, window], places[cost.argmin(1)], routing[:, window])
            routing = routing.index_copy(1, torch.tensor([window], device=routing.device), chosen[:, None])
    return routing


def _trust(pooled: PooledLayer, equations: Tensor, found: Tensor) -> Tensor:
    """Weights `[O]` of the filters: 1 over their slope, and less for those that are explained worse than the median."""
    size = pooled.slope.norm(dim=1)
    error = (equations @ found.flatten(1).T - pooled.right).flatten(1).norm(dim=1) / size.clamp(min=1e-300)
    median = error[size > 0].median()
    weight = 1 / (size * torch.maximum(error, median)).clamp(min=1e-300)
    weight = torch.where(size > 0, weight, torch.zeros_like(weight))
    return weight / weight.max()


def _coarse(equations: Tensor, right: Tensor, weight: Tensor, mean: Tensor, directions: Tensor) -> Tensor:
    """The best input `[C, H, W]` among the mean and the directions `[N, C, H W]`."""
    weighed = (weight.view(-1, 1, 1) * equations).flatten(0, 1)
    wanted = (weight.view(-1, 1, 1) * right).flatten(0, 1) - weighed @ mean.flatten(1).T
    along = (weighed @ directions.mT).flatten(1)  # [N, O k k C]
    normal = along @ along.T
    normal.diagonal().add_(_COARSE_RIDGE * normal.diagonal().mean())
    steps = torch.linalg.solve(normal, along @ wanted.flatten())
    return mean + torch.einsum("n,ncp->cp", steps, directions).view_as(mean)


def _free(equations: Tensor, right: Tensor, weight: Tensor, before: Tensor, ridge: float) -> Tensor:
    """The best input `[C, H, W]`, drawn towards the one before it."""
    weighed = (weight.view(-1, 1, 1) * equations).flatten(0, 1)
    normal = weighed.T @ weighed
    pull = ridge * normal.diagonal().mean()
    normal.diagonal().add_(pull)
    wanted = weighed.T @ (weight.view(-1, 1, 1) * right).flatten(0, 1) + pull * before.flatten(1).T
    return torch.linalg.solve(normal, wanted).T.reshape(before.shape)


def _exact(pooled: PooledLayer, found: Tensor) -> tuple[Tensor, Tensor] | None:
    """The input and dL/dz, if the maxima of the input's own outputs explain all that was observed."""
    slope = pooled.slopes(pooled.routing(pooled.outputs(pooled.patches(found))))
    exact = known_slope(pooled.layer, pooled.gradient, slope)
    if exact is None:
        return None
    z = pooled.outputs(pooled.patches(exact))
    highest = z[:, pooled.windows].amax(-1).relu()
    close = (highest - pooled.pooled).norm() <= _ENOUGH * pooled.pooled.norm()
    return (exact, slope) if close and torch.equal(pooled.slopes(pooled.routing(z)), slope) else None


def known_slope(layer: Convolution, gradient: Tensor, slope: Tensor) -> Tensor | None:
    """The input `[C, H, W]` of a convolution whose dL/dz is known; None if it does not give the gradient, or is open.

    Args:
        layer: see `Convolution`.
        gradient: dL/d weight, `[O, C k k]`.
        slope: dL/dz, `[O, H', W']`.
    """
    block = layer.gradient_block(slope)
    right = gradient.view(len(gradient), layer.shape[0], -1).mT.flatten(0, 1)  # [O k k, C]
    if len(block) < block.shape[1] or not block.isfinite().all():
        return None
    values = torch.linalg.svdvals(block)
    if not values[-1] > _ENOUGH * values[0]:
        return None
    found = torch.linalg.lstsq(block, right).solution
    close = (block @ found - right).norm() <= _ENOUGH * right.norm()
    return found.T.reshape(layer.shape) if close else None


def folded(layer: Convolution, scale: Tensor, shift: Tensor) -> Convolution:
    """The convolution together with what multiplies each of its outputs by `scale` `[O]` and adds `shift` `[O]`."""
    bias = shift if layer.bias is None else layer.bias * scale + shift
    return replace(layer, weight=layer.weight * scale.view(-1, 1, 1, 1), bias=bias)
