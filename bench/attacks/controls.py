"""Controls: what a reconstruction scores that looked at no gradient. Every table carries them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.engine.randomness import draw
from bench.engine.settings import Engine
from bench.messages import Observation, Reconstruction, Status


def claim(seen: Observation, inputs: Tensor) -> Reconstruction:
    """The images `[V, B, C, H, W]` as the claim for all victims, without labels, objective or cost."""
    v = len(seen)
    zeros = torch.zeros(v, dtype=torch.long)
    return Reconstruction(
        ids=seen.ids,
        inputs=inputs,
        labels=torch.full(inputs.shape[:2], -1, dtype=torch.long, device=inputs.device),
        objective=torch.full((v,), torch.nan, dtype=torch.float64),
        iterations=zeros,
        evaluations=zeros,
        seconds=torch.zeros(v, dtype=torch.float64),
        status=[Status.CONVERGED] * v,
    )


class Noise(Attack):
    """Uniform noise in the range of inputs, drawn per victim."""

    def __init__(self, *, engine: Engine) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        """B and the range of inputs."""
        return frozenset({"batch_size", "input_range"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """One claim for all victims."""
        self.check(seen)
        assert seen.batch_size is not None and seen.task.input_range is not None
        low, high = seen.task.input_range
        shape = (seen.batch_size, *seen.task.input_shape)
        images = torch.stack([draw("uniform", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
        yield claim(seen, (low + (high - low) * images).to(seen.ids.device))


class Mean(Attack):
    """The mean image of the dataset, which is granted to this control alone."""

    def __init__(self, *, engine: Engine) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        """B and the mean image."""
        return frozenset({"batch_size", "mean_image"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """One claim for all victims."""
        self.check(seen)
        assert seen.batch_size is not None and seen.mean_image is not None
        yield claim(seen, seen.mean_image.expand(len(seen), seen.batch_size, *seen.mean_image.shape).clone())
