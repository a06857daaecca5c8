"""Examples of a batch one after the other: what one example alone has made is found, verified and subtracted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.attacks.exact.first_layer import FirstLayer
from bench.attacks.exact.lone_rows import agreeing, fitted
from bench.attacks.exact.one_victim import one_victim
from bench.engine.allowance import Affords, Rounds, always
from bench.messages.observation import Observation
from bench.messages.task import Task

Tree = dict[str, Tensor]
_LEFT = 1e-3  # share of a unit's gradient below which what is left after subtraction is rounding
_ALIKE = 1e-3  # relative difference up to which two examples enter a gradient with the same weight
_SLACK = 10  # a claim's own gradient may differ from the shared one by so many times `agreement`


@dataclass(eq=False)
class VerifiedExample:
    """A verified example: an image `[C, H, W]`, and its label or -1."""

    image: Tensor
    label: int


@dataclass(eq=False)
class PeelingState:
    """What an attack sees of one victim, in float64 on the CPU, and what is left of it after subtraction.

    Args:
        task: see `Task`.
        layer: the layer that reads the pixels.
        parameters: `{name: tensor}` of this victim.
        buffers: as `parameters`.
        of_weight: `[m, n]`, what is left of the gradient of the layer's weight.
        of_bias: `[m]`, what is left of that of its bias.
        size: B.
        range: the interval of inputs.
        classes: the labels that an example may have.
        evaluations: how many gradients were computed.
    """

    task: Task
    layer: FirstLayer
    parameters: Tree
    buffers: Tree
    of_weight: Tensor
    of_bias: Tensor
    size: int
    range: tuple[float, float]
    classes: Sequence[int]
    evaluations: int = 0
    _whole: float = field(init=False)
    _moved: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._whole = float(self.of_weight.square().sum())
        self._moved = self.of_bias.abs()  # all that was ever added to or subtracted from a unit, for its rounding

    @classmethod
    def of(cls, seen: Observation, layer: FirstLayer, position: int) -> PeelingState:
        """Takes one victim out of an observation that grants the batch size, the classes and the range of inputs."""
        assert seen.batch_size is not None and seen.task.classes is not None and seen.task.input_range is not None
        granted = None if seen.labels is None else sorted(set(seen.labels[position].tolist()))
        exact = torch.zeros((), dtype=torch.float64)
        return cls(
            task=seen.task,
            layer=layer,
            parameters=one_victim(seen.parameters, position, exact),
            buffers=one_victim(seen.buffers, position, exact),
            of_weight=seen.gradients[layer.weight][position].cpu().double(),
            of_bias=seen.gradients[layer.bias][position].cpu().double(),
            size=seen.batch_size,
            range=seen.task.input_range,
            classes=range(seen.task.classes) if granted is None else granted,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """`(C, H, W)`."""
        return self.task.input_shape

    def image(self, inputs: Tensor) -> Tensor:
        """The image `[C, H, W]` that makes these inputs `[n]` of the layer."""
        return self.layer.pixels(inputs).reshape(self.shape)

    def own(self, image: Tensor, label: int) -> tuple[Tensor, Tensor]:
        """The gradients `[m, n]` and `[m]` of the layer, computed for one example."""
        self.evaluations += 1
        found = self.task.gradient(self.parameters, self.buffers, image[None], torch.tensor([label]))
        return found[self.layer.weight].detach(), found[self.layer.bias].detach()

    def usable(self) -> Tensor:
        """Units `[m]` whose gradient is more than what rounding has left of it."""
        return (self.of_bias.abs() > _LEFT * self._moved) & (self.of_bias != 0)

    def subtract(self, of_weight: Tensor, of_bias: Tensor) -> None:
        """Takes a part of the gradient away."""
        self.of_weight, self.of_bias = self.of_weight - of_weight, self.of_bias - of_bias
        self._moved = self._moved + of_bias.abs()

    def unexplained(self) -> float:
        """The share of the weight's squared gradient that is left."""
        return float(self.of_weight.square().sum()) / self._whole if self._whole else torch.nan


