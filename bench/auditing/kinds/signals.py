"""Signals and time series `[B, C, T]`."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from bench.auditing.kinds.unbounded import Unbounded
from bench.metrics.series.correlation import correlation


class Signals(Unbounded):
    """Signals of C channels and T times; neighbours in time are alike, and channels are no colours."""

    name, noun, dims = "signals", "signal", 3
    settings: ClassVar[tuple[str, ...]] = (
        "attack.members.relu.variables.deviations=[0.3,0.3,0.3]",
        "attack.members.relu.priors=[]",
    )

    @property
    def packed(self) -> tuple[int, int, int]:
        """`(C, 1, T)`: a row of pixels."""
        channels, times = self.shape
        return channels, 1, times

    def reshape(self) -> nn.Module:
        """See `Kind.reshape`."""
        return nn.Flatten(2)

    def public_rows(self, public: Tensor) -> Tensor:
        """See `Unbounded.public_rows`."""
        return public.transpose(1, 2).flatten(0, 1)

    def controls(self, truth: Tensor) -> dict[str, Tensor]:
        """The mean, noise and public data; and the best constant of each channel."""
        best = truth.mean(3, keepdim=True).expand_as(truth)
        return {**super().controls(truth), "its best constant": best}

    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Relative error and correlation."""
        return {**super().scores(guess, truth), "correlation": correlation(guess.flatten(2), truth.flatten(2))}


KIND = Signals
