"""Which linear layer reads the pixels, and how: found by the gradients of images of the attacker's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from bench.attacks.exact.one_victim import one_victim
from bench.errors import NotApplicable
from bench.messages.observation import Observation

_AFFINE = 1e-6  # share by which an input may differ from an affine function of its pixel; float64 leaves 1e-12


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """A linear layer whose inputs are pixels, each scaled and shifted by a normalisation (or not).

    Args:
        weight: name of its weight `[m, n]`, n the number of pixels.
        bias: name of its bias `[m]`.
        offset: `[n]`, float64, the layer's input for black images.
        scale: `[n]`, float64, what a pixel of 1 adds to it; no entry is zero.
        rectified: whether the gradient of each unit that is not positive is zero, as it is before a ReLU.
    """

    weight: str
    bias: str
    offset: Tensor
    scale: Tensor
    rectified: bool

    def pixels(self, inputs: Tensor) -> Tensor:
        """Computes the images, flat, from inputs of the layer: `[..., n]` -> `[..., n]`."""
        return (inputs - self.offset) / self.scale


def find_first_layer(seen: Observation) -> FirstLayer | None:
    """Returns the first linear layer with a bias that reads pixels, with both gradients shared; None if there is none.

    The attacker computes the gradient of a batch of copies of one image of its own. The row of unit i is then g_i x,
    and the entry i of the bias is g_i, so that their ratio is the layer's input x (Phong et al. 2018). Inputs for a
    black and a white image give offset and scale; a third image tells whether each input depends on its own pixel
    alone.
    """
    for weight, bias in _candidates(seen):
        probes = [_Probe.of(seen, weight, bias, image) for image in _images(prod(seen.task.input_shape))]
        black, white, ramp = (None if probe is None else probe.inputs for probe in probes)
        if black is None or white is None or ramp is None:
            continue
        scale, pixels = white - black, _images(len(black))[2]
        expected = black + scale * pixels
        exact = (ramp - expected).abs().max() <= _AFFINE * expected.abs().max()
        if exact and (scale != 0).all():
            rectified = all(probe.rectified for probe in probes if probe is not None)
            return FirstLayer(weight, bias, black, scale, rectified)
    return None


def needed_first_layer(seen: Observation, attack: str, example: str) -> FirstLayer:
    """Returns what `find_first_layer` finds.

    Args:
        seen: the observation.
        attack: the name of the attack's class, for the message.
        example: a model that has such a layer, for the message.

    Raises:
        NotApplicable: the model has no linear layer that reads the pixels.
    """
    layer = find_first_layer(seen)
    if layer is None:
        raise NotApplicable(
            f"attack {attack} needs a model that begins with a linear layer with a bias (after a normalisation of "
            f"pixels at most), with both gradients shared (try model={example})"
        )
    return layer


def _candidates(seen: Observation) -> Iterator[tuple[str, str]]:
    """The names of each weight with a column per pixel, and of the bias beside it."""
    for name, value in seen.gradients.items():
        bias = f"{name.removesuffix('weight')}bias"
        shape = value.shape[1:]
        if len(shape) == 2 and shape[1] == prod(seen.task.input_shape) and bias in seen.gradients:
            yield name, bias


def _images(pixels: int) -> Tensor:
    """Three images `[3, n]`: black, white, and a ramp in an order that mixes its steps."""
    ramp = torch.arange(pixels, dtype=torch.float64) * 0.6180339887 % 1.0
    return torch.stack([torch.zeros_like(ramp), torch.ones_like(ramp), ramp])


@dataclass(frozen=True, eq=False)
class _Probe:
    """What the gradient of one image of the attacker's own shows of a layer.

    Args:
        inputs: `[n]`, float64, the inputs of the layer.
        rectified: as `FirstLayer.rectified`, for this image.
    """

    inputs: Tensor
    rectified: bool

    @classmethod
    def of(cls, seen: Observation, weight: str, bias: str, image: Tensor) -> _Probe | None:
        """Computes the gradient of a batch of copies of `image` `[n]`; None if no unit has a gradient."""
        parameters, buffers = (one_victim(group, 0, image) for group in (seen.parameters, seen.buffers))
        batch = image.reshape(1, *seen.task.input_shape).expand(seen.batch_size or 1, *seen.task.input_shape)
        targets = torch.zeros(len(batch), dtype=torch.long)
        gradient = seen.task.gradient(parameters, buffers, batch, targets)
        of_weight, of_bias = gradient[weight].detach(), gradient[bias].detach()
        unit = int(of_bias.abs().argmax())
        if not of_bias[unit].abs() > 0:
            return None
        inputs = of_weight[unit] / of_bias[unit]
        reached = parameters[weight] @ inputs + parameters[bias]
        return cls(inputs, bool((of_bias[reached < 0] == 0).all()))
