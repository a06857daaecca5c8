"""Guess and truth meet here, once: every metric a sample, after one assignment a batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.messages import Reconstruction, Status, Victims
from bench.metrics.base import Batch, SampleMetric
from bench.metrics.matching import assign, permute

# Whatever inputs such a victim carries are not the attack's claim.
UNSCORED = (Status.NONFINITE, Status.OUT_OF_MEMORY, Status.ERROR, Status.NOT_APPLICABLE)


@dataclass(eq=False)
class Scores:
    """What the scorer says about V victims; position i of a row is private example i.

    Args:
        values: `{metric key: [V, B]}`, float64; NaN where undefined.
        permutation: `[V, B]`, int64: private example i was compared with reconstruction `permutation[v, i]`.
        guess: the reconstructions in the order of the truth, with their labels; images clipped, and raw.
        scored: `[V]`, bool: False where the victim has no scores, because the attack failed or left values that are not
            finite.
    """

    values: dict[str, Tensor]
    permutation: Tensor
    guess: Any
    scored: Tensor


class Scorer(nn.Module):
    """Scores reconstructions with a set of metrics and keeps their running means.

    An nn.Module, so that Lightning moves it and torchmetrics adds the means up over processes.

    Args:
        metrics: `{metric key: metric}`.

    Attributes:
        reasons: `{metric key: sentence}` for the metrics that cannot be computed, once `inspect` or a call has seen the
            examples' shape.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric]) -> None:
        super().__init__()
        self.metrics = nn.ModuleDict(dict(metrics))
        self.reasons: dict[str, str] = {}
        self._shape: tuple[int, ...] | None = None

    def _each(self) -> list[tuple[str, SampleMetric]]:
        return [(key, metric) for key, metric in self.metrics.items() if isinstance(metric, SampleMetric)]

    def inspect(self, shape: tuple[int, ...]) -> dict[str, str]:
        """Finds out which metrics cannot be computed for examples of `shape`; worth asking before a long run.

        Raises:
            UserError: what a metric needs is there, but broken.
        """
        if shape != self._shape:
            found = {key: metric.reason(shape) for key, metric in self._each()}
            self.reasons = {key: reason for key, reason in found.items() if reason is not None}
            self._shape = shape
        return self.reasons

    @torch.no_grad()
    def forward(self, reconstruction: Reconstruction, victims: Victims) -> Scores:
        """Scores the reconstructions of `victims` (the same ids in the same order).

        Images are clipped to [0, 1] and assigned to the private examples once a victim, on MSE; labels go with their
        images. A victim that failed before it had an image, or whose reconstruction is not finite everywhere, has no
        scores. A diverged victim is scored on the iterate it returns.

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
        """Which reconstruction is compared with which private example, `[V, B]`: see `assign`."""
        return assign(reconstruction.inputs, victims.inputs)

    def sides(self, reconstruction: Reconstruction, victims: Victims, permutation: Tensor) -> tuple[Any, Any]:
        """The reconstructions in the order of the truth, and the truth."""
        inputs, labels = permute(reconstruction.inputs, permutation), permute(reconstruction.labels, permutation)
        return Batch.clipped(inputs, labels), Batch.clipped(victims.inputs, victims.labels)

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
        """The mean of each metric over all samples of all processes that count (see `SampleMetric.counted`), or None.

        Every process must call it: metrics are added up over processes one by one, whatever each of them has scored.
        """
        with warnings.catch_warnings():
            # A process without victims, or a metric that cannot be computed, has nothing to update with.
            warnings.filterwarnings("ignore", message=".*compute.*before the.*update.*")
            found = {key: float(metric.compute()) for key, metric in self._each()}
        return {key: value if value == value else None for key, value in found.items()}

    def facts(self) -> dict[str, dict[str, Any]]:
        """`{metric key: facts}`: see `SampleMetric.facts`."""
        return {key: metric.facts() for key, metric in self._each()}
