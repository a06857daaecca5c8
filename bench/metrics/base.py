"""The base of all metrics: a per-sample function under a torchmetrics shell that only accumulates."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torchmetrics import Metric

from bench.errors import UserError
from bench.metrics.column import ScoreColumn


class Side(Protocol):
    """One side of a comparison: V batches of B examples, and their labels `[V, B]` (-1: no claim)."""

    inputs: Tensor
    labels: Tensor


@dataclass(eq=False)
class Batch:
    """One side of a comparison: V batches of B images with their labels.

    Args:
        inputs: `[V, B, C, H, W]`, finite and clipped to [0, 1].
        raw: `[V, B, C, H, W]`, as the attack returned them, without clipping.
        labels: `[V, B]`, int64; -1 stands for no claim.

    Raises:
        ValueError: shapes disagree, or `inputs` leaves [0, 1].
    """

    inputs: Tensor
    raw: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.inputs.dim() != 5 or self.inputs.shape != self.raw.shape:
            raise ValueError(f"want [V, B, C, H, W] twice, got {list(self.inputs.shape)} and {list(self.raw.shape)}")
        if self.labels.shape != self.inputs.shape[:2]:
            raise ValueError(f"labels: want {list(self.inputs.shape[:2])}, got {list(self.labels.shape)}")
        if self.inputs.numel() and not bool(((self.inputs >= 0) & (self.inputs <= 1)).all()):
            raise ValueError("inputs: want finite values in [0, 1]")

    @classmethod
    def clipped(cls, raw: Tensor, labels: Tensor) -> Batch:
        """Makes a batch from images that may leave [0, 1]: NaN becomes 0, other values the nearest value in [0, 1].

        Args:
            raw: `[V, B, C, H, W]`.
            labels: `[V, B]`, int64.
        """
        return cls(torch.nan_to_num(raw, nan=0.0, posinf=1.0, neginf=0.0).clamp(0.0, 1.0), raw, labels)

    def victims(self, chosen: Tensor) -> Batch:
        """The batch of the victims that `chosen` (`[V]`, bool) marks."""
        return Batch(self.inputs[chosen], self.raw[chosen], self.labels[chosen])


S = TypeVar("S", bound=Side)


class SampleMetric(Metric, Generic[S]):
    """A metric with one score per sample; only the sum and the count are kept over samples, batches and processes.

    A subclass defines `score` and the attributes below. A score that is not finite is undefined and is not counted.

    Attributes:
        unit: the unit of the score ("dB", "squared pixel value", ...).
        higher_is_better: the direction.
        value_range: the lowest and the highest possible score; None stands for no bound.
        smallest: the smallest admissible height and width, in pixels.
        modality: the kind of data that is compared, by its name (`images`, see `bench.modalities`); None if it may be
            any. The scorer refuses data of another kind.
        column: how the tables print the score; a metric without one is printed under its key.
    """

    full_state_update = False
    is_differentiable = False
    unit: str
    higher_is_better: bool
    value_range: tuple[float | None, float | None]
    smallest: int = 1
    modality: str | None = "images"
    column: ScoreColumn = ScoreColumn()

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0, dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def score(self, guess: S, truth: S) -> Tensor:
        """Computes one score per sample.

        Args:
            guess: the reconstructions, in the order of the truth.
            truth: the private examples.

        Returns:
            `[V, B]`, floating point, in `unit`; NaN marks an undefined score.
        """

    def update(self, guess: S, truth: S, scores: Tensor | None = None, failed: Tensor | None = None) -> None:
        """Adds the scores that count (see `counted`) to the state.

        Args:
            guess: the reconstructions; they are compared with `truth` only if `scores` is None.
            truth: the private examples.
            scores: `[V, B]`, the result of `score` if it is known; NaN for a victim without a reconstruction.
            failed: `[V]`, bool: whether each victim failed, whatever it left; None if no victim failed.
        """
        values = self.score(guess, truth) if scores is None else scores
        values = self.counted(values, torch.zeros_like(values[:, 0], dtype=torch.bool) if failed is None else failed)
        finite = torch.isfinite(values)
        self.total += torch.where(finite, values, torch.zeros_like(values)).sum(dtype=torch.float64)
        self.count += finite.sum()

    def counted(self, scores: Tensor, failed: Tensor) -> Tensor:
        """The values whose mean is taken, `[V, B]`; a value that is not finite is left out.

        Most metrics count the samples that have a score. A rate counts all samples, so it overrides this method to say
        what a sample without a score, or of a failed victim, counts as.

        Args:
            scores: `[V, B]`, the result of `score`.
            failed: `[V]`, bool: whether each victim failed.
        """
        return scores

    def compute(self) -> Tensor:
        """The mean over all finite scores so far, float64; NaN if there was none."""
        return self.total / self.count

    def reason(self, shape: tuple[int, ...]) -> str | None:
        """Says in a sentence why examples of a shape have no such score on this machine; None if they have one.

        Args:
            shape: of examples of the metric's own kind: `(C, H, W)` for images, `(T,)` for sentences.

        Raises:
            UserError: a file that the metric needs exists, but is broken.
        """
        if len(shape) != 3 or min(shape[1:]) >= self.smallest:
            return None
        _, height, width = shape
        return f"needs images of at least {self.smallest}x{self.smallest} pixels; these are {height}x{width}"

    def facts(self) -> dict[str, Any]:
        """The facts that a reader needs to compare the score with another one; every board prints them in its foot.

        `range` is the interval of the compared pixel values, and `values` the interval of the scores (null: no bound).
        `net`, `size` and `interpolation` are null if images are compared as they are. `column` is how the tables print
        the score (see `ScoreColumn`); no foot repeats it.
        """
        column = replace(self.column, direction="up" if self.higher_is_better else "down")
        return {
            "unit": self.unit,
            "direction": "higher is better" if self.higher_is_better else "lower is better",
            "values": list(self.value_range),
            "range": [0.0, 1.0],
            "smallest": self.smallest,
            "net": None,
            "size": None,
            "interpolation": None,
            "column": asdict(column),
        }


def positive(metric: str, **arguments: float) -> None:
    """Checks that arguments of a metric are positive, finite numbers.

    Args:
        metric: the name of the metric, for the message.
        arguments: the arguments by name.

    Raises:
        UserError: one of them is not.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
            raise UserError(f"metric.{metric}.{name}={value}: must be a positive number")
