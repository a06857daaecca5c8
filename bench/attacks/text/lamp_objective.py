"""Dummy sentences whose lengths are taken as known: start, end and padding places are not optimised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.attacks.text.fixed_tokens import FixedTokens
from bench.engine.embeddings import Embedded
from bench.engine.matching import Matching
from bench.engine.rng import draw
from bench.labels.lengths import inferred_mask
from bench.messages.base import rows_of
from bench.messages.observation import Observation
from bench.models.text.special_tokens import allowed_tokens, nearest_tokens, special_tokens
from bench.priors.embedding_length import EmbeddingLength, mean_length


@dataclass(eq=False)
class KnownSentences:
    """What is known about V victims' sentences before any gradient is used.

    Args:
        ids: `[V]`, the numbers of the victims.
        mask: `[V, B, T]`, bool, true at tokens.
        frame: `[V, B, T]`, int64, the special tokens at start and end, -1 elsewhere.
        table: `[V, N, D]`, the word embeddings.
        allowed: `[N]`, bool, the tokens that may stand between start and end.
        measure: see `bench.models.text.nearest_tokens`.
    """

    ids: Tensor
    mask: Tensor
    frame: Tensor
    table: Tensor
    allowed: Tensor
    measure: str

    @classmethod
    def of(cls, seen: Observation, measure: str, dtype: torch.dtype) -> KnownSentences:
        """Collects what an observation says; lengths that are not granted are inferred (`bench.labels.lengths`).

        Args:
            seen: the observation of V victims.
            measure: see `bench.models.text.nearest_tokens`.
            dtype: type of the word embeddings.
        """
        language = seen.task.language
        assert language is not None and seen.batch_size is not None
        mask = inferred_mask(seen) if seen.mask is None else seen.mask
        table = seen.parameters[language.embedding]
        # One model for all victims arrives as an expanded tensor, so it is cast once.
        table = table[:1].to(dtype).expand_as(table) if table.stride(0) == 0 else table.to(dtype)
        allowed = allowed_tokens(language.tokenizer, table.shape[1], table.device)
        return cls(seen.ids, mask, special_tokens(mask, language.tokenizer), table, allowed, measure)

    @cached_property
    def free(self) -> Tensor:
        """`[V, B, T]`, bool: the places whose tokens are to be reconstructed."""
        return self.mask & (self.frame < 0)

    @cached_property
    def length(self) -> Tensor:
        """`[V]`: the mean length of the embeddings of allowed tokens."""
        return mean_length(self.table, self.allowed)

    def tokens(self, embeddings: Tensor, victims: Tensor) -> Tensor:
        """Finds the tokens of embeddings; -1 at padding.

        Args:
            embeddings: `[S, B, T, D]` or `[S, M, B, T, D]`.
            victims: `[S]`, positions of their victims.

        Returns:
            `[S, B, T]` or `[S, M, B, T]`, int64.
        """
        mask, frame = self.mask[victims], self.frame[victims]
        if embeddings.dim() == 5:
            mask, frame = mask.unsqueeze(1), frame.unsqueeze(1)
        mask, frame = mask.expand(embeddings.shape[:-1]), frame.expand(embeddings.shape[:-1])
        return nearest_tokens(embeddings, rows_of(self.table, victims), mask, frame, self.allowed, self.measure)

    def start(self, victim: int, label_logits: int, *purpose: int | str) -> Tensor:
        """Draws one victim's initial variables `[n]`, laid out as in `Embedded`.

        The special tokens at start and end have their embeddings. The places between them have normal directions,
        scaled to the mean length of a word embedding. Padding is zero, and label logits are normal.

        Args:
            victim: position of the victim.
            label_logits: K, or 0 if the labels are fixed.
            purpose: what the random numbers are for, see `bench.engine.rng`.
        """
        mask, frame = self.mask[victim], self.frame[victim]
        number, (b, t), width = int(self.ids[victim]), mask.shape, self.table.shape[-1]
        drawn = draw("normal", (b, t, width), *purpose, "embeddings", number).to(self.table)
        points = self.length[victim] * drawn / drawn.norm(dim=-1, keepdim=True)
        points = torch.where((frame >= 0).unsqueeze(-1), self.table[victim][frame.clamp(min=0)], points)
        points = torch.where(mask.unsqueeze(-1), points, 0.0)
        logits = draw("normal", (b * label_logits,), *purpose, "labels", number).to(self.table)
        return torch.cat([points.flatten(), logits])


class LampObjective(FixedTokens):
    """The loop's objective: the distance between gradients plus LAMP's regulariser, without slope at fixed places.

    Args:
        matching: the matching function over the same victims.
        layout: the layout of its variables.
        sentences: see `KnownSentences`.
        prior: penalty on the lengths of embeddings.
    """

    def __init__(self, matching: Matching, layout: Embedded, sentences: KnownSentences, prior: EmbeddingLength) -> None:
        super().__init__(matching, layout.width, ~sentences.free)
        self.layout, self.sentences, self.prior = layout, sentences, prior

    def _prior(self, z: Tensor) -> Tensor:
        free, length = self.sentences.free[self._victims], self.sentences.length[self._victims]
        return self.prior(self.layout.split(z)[0], free, length.to(z.dtype))

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
        values, g = self.matching(z)
        with torch.enable_grad():
            points = z.detach().requires_grad_()
            penalties = self._prior(points)
            (slope,) = torch.autograd.grad(penalties.sum(), points)
        return values + penalties.detach(), self._without_fixed(g + slope)

    def value(self, z: Tensor) -> Tensor:
        """`[S, n]` -> values `[S]`, without their gradient."""
        with torch.no_grad():
            return self.matching.value(z) + self._prior(z)
