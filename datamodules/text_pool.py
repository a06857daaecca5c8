"""All sentences of one dataset as tokens, and what follows from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.datamodules.pool import Integers


@dataclass(eq=False)
class TextPool:
    """The sentences that victims are dealt from.

    Args:
        tokens: `[N, T]`, int64, filled up with the tokeniser's padding; T is the longest sentence's length.
        lengths: `[N]`, int64, 1 to T.
        labels: `[N]`, int64; all 0 where `classes` is None.
        classes: how many; None where the sentences carry no labels.
        class_names: one name a class, or None where none are known.
        surrogate: sentences, as tokens, that no victim ever holds.
        tokenizer: digest of the tokeniser.
        skipped: how many sentences were left out for their length.
    """

    tokens: Integers
    lengths: Integers
    labels: Integers
    classes: int | None
    class_names: tuple[str, ...] | None
    surrogate: tuple[tuple[int, ...], ...]
    tokenizer: str
    skipped: int

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def shape(self) -> tuple[int]:
        """`(T,)`."""
        return (self.tokens.shape[1],)

    def inputs(self, samples: Integers) -> Tensor:
        """The sentences `samples` (any shape `[...]`), int64 `[..., T]`."""
        return torch.from_numpy(self.tokens[samples])

    def mask(self, samples: Integers) -> Tensor:
        """True at tokens, False at padding, `[..., T]`."""
        return torch.from_numpy(self.present[samples])

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """True at tokens, False at padding, `[N, T]`."""
        return np.arange(self.tokens.shape[1]) < self.lengths[:, None]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of tokens, lengths, labels, class count, surrogate sentences and tokeniser."""
        digest = hashlib.sha256(f"{self.tokens.shape} {self.classes} {self.tokenizer} {self.surrogate};".encode())
        for array in (self.tokens, self.lengths, self.labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def padded(sentences: Sequence[Sequence[int]], pad: int) -> tuple[Integers, Integers]:
    """`[N, T]` tokens, filled up to the longest sentence, and lengths `[N]`.

    Example:
        >>> tokens, lengths = padded([[5, 6, 7], [8]], pad=0)
        >>> tokens.tolist(), lengths.tolist()
        ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    tokens = np.full((len(sentences), int(lengths.max(initial=0))), pad, dtype=np.int64)
    for row, sentence in enumerate(sentences):
        tokens[row, : len(sentence)] = sentence
    return tokens, lengths
