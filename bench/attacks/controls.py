"""Controls: what a reconstruction scores that looked at no gradient. Every table carries them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.messages import Observation, Reconstruction, Status


def claim(seen: Observation, inputs: Tensor) -> Reconstruction:
    """Images `[V, B, C, H, W]` or tokens `[V, B, T]` as the claim for all victims: no labels, objective or cost."""
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
    """Uniform noise in the range of inputs, or tokens drawn from the whole vocabulary; drawn per victim."""

    of_sentences = None

    def __init__(self, *, engine: EngineSettings) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        """B and, for images, the range of inputs."""
        return frozenset({"batch_size", "input_range"})

    def check(self, seen: Observation) -> None:
        """Tokens have no range."""
        self._require(self.needs if seen.task.language is None else frozenset({"batch_size"}), seen)

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """One claim for all victims."""
        self.check(seen)
        assert seen.batch_size is not None
        if seen.task.language is not None:
            yield claim(seen, random_tokens(seen, seed))
            return
        assert seen.task.input_range is not None
        low, high = seen.task.input_range
        shape = (seen.batch_size, *seen.task.input_shape)
        images = torch.stack([draw("uniform", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
        yield claim(seen, (low + (high - low) * images).to(seen.ids.device))


def random_tokens(seen: Observation, seed: int) -> Tensor:
    """`[V, B, T]`: each place a token that can be part of a sentence, all equally likely; -1 at known padding."""
    assert seen.task.language is not None and seen.batch_size is not None
    allowed = torch.tensor(seen.task.language.tokenizer.allowed()).nonzero().flatten()
    shape = (seen.batch_size, *seen.task.input_shape)
    drawn = torch.stack([draw("uniform", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
    tokens = allowed[(drawn * len(allowed)).long().clamp(max=len(allowed) - 1)].to(seen.ids.device)
    return tokens if seen.mask is None else torch.where(seen.mask, tokens, torch.full_like(tokens, -1))


class Mean(Attack):
    """The mean image of a public dataset, which is granted to a control alone: who sees it sees no gradient."""

    def __init__(self, *, engine: EngineSettings) -> None:
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
