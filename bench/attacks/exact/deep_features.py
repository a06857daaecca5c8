"""What entered a layer of a chain of convolutions, exactly, from the gradient of one example (ours).

It is R-GAP's recursion (Zhu and Blaschko 2021, arXiv 2010.07733, section 3) from the last layer on, for convolutions
with a ReLU, a BatchNorm that uses running statistics, and a max-pooling. It ends where a layer has more unknowns than
equations, and so it gives no image, but what the layers behind it read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.last_features import candidates
from bench.attacks.exact.layer_system import Convolution
from bench.attacks.exact.one_victim import one_victim
from bench.attacks.exact.pool_routing import PooledLayer, folded, input_of, known_slope
from bench.engine.parametrisation import ColouredDct
from bench.engine.rng import draw
from bench.messages.observation import Observation
from bench.messages.structure import CONVOLUTION, FLATTEN, IDENTITY, LINEAR, ChainLayer
from bench.models.chain_start import affine_of, can_run, run_start

_EXAMPLES = 64  # random images with the spectrum of natural ones, whose features are the directions searched first
_ZERO = 1e-6  # of the largest value: an output of a ReLU up to which it counts as zero
_SPECTRUM = ColouredDct(1.25, (0.39, 0.12, 0.06))


@dataclass(frozen=True, eq=False)
class DeepFeatures:
    """What entered a layer.

    Args:
        layers: number of layers of the chain that stand before it.
        value: `[C, H, W]`, float64.
    """

    layers: int
    value: Tensor


@dataclass(eq=False)
class _Victim:
    """One victim's tensors in float64, and the inputs of each layer for a few images of the attacker's own."""

    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    gradients: dict[str, Tensor]
    inputs: list[Tensor]


@dataclass(eq=False)
class _Block:
    """A convolution and what stands behind it, as far as the walk has come."""

    value: Tensor  # what the block returns
    slope: Tensor  # dL/d value
    relu: bool = False
    pooling: ChainLayer | None = None
    norm: ChainLayer | None = None


def deepest_features(seen: Observation, position: int, seed: int, starts: int) -> DeepFeatures | None:
    """Returns the input of the first layer that can be reached; None if none before the last layer can.

    Args:
        seen: a batch of one; the model is a chain that ends in a linear layer, and its gradient is shared as it is.
        position: of the victim in it.
        seed: of the attacker's random numbers.
        starts: see `bench.attacks.exact.pool_routing.input_of`.
    """
    chain = seen.task.chain
    if chain is None or not can_run(chain[:-1]) or chain[-1].kind != LINEAR or chain[-1].weight is None:
        return None
    victim = _victim(seen, position, chain, seed)
    last = chain[-1]
    weights = (victim.gradients.get(last.weight or ""), victim.parameters[last.weight or ""])
    biases = (victim.gradients.get(last.bias or ""), victim.parameters.get(last.bias or ""))
    if weights[0] is None or not all(value.isfinite().all() for value in victim.gradients.values()):
        return None
    begins = candidates(weights[0], biases[0], weights[1], biases[1])
    if not begins:
        return None
    block = _Block(begins[0].features, weights[1].T @ begins[0].slope)
    found = None
    for index in range(len(chain) - 2, -1, -1):
        layer = chain[index]
        if layer.kind == CONVOLUTION:
            before = _before(layer, block, victim, victim.inputs[index], starts)
            if before is None:
                break
            block, found = before, DeepFeatures(index, before.value)
        elif not _stacked(layer, block, victim.inputs[index]):
            break
    return found


def _victim(seen: Observation, position: int, chain: tuple[ChainLayer, ...], seed: int) -> _Victim:
    like = torch.zeros((), dtype=torch.float64, device=seen.ids.device)
    parameters, buffers, gradients = (
        one_victim(group, position, like) for group in (seen.parameters, seen.buffers, seen.gradients)
    )
    shape = (_EXAMPLES, *seen.task.input_shape)
    noise = draw("normal", shape, seed, "example images", int(seen.ids[position]), 0).double()
    low, high = seen.task.input_range or (0.0, 1.0)
    value = (low + (high - low) * (0.5 + _SPECTRUM.decode(noise)).clamp(0, 1)).to(like.device)
    inputs = []
    for layer in chain[:-1]:
        inputs.append(value)
        value = run_start([layer], parameters, buffers, value)
    return _Victim(parameters, buffers, gradients, inputs)


def _stacked(layer: ChainLayer, block: _Block, inputs: Tensor) -> bool:
    """Notes a layer that stands behind a convolution; false if the walk cannot pass it."""
    if layer.kind == IDENTITY:
        return True
    if layer.kind == FLATTEN:
        block.value, block.slope = (of.reshape(inputs.shape[1:]) for of in (block.value, block.slope))
    elif layer.kind == "relu" and block.norm is None:
        block.relu = True
    elif layer.window is not None and block.pooling is None and block.norm is None:
        block.pooling = layer
    elif layer.eps is not None and block.norm is None and block.relu:
        block.norm = layer
    else:
        return False
    return True


def _before(layer: ChainLayer, block: _Block, victim: _Victim, inputs: Tensor, starts: int) -> _Block | None:
    """What entered a convolution, and dL/d of it; None if that stays open."""
    gradient = victim.gradients.get(layer.weight or "")
    if not block.relu or gradient is None or block.value.dim() != 3:
        return None
    weight, bias = victim.parameters[layer.weight or ""], victim.parameters.get(layer.bias or "")
    channels, height, width = inputs.shape[1:]
    system = Convolution(weight, bias, layer.stride, layer.padding, (channels, height, width))
    gradient = gradient.flatten(1)
    if block.norm is not None:
        scale, shift = affine_of(block.norm, victim.parameters, victim.buffers)
        if not (scale != 0).all():
            return None
        system, gradient = folded(system, scale, shift), gradient / scale[:, None]
    slope = block.slope * (block.value > _ZERO * block.value.max())  # a solved value is zero but for rounding
    if block.pooling is None:
        value = known_slope(system, gradient, slope)
        found = None if value is None else (value, slope)
    else:
        windows = _windows(system.output[1:], block.pooling.window or (1, 1), block.value.device)
        pooled = PooledLayer(system, windows, gradient, block.value.flatten(1), slope.flatten(1))
        found = input_of(pooled, inputs, starts)
    return None if found is None else _Block(found[0], system.back(found[1]))


def _windows(size: tuple[int, int], window: tuple[int, int], device: torch.device) -> Tensor:
    """`[w, q]`, the positions of the outputs in each window, row by row."""
    height, width = size
    rows, columns = height // window[0], width // window[1]
    places = torch.arange(height * width, device=device).view(height, width)[: rows * window[0], : columns * window[1]]
    return places.view(rows, window[0], columns, window[1]).permute(0, 2, 1, 3).reshape(rows * columns, -1)
