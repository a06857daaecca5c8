"""Images from the gradient of a linear layer that reads them (Phong et al. 2018, doi:10.1109/TIFS.2017.2787987, section
3; Geiping et al. 2020, arXiv 2003.14053, proposition 3.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.exact.first_layer import FirstLayer, needed_first_layer
from bench.attacks.exact.lone_rows import fitted, variances
from bench.attacks.exact.one_victim import reconstruction_of
from bench.attacks.exact.peeling import PeelingState, VerifiedExample, lone_examples
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status

_UNIFORM = 1 / 12  # variance of a pixel that nothing is known of, over a range of 1


@dataclass(eq=False)
class _Answer:
    """The reconstruction of one victim: images `[B, C, H, W]`, labels `[B]`, objective, gradients computed, status."""

    images: Tensor
    labels: Tensor
    objective: float
    evaluations: int
    status: Status


class LinearLayer(Attack):
    """Divides rows of the weight's gradient by the bias's: x = (grad W)_i / (grad b)_i.

    It is exact for a batch of one, whatever follows the layer (Phong, Aono, Hayashi, Wang, Moriai 2018, IEEE
    Transactions on Information Forensics and Security 13, section 3; Geiping et al. 2020, arXiv 2003.14053, proposition
    3.1). In a larger batch a row is exact if its unit is awake (behind a ReLU) for
    one example alone. No label, prior or optimisation is needed.

    A batch of one: all rows are fitted at once (`bench.attacks.exact.lone_rows.fitted`), and the residual says which
    squared error is to be expected. Above `largest_error`, nothing is claimed.

    A larger batch: two rows and more that give the same input are one example's. Such a claim is verified: with one of
    the classes as its label, the model's own gradient of the claim is what was shared at these units
    (`bench.attacks.exact.peeling`). With `peel`, the gradient of each verified example is subtracted from what was
    shared, so that other units are moved by one example alone, and so on until nothing new is found. Places without a
    verified claim are an even gray, without a label, and the victim is `partial`; without any claim it is `unverified`
    and has no images.

    Departs: the papers take one row and know no test whether a row is exact; verification and peeling are ours.

    Args:
        agreement: relative distance up to which two rows give the same input, > 0; the rounding of float32 leaves 1e-6.
        largest_error: for a batch of one, the largest expected mean squared error of an image that is claimed, > 0.
        peel: whether verified examples are subtracted to find others.
        engine: settings, of which the type of the result is used.

    Raises:
        ValueError: a number is out of its range.
    """

    of_vectors = True

    def __init__(self, agreement: float, largest_error: float, peel: bool, *, engine: EngineSettings) -> None:
        super().__init__()
        for name, value in {"agreement": agreement, "largest_error": largest_error}.items():
            if not value > 0:
                raise ValueError(f"{name}={value}: must be > 0")
        self.agreement, self.largest_error, self.peel, self.engine = agreement, largest_error, peel, engine

    @property
    def needs(self) -> frozenset[str]:
        """The batch size, the classes (labels of claims are found among them), the range of inputs, and buffers."""
        return frozenset({"batch_size", "classes", "input_range", "buffers"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: see `Attack.check`; or the model has no linear layer that reads the pixels.
        """
        super().check(seen)
        self._layer(seen)

    def _layer(self, seen: Observation) -> FirstLayer:
        return needed_first_layer(seen, type(self).__name__, "mlp")

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstruction of each victim, one victim after the other.

        Args:
            seen: see `Attack.reconstruct`.
            seed: not used; nothing is random.
        """
        super().check(seen)
        layer = self._layer(seen)
        for position in range(len(seen)):
            begin = time.perf_counter()
            batch = PeelingState.of(seen, layer, position)
            if not (batch.of_weight.isfinite().all() and batch.of_bias.isfinite().all()):
                answer = _answer(batch, [], torch.nan, Status.NONFINITE)
            else:
                answer = self._one(batch) if batch.size == 1 else self._several(batch)
            yield reconstruction_of(
                seen,
                position,
                answer.images.to(self.engine.dtype),
                answer.labels,
                answer.status,
                objective=answer.objective,
                begin=begin,
                evaluations=answer.evaluations,
            )

    def _one(self, batch: PeelingState) -> _Answer:
        """The only example of a batch; the objective is the mean squared error that is to be expected."""
        inputs, scale = fitted(batch.of_weight, batch.of_bias), batch.layer.scale
        low, high = batch.range
        unknown = _UNIFORM * (high - low) ** 2 * scale.square()
        error = float((variances(batch.of_weight, batch.of_bias, inputs, unknown) / scale.square()).mean())
        if not batch.of_bias.any() or not error <= self.largest_error:
            return _answer(batch, [], error, Status.UNVERIFIED)
        return _answer(batch, [VerifiedExample(batch.image(inputs), -1)], error, Status.CONVERGED)

    def _several(self, batch: PeelingState) -> _Answer:
        """The examples that can be verified; the objective is the share of the gradient that they leave unexplained."""
        found = lone_examples(batch, self.agreement, self.peel, self.engine.affords)
        status = Status.CONVERGED if len(found) == batch.size else Status.PARTIAL if found else Status.UNVERIFIED
        return _answer(batch, found, batch.unexplained(), status)


def _answer(batch: PeelingState, found: list[VerifiedExample], objective: float, status: Status) -> _Answer:
    """Lays the examples out; gray at the places that are left, or NaN everywhere if there is no claim at all."""
    blank = sum(batch.range) / 2 if found else torch.nan
    images = torch.full((batch.size, *batch.shape), blank, dtype=torch.float64)
    labels = torch.full((batch.size,), -1)
    for place, example in enumerate(found):
        images[place], labels[place] = example.image, example.label
    return _Answer(images, labels, objective, batch.evaluations, status)
