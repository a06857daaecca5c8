"""All sentences of one dataset as tokens, with their mask and fingerprint."""

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
        tokens: `[N, T]`, int64, filled up with the tokeniser's padding; T is the length of the longest sentence.
        lengths: `[N]`, int64, 1 to T.
        labels: `[N]`, int64; all 0 if `classes` is None.
        classes: number of classes; None if the sentences have no labels.
        class_names: one name per class, or None if they are not known.
        surrogate: sentences, as tokens, that no victim ever holds.
        tokenizer: digest of the tokeniser.
        skipped: number of sentences that were left out because of their length.
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
        """The shape `(T,)` of one sentence."""
        return (self.tokens.shape[1],)

    def inputs(self, samples: Integers) -> Tensor:
        """Returns the sentences `samples` (of any shape `[...]`), int64 `[..., T]`."""
        return torch.from_numpy(self.tokens[samples])

    def mask(self, samples: Integers) -> Tensor:
        """Returns the mask of the sentences `samples` `[...]`: bool, `[..., T]`, true at tokens."""
        return torch.from_numpy(self.present[samples])

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """The mask of all sentences: bool, `[N, T]`, true at tokens."""
        return np.arange(self.tokens.shape[1]) < self.lengths[:, None]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of tokens, lengths, labels, number of classes, surrogate sentences and tokeniser."""
        digest = hashlib.sha256(f"{self.tokens.shape} {self.classes} {self.tokenizer} {self.surrogate};".encode())
        for array in (self.tokens, self.lengths, self.labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def padded(sentences: Sequence[Sequence[int]], pad: int) -> tuple[Integers, Integers]:
    """Returns tokens `[N, T]`, filled up to the longest sentence, and lengths `[N]`.

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
