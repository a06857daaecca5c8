"""Compares reconstructions with the truth: one assignment per batch, then every metric for each sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.base import Batch, SampleMetric
from bench.metrics.matching import assign, permute

# The inputs of a victim with one of these statuses are not a claim of the attack, so they are not scored.
UNSCORED = (Status.NONFINITE, Status.UNVERIFIED, Status.OUT_OF_MEMORY, Status.ERROR, Status.NOT_APPLICABLE)
UNSCORED_WORDS = frozenset(status.value for status in UNSCORED)  # as the store has them


@dataclass(eq=False)
class Scores:
    """The scores of V victims; position i of a row belongs to private example i.

    Args:
        values: `{metric key: [V, B]}`, float64; NaN marks an undefined score.
        permutation: `[V, B]`, int64: private example i was compared with reconstruction `permutation[v, i]`.
        guess: the reconstructions in the order of the truth, with their labels; images are clipped, and raw as well.
        scored: `[V]`, bool: False for a victim without scores, because the attack failed or left values that are not
            finite.
    """

    values: dict[str, Tensor]
    permutation: Tensor
    guess: Any
    scored: Tensor


class Scorer(nn.Module):
    """Scores reconstructions with a set of metrics and keeps their running means.

    It is an nn.Module, so that Lightning moves it and torchmetrics combines the means over processes.

    Args:
        metrics: `{metric key: metric}`.
        modality: the kind of data that is compared; a metric of another kind has no score.
        option: the option with the metrics of this kind, `metric=image`, for the message on such a metric.

    Attributes:
        reasons: `{metric key: sentence}` for the metrics that cannot be computed. It is filled by `inspect` or by the
            first call, which know the shape of the examples.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric], modality: str = "images", option: str = "image") -> None:
        super().__init__()
        self.metrics = nn.ModuleDict(dict(metrics))
        self.modality, self.option = modality, option
        self.reasons: dict[str, str] = {}
        self._shape: tuple[int, ...] | None = None

    def _each(self) -> list[tuple[str, SampleMetric]]:
        return [(key, metric) for key, metric in self.metrics.items() if isinstance(metric, SampleMetric)]

    def inspect(self, shape: tuple[int, ...]) -> dict[str, str]:
        """Finds the metrics that cannot be computed for examples of a shape, so that a long run can report them first.

        Args:
            shape: `(C, H, W)` for images, `(T,)` for sentences.

        Returns:
            `reasons`, `{metric key: sentence}`.

        Raises:
            UserError: a file that a metric needs exists, but is broken.
        """
        if shape != self._shape:
            found = {key: self._other_kind(metric) or metric.reason(shape) for key, metric in self._each()}
            self.reasons = {key: reason for key, reason in found.items() if reason is not None}
            self._shape = shape
        return self.reasons

    def _other_kind(self, metric: SampleMetric) -> str | None:
        """Says that a metric compares another kind of data; None if it does not."""
        if metric.modality in (None, self.modality):
            return None
        return f"compares {metric.modality}; these are {self.modality} (metric={self.option})"

    @torch.no_grad()
    def forward(self, reconstruction: Reconstruction, victims: Victims) -> Scores:
        """Scores the reconstructions of `victims` (the same ids in the same order).

        Images are clipped to [0, 1] and assigned to the private examples by their MSE, once per victim; labels move
        with their images. A victim that failed before it had an image, or whose reconstruction is not finite
        everywhere, has no scores. A diverged victim is scored on the iterate that it returned.

        Raises:
            ValueError: ids or shapes disagree.
        """
        if reconstruction.inputs.shape != victims.inputs.shape:
            shapes = f"{list(reconstruction.inputs.shape)} for {list(victims.inputs.shape)}"
            raise ValueError(f"the reconstruction does not have the victims' shape: {shapes}")
        if not torch.equal(reconstruction.ids, victims.ids):
            raise ValueError("reconstruction and victims must have the same ids in the same order")
        self.inspect(tuple(victims.inputs.shape[2:]))

        unscored = torch.tensor([status in UNSCORED for status in reconstruction.status], dtype=torch.bool)
        failed = torch.tensor([status.failed for status in reconstruction.status], dtype=torch.bool)
        finite = torch.isfinite(reconstruction.inputs).flatten(1).all(1)
        scored = finite & ~unscored.to(finite.device)
        permutation = self.match(reconstruction, victims)
        permutation[~scored] = torch.arange(permutation.shape[1], device=permutation.device)
        guess, truth = self.sides(reconstruction, victims, permutation)
        values = {key: self._score(key, metric, guess, truth, scored, failed) for key, metric in self._each()}
        return Scores(values, permutation, guess, scored)

    def match(self, reconstruction: Reconstruction, victims: Victims) -> Tensor:
        """The index of the reconstruction that is compared with each private example, `[V, B]`; see `assign`."""
        return assign(reconstruction.inputs, victims.inputs)

    def sides(self, reconstruction: Reconstruction, victims: Victims, permutation: Tensor) -> tuple[Any, Any]:
        """The two sides of the comparison: the reconstructions in the order of the truth, and the truth.

        Args:
            reconstruction: the result of the attack.
            victims: the private examples.
            permutation: `[V, B]`, the result of `match`.
        """
        inputs, labels = permute(reconstruction.inputs, permutation), permute(reconstruction.labels, permutation)
        return self.batch(inputs, labels, victims), self.batch(victims.inputs, victims.labels, victims)

    def batch(self, inputs: Tensor, labels: Tensor, victims: Victims) -> Any:
        """One side of the comparison.

        Args:
            inputs: `[V, B, ...]`, of the reconstructions or of the truth.
            labels: `[V, B]`, likewise.
            victims: the private examples, which say what the numbers mean.
        """
        return Batch.clipped(inputs, labels)

    def _score(self, key: str, metric: SampleMetric, guess: Any, truth: Any, scored: Tensor, failed: Tensor) -> Tensor:
        shape = guess.labels.shape
        result = torch.full(shape, float("nan"), dtype=torch.float64, device=guess.inputs.device)
        if key in self.reasons:
            return result
        if scored.any():
            result[scored] = metric.score(guess.victims(scored), truth.victims(scored)).to(result)
        metric.update(guess, truth, result, failed)
        return result

    def means(self) -> dict[str, float | None]:
        """The mean of each metric over the samples that count (see `SampleMetric.counted`) of all processes, or None.

        Every process must call this, even one without victims, because the processes combine one metric after another.
        """
        with warnings.catch_warnings():
            # A process without victims, or a metric that cannot be computed, has never been updated.
            warnings.filterwarnings("ignore", message=".*compute.*before the.*update.*")
            found = {key: float(metric.compute()) for key, metric in self._each()}
        return {key: value if value == value else None for key, value in found.items()}

    def facts(self) -> dict[str, dict[str, Any]]:
        """The facts of all metrics (see `SampleMetric.facts`), `{metric key: facts}`."""
        return {key: metric.facts() for key, metric in self._each()}
