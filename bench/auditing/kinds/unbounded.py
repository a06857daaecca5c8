"""Inputs without a range, of which a mean and a deviation are known."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from bench.auditing.kinds.base import Kind, per_channel, relative_error

CENTER, DEVIATION = 0.5, 0.3  # in the attacker's units, as its prior has them
_REACH = 20  # deviations to which a reconstruction may reach
SEED = 20_170_521  # of the noise; no other part of an audit draws from it


class Unbounded(Kind):
    """Inputs of mean `mean` and deviation `std`; those of `public` where they are not given, and otherwise 0 and 1."""

    bounded = False
    span: ClassVar[tuple[float, float]] = (CENTER - _REACH * DEVIATION, CENTER + _REACH * DEVIATION)
    blanks: ClassVar[tuple[str, ...]] = ("the mean",)
    known = "mean and deviation of the inputs"
    unit: ClassVar[tuple[float, str]] = (1 / DEVIATION, "deviations")

    @abstractmethod
    def public_rows(self, public: Tensor) -> Tensor:
        """Public inputs `[P, *shape]` as `[N, C]`, the values of each channel or column."""

    def _known(self) -> tuple[Tensor, Tensor]:
        mean, std, count = self.knowledge.mean, self.knowledge.std, self.packed[0]
        if self.knowledge.public is not None:
            rows = self.public_rows(self.knowledge.public.double())
            mean = rows.mean(0) if mean is None else mean
            std = rows.std(0).where(rows.std(0) > 0, 1.0) if std is None else std
        return per_channel(mean, count, "mean", 0.0), per_channel(std, count, "std", 1.0)

    def affine(self) -> tuple[Tensor, Tensor]:
        """See `Kind.affine`: the mean becomes 0.5, and a deviation 0.3."""
        mean, std = self._known()
        return DEVIATION / std, CENTER - DEVIATION * mean / std

    def standard(self, packed: Tensor) -> Tensor:
        """The attacker's units as deviations from the mean."""
        return (packed - CENTER) / DEVIATION

    def controls(self, truth: Tensor) -> dict[str, Tensor]:
        """The mean, and noise of the known deviation; and that of public data."""
        drawn = torch.randn(truth.shape, generator=torch.Generator().manual_seed(SEED)).to(truth)
        return {
            "the mean": torch.full_like(truth, CENTER),
            "noise": CENTER + DEVIATION * drawn,
            **self.public_mean(truth),
        }

    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The relative error, of deviations from the mean."""
        return {"relative_error": relative_error(self.standard(guess), self.standard(truth))}

    def beyond(self, low: float, high: float) -> str:
        """See `Kind.beyond`."""
        return (
            f"batch: the {self.name} lie in [{low:.3g}, {high:.3g}], more than {_REACH} deviations from the mean that "
            "the attacker knows: pass mean= and std= (one number, or one per channel), or public= (public data)"
        )

    @property
    def note(self) -> str | None:
        """What was assumed of mean and deviation."""
        known = self.knowledge
        if known.public is not None or (known.mean is not None and known.std is not None):
            return None
        return (
            f"the attacker is taken to know that the {self.name} have mean 0 and deviation 1 (otherwise pass mean= and "
            "std=, or public=)"
        )