@dataclass(eq=False)
class _Claim:
    """A claimed example, the weight with which it seems to enter the gradient, and its own gradient of the layer."""

    example: VerifiedExample
    share: float
    gradient: tuple[Tensor, Tensor]


def lone_examples(
    batch: PeelingState, agreement: float, peel: bool, affords: Affords = always
) -> list[VerifiedExample]:
    """Finds the examples that can be verified; what they explain is subtracted from `batch`.

    An example enters the gradient of a batch with the same weight as every other, 1 / B for a mean, and k equal
    examples with k times this weight. A defence may scale the whole, so a weight that two claims of the first round
    have is believed too.

    Args:
        batch: one victim of several examples.
        agreement: see `bench.attacks.exact.linear_layer.LinearLayer`.
        peel: likewise.
        affords: asked before each group of units, see `EngineSettings`.
    """
    found: list[VerifiedExample] = []
    rounds = Rounds(affords)
    share: float | None = None
    while len(found) < batch.size:
        groups = agreeing(batch.of_weight, batch.of_bias, batch.usable(), agreement)
        claims = [_claims(batch, units, _SLACK * agreement) for units in groups if rounds.another()]
        share = _common([one.share for each in claims for one in each], batch.size) if share is None else share
        before = len(found)
        for each in claims:
            for one in each[: 0 if share is None else None]:
                assert share is not None
                if is_repeated(one.example, found, _SLACK * agreement):
                    break
                copies = _multiple(one.share, share, batch.size - len(found))
                if copies:
                    batch.subtract(*(copies * share * part for part in one.gradient))
                    found += [one.example] * copies
                    break
        if not peel or len(found) == before:
            break
    return found


def _claims(batch: PeelingState, units: Tensor, tolerance: float) -> list[_Claim]:
    """The example that alone has moved `units` `[k]`: its input from their rows, with each label that explains them.

    Only one label does, unless the network has a hidden layer of one unit or the like: then the weight decides.
    """
    image = batch.image(fitted(batch.of_weight[units], batch.of_bias[units]))
    shared, found = batch.of_bias[units], []
    for label in batch.classes:
        gradient = batch.own(image, label)
        own = gradient[1][units]
        share = float(shared @ own / (own @ own)) if own.any() else 0.0
        if share > 0 and (shared - share * own).norm() <= tolerance * shared.norm():
            found.append(_Claim(VerifiedExample(image, label), share, gradient))
    return found


def is_repeated(example: VerifiedExample, found: list[VerifiedExample], tolerance: float) -> bool:
    """Whether an image is among those that were found.

    The rows of one example are two groups if the row of another lies between them in the order of `agreeing`. It must
    not be subtracted twice. Equal images of a batch are no repetition: they come as one claim of a larger weight.

    Args:
        example: a claim.
        found: examples that were subtracted before it.
        tolerance: the relative distance up to which two images are the same.
    """
    size = example.image.norm()
    return any((example.image - one.image).norm() <= tolerance * size for one in found)


def _multiple(value: float, of: float, most: int) -> int:
    """The whole number from 1 to `most` of which `value` is the multiple of `of`; 0 if there is none.

    >>> _multiple(0.25, 0.125, 8), _multiple(0.2, 0.125, 8), _multiple(2.0, 0.125, 8)
    (2, 0, 0)
    """
    number = round(value / of)
    return number if 1 <= number <= most and abs(value - number * of) <= _ALIKE * number * of else 0


def _common(shares: list[float], size: int) -> float | None:
    """The weight of an example of a batch of `size`: 1 / size if a claim has it or a multiple of it.

    Otherwise it is a weight that two claims have, and None if there is none.

    >>> _common([0.31, 0.25], 4), _common([0.5], 4), _common([0.1, 0.1, 0.7], 4), _common([0.1], 4)
    (0.25, 0.25, 0.1, None)
    """
    if any(_multiple(share, 1 / size, size) for share in shares):
        return 1 / size
    common = [share for share in shares if sum(_multiple(other, share, 1) for other in shares) > 1]
    return common[0] if common else None
