"""Controls: attacks that use no gradient. Every table shows their scores for comparison."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status


def claim(seen: Observation, inputs: Tensor) -> Reconstruction:
    """Makes one reconstruction of all victims, without labels, objective or cost.

    Args:
        seen: the observation of V victims.
        inputs: as in `Reconstruction`.
    """
    labels = torch.full(inputs.shape[:2], -1, dtype=torch.long, device=inputs.device)
    return Reconstruction.of_claim(seen.ids, inputs, labels, [Status.CONVERGED] * len(seen))


class Noise(Attack):
    """Reconstructs noise, drawn per victim.

    It is uniform noise in the range of inputs for images, tokens from the whole vocabulary for sentences, and standard
    normal numbers for rows and series, which are standardised; the largest number of a column names its category, so
    that categories are drawn uniformly.

    Args:
        engine: not used.
    """

    of_sentences = None
    of_vectors = True

    def __init__(self, *, engine: EngineSettings) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        """The batch size and, for images, the range of inputs."""
        return frozenset({"batch_size", "input_range"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve; sentences need no range of inputs.

        Raises:
            NotApplicable: the message names the first need that is not met.
        """
        self._require(self.needs if seen.task.language is None else frozenset({"batch_size"}), seen)

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields one reconstruction of all victims.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        assert seen.batch_size is not None
        if seen.task.language is not None:
            yield claim(seen, random_tokens(seen, seed))
            return
        assert seen.task.input_range is not None
        low, high = seen.task.input_range
        shape = (seen.batch_size, *seen.task.input_shape)
        if seen.task.kind != "images":
            numbers = torch.stack([draw("normal", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
            yield claim(seen, numbers.to(seen.ids.device))
            return
        images = torch.stack([draw("uniform", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
        yield claim(seen, (low + (high - low) * images).to(seen.ids.device))


def random_tokens(seen: Observation, seed: int) -> Tensor:
    """Draws tokens `[V, B, T]`, uniformly from those that can be part of a sentence; -1 at padding if that is known."""
    assert seen.task.language is not None and seen.batch_size is not None
    allowed = torch.tensor(seen.task.language.tokenizer.allowed()).nonzero().flatten()
    shape = (seen.batch_size, *seen.task.input_shape)
    drawn = torch.stack([draw("uniform", shape, seed, "noise", victim) for victim in seen.ids.tolist()])
    tokens = allowed[(drawn * len(allowed)).long().clamp(max=len(allowed) - 1)].to(seen.ids.device)
    return tokens if seen.mask is None else torch.where(seen.mask, tokens, torch.full_like(tokens, -1))


class Mean(Attack):
    """Reconstructs the mean image of a public dataset, which is granted only to controls, as these use no gradient.

    Of rows it is the most usual one of the public rows: mean values, most frequent categories.

    Args:
        engine: not used.
    """

    of_vectors = True

    def __init__(self, *, engine: EngineSettings) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        """The batch size and the mean image."""
        return frozenset({"batch_size", "mean_image"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields one reconstruction of all victims, in which every image is the mean image.

        Args:
            seen: see `Attack.reconstruct`.
            seed: not used.
        """
        self.check(seen)
        assert seen.batch_size is not None and seen.mean_image is not None
        yield claim(seen, seen.mean_image.expand(len(seen), seen.batch_size, *seen.mean_image.shape).clone())
