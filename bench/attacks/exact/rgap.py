"""R-GAP: images by recursion through the layers of a network (Zhu and Blaschko 2021, arXiv 2010.07733)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.exact.inverse_activation import entered, invertible
from bench.attacks.exact.last_features import LastFeatures, candidates
from bench.attacks.exact.layer_system import Convolution, LayerRank, rank_of, solve
from bench.attacks.exact.verified import verified
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.structure import CONVOLUTION, FLATTEN, IDENTITY, LINEAR, NORMALISE, ChainLayer

_LARGEST = 2**28  # entries of a layer's equations, 2 GiB in float64
_CANDIDATES = 4  # of a last layer without a bias, the best first


@dataclass(eq=False)
class _Recursion:
    """What is known of the input of a layer: its value, dL/d value, and where the value is known."""

    value: Tensor
    slope: Tensor
    known: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.known = torch.ones_like(self.value, dtype=torch.bool)


class RGap(Attack):
    """Recovers the input of each layer from the last to the first, by linear equations (section 3).

    1. The gradient of the last layer gives its input, dL/d logits, and the label (`bench.attacks.exact.last_features`).
    2. From the output x' of an activation follow z and d = dL/dz = dL/dx' times the slope at z
    (`bench.attacks.exact.inverse_activation`).
    3. The input x of the layer before it solves K x = grad W and W x = z - b, and dL/dx = W^T d
    (`bench.attacks.exact.layer_system`).

    The attack is exact for one example if the equations of each layer have full rank. Before it runs, it computes the
    rank that a layer can have at most, and it refuses the model by the layer's name if that does not suffice. A claim
    counts if its gradient is the shared one; otherwise, the victim has failed and has no image.

    Departs: the paper has one output under a logistic loss; here, the last layer has any number of classes under a
    cross entropy. Layers may have biases. A ReLU is inverted where it is positive, and its zeros give no equations. The
    paper solves K and W at once for all unknowns; here, directions of which K says much are taken from K alone, since
    the error of z grows with each layer and that of the gradient does not. Everything is computed in float64, whatever
    the engine's type.

    Args:
        rank_tolerance: an input counts as open if a singular value of its equations is below this share of the largest,
            in (0, 1).
        enough: a claim counts up to this relative squared distance between its gradient and the shared one, > 0. The
            preset has 3e-5. On CNN6 and CIFAR-10, 46 true claims from gradients in float32 were at 4e-12 and
            less but for two, at 8e-7 and 3e-6 (their images came back at 99 dB and more), and claims from gradients
            with noise of 1e-7 and more, rounding or pruning were at 7e-4 at least.
        engine: settings, of which `affords` is used: a victim whose equations take too long has no image.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, rank_tolerance: float, enough: float, *, engine: EngineSettings) -> None:
        super().__init__()
        if not 0 < rank_tolerance < 1:
            raise ValueError(f"rank_tolerance={rank_tolerance}: must be between 0 and 1 (share of a singular value)")
        if not enough > 0:
            raise ValueError(f"enough={enough}: must be > 0 (relative squared distance between gradients)")
        self.rank_tolerance, self.enough, self.engine = rank_tolerance, enough, engine

    @property
    def needs(self) -> frozenset[str]:
        """One example, buffers, and a model whose layers follow one another and end in a linear one."""
        return frozenset({"batch_size", "batch_of_one", "buffers", "chain", "last_linear", "last_layer_shared"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met, or the layer that cannot be inverted.
        """
        super().check(seen)
        chain = seen.task.chain
        assert chain is not None
        known = {CONVOLUTION, LINEAR, FLATTEN, NORMALISE, IDENTITY, *invertible()}
        for layer in chain:
            if layer.kind not in known:
                raise NotApplicable(
                    f"attack RGap cannot invert layer '{layer.name}' of the model ({layer.kind}); it inverts linear "
                    f"layers, convolutions, and {', '.join(invertible())}"
                )
            if layer.weight is not None and layer.weight not in seen.gradients:
                raise NotApplicable(
                    f"attack RGap needs the gradient of every weight, and that of layer '{layer.name}' is not shared "
                    "(model.shared; requires_grad)"
                )
        for rank in self.ranks(seen):
            if not rank.suffices:
                raise NotApplicable(
                    f"attack RGap cannot invert layer '{rank.name}' of the model: its input has {rank.unknowns:,} "
                    f"entries, and its equations have rank {rank.by_gradient + rank.by_weight:,} at most "
                    f"({rank.by_gradient:,} from its gradient, {rank.by_weight:,} from its output)"
                )

    def ranks(self, seen: Observation) -> list[LayerRank]:
        """The rank that the equations of each layer can have at most, the last layer left out, from first to last.

        Raises:
            NotApplicable: the equations of a layer are too large.
        """
        found = []
        for layer, shape in _sized(seen)[:-1]:
            if layer.weight is None:
                continue
            system = _convolution(layer, shape, seen, 0)
            if system.cells > _LARGEST:
                raise NotApplicable(
                    f"attack RGap cannot invert layer '{layer.name}' of the model: the equations of an input of "
                    f"{'x'.join(map(str, shape))} do not fit into memory (take smaller images, data.size)"
                )
            found.append(rank_of(layer.name, system))
        return found

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstruction of each victim, one victim after the other.

        Args:
            seen: see `Attack.reconstruct`.
            seed: not used.
        """
        self.check(seen)
        for position in range(len(seen)):
            begin = time.perf_counter()
            yield verified(seen, position, self._claims(seen, position), self.enough, begin=begin)

    def _claims(self, seen: Observation, position: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An image `[1, C, H, W]` and its label `[1]` for each candidate of the last layer's input."""
        for start in self._starts(seen, position)[:_CANDIDATES]:
            image = self._image(seen, position, start)
            if image is not None:
                yield image[None], torch.tensor([start.label], device=image.device)

    def _starts(self, seen: Observation, position: int) -> list[LastFeatures]:
        task = seen.task
        assert task.last_linear is not None
        gradient, weight = (of[task.last_linear][position].double() for of in (seen.gradients, seen.parameters))
        bias = None if task.last_bias is None else seen.parameters[task.last_bias][position].double()
        shared = None if task.last_bias is None else seen.gradients.get(task.last_bias)
        bias_gradient = None if shared is None else shared[position].double()
        if not gradient.isfinite().all() or not (bias_gradient is None or bias_gradient.isfinite().all()):
            return []
        return candidates(gradient, bias_gradient, weight, bias)

    def _image(self, seen: Observation, position: int, start: LastFeatures) -> Tensor | None:
        """The image `[C, H, W]`, by recursion from what entered the last layer."""
        sized = _sized(seen)
        last, _ = sized[-1]
        assert last.weight is not None
        weight = seen.parameters[last.weight][position].double()
        here = _Recursion(start.features, weight.T @ start.slope)
        for layer, shape in reversed(sized[:-1]):
            before = self._before(layer, shape, here, seen, position)
            if before is None or not (before.slope.isfinite().all() and before.value[before.known].isfinite().all()):
                return None
            here = before
        return here.value

    def _before(
        self, layer: ChainLayer, shape: tuple[int, ...], here: _Recursion, seen: Observation, position: int
    ) -> _Recursion | None:
        """What entered a layer, from what it returned; None if its equations leave that open.

        Args:
            layer: the layer.
            shape: of its input, without a batch.
            here: what is known of its output.
            seen: the observation.
            position: of the victim in it.
        """
        if layer.kind == NORMALISE:
            names = (f"{layer.name}.{part}".lstrip(".") for part in ("mean", "std"))
            mean, std = (seen.buffers[name][position].double() for name in names)
            return _Recursion(here.value * std + mean, here.slope / std)
        if layer.kind in (FLATTEN, IDENTITY):
            before = _Recursion(here.value.reshape(shape), here.slope.reshape(shape))
            before.known = here.known.reshape(shape)
            return before
        if layer.weight is None:
            inverse = entered(layer.kind, here.value, layer.slope)
            before = _Recursion(inverse.value, here.slope * inverse.slope)
            before.known = inverse.known
            return before
        system = _convolution(layer, shape, seen, position)
        gradient = seen.gradients[layer.weight][position].double().view_as(system.weight)
        value, slope, known = (of.reshape(system.output) for of in (here.value, here.slope, here.known))
        found = solve(system, gradient, slope, value, known, self.rank_tolerance, self.engine.affords)
        return None if found is None else _Recursion(found.reshape(shape), system.back(slope).reshape(shape))


def _sized(seen: Observation) -> list[tuple[ChainLayer, tuple[int, ...]]]:
    """The layers of the model, each with the shape of its input, without a batch."""
    chain = seen.task.chain
    assert chain is not None
    shapes: list[tuple[int, ...]] = [seen.task.input_shape]
    for layer in chain[:-1]:
        shape = shapes[-1]
        if layer.kind == FLATTEN:
            shape = (prod(shape),)
        elif layer.weight is not None:
            output = _convolution(layer, shape, seen, 0).output
            shape = output if layer.kind == CONVOLUTION else output[:1]
        shapes.append(shape)
    return list(zip(chain, shapes))


def _convolution(layer: ChainLayer, shape: Sequence[int], seen: Observation, position: int) -> Convolution:
    """A convolution or a linear layer of one victim, in float64."""
    assert layer.weight is not None
    weight = seen.parameters[layer.weight][position].double()
    bias = None if layer.bias is None else seen.parameters[layer.bias][position].double()
    if layer.kind == LINEAR:
        weight, shape = weight[:, :, None, None], (*shape, 1, 1)
    channels, height, width = shape
    return Convolution(weight, bias, layer.stride, layer.padding, (channels, height, width))
