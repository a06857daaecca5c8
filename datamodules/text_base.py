"""What all sets of sentences share: how sentences become tokens, what is predicted, and what is held back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.checks import check_integer, check_share, check_word
from bench.datamodules.dealing import shuffled
from bench.datamodules.pool import Integers
from bench.datamodules.public_domain import packaged
from bench.datamodules.text_lines import Lines
from bench.datamodules.text_pool import TextPool, padded
from bench.datamodules.tokens import HEADS, Maker
from bench.errors import UserError
from bench.messages.task import TokenizerProtocol
from bench.messages.victims import NO_TARGET

HIDDEN, SURROGATE = 5, 6  # numbers of separate random streams, in addition to those of the dealer and of training


@dataclass(eq=False, repr=False, kw_only=True)
class TextDataModule(VictimDataModule[TextPool]):
    """Deals batches of tokenised sentences `[V, B, T]` with their masks; a family says where they are and reads them.

    The tokeniser belongs to the model; `adopt` passes it on before `setup`. T is the length of the longest sentence
    that is kept, special tokens included, so all victims of a cell have the same length.

    What is predicted depends on the model's head. For `classification` it is the class, and for `causal` every token
    but the first. For `masked`, a share `hidden` of each sentence's tokens, at least one, is replaced by the mask token
    and predicted (Devlin et al. 2019, arXiv 1810.04805, section 3.1, where one in five of them is kept or swapped
    instead). If `hidden` is 0, nothing is hidden and every token is predicted.

    Args:
        tokens: the most tokens per sentence, special ones included, >= 1; longer sentences are left out, never cut.
        hidden: share of a sentence's tokens that a masked language model has to predict, in [0, 1].
        surrogate: share of the sentences that no victim ever holds, in [0, 1). An attacker's language model may learn
            from them, and from the sentences that are too long.

    Raises:
        UserError: a value is out of range (at construction), or no sentence is short enough (in `setup`).
    """

    tokens: int
    hidden: float = field()  # with an annotation alone, the default of the base would be its default
    surrogate: float
    modality: ClassVar[str] = "sentences"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("data.tokens", self.tokens, 1, "longest sentence, special tokens included")
        check_share("data.hidden", self.hidden, "share of the tokens that a masked language model predicts")
        check_share("data.surrogate", self.surrogate, "share of the sentences that no victim holds")
        if self.surrogate == 1:
            raise UserError("data.surrogate=1: must be < 1 (a victim needs sentences as well)")

    @abstractmethod
    def read(self) -> Lines:
        """Reads every sentence with its class; it is called when nothing is missing.

        Raises:
            UserError: a file is damaged; the message names it and says what is wrong with it.
        """

    def adopt(self, make: Maker, head: str) -> TokenizerProtocol:
        """Takes over the model's tokeniser, which `make` returns for the corpus, and the model's head.

        A learned vocabulary is learned from all sentences of the dataset and the packaged ones. It is a public part of
        the model, as every model's vocabulary is.

        Args:
            make: maps a corpus to a tokeniser.
            head: `classification`, `masked` or `causal`.

        Raises:
            UserError: the data are missing or damaged, or a masked language model's vocabulary cannot hide a token.
        """
        check_word("head", head, HEADS)
        tokenizer = make((*packaged().sentences, *self.lines.sentences))
        if head == "masked" and self.hidden > 0 and tokenizer.mask is None:
            raise UserError("the tokeniser has no mask token: a masked language model needs data.hidden=0, or another")
        self.tokenizer, self.head = tokenizer, head
        return tokenizer

    @cached_property
    def lines(self) -> Lines:
        """Every sentence with its class, as text.

        Raises:
            UserError: the data are missing or damaged.
        """
        try:
            if self.missing():
                raise UserError(self.absent())
            return self.read()
        except OSError as error:
            raise UserError(
                f"data '{self.title}': {error.filename or self.where()}: {error.strerror or error}"
            ) from None

    @property
    def classes(self) -> int | None:
        """The number of classes; for a language model, whose targets are tokens, the size of the vocabulary."""
        return self.pool.classes if self.head == "classification" else len(self._tokenizer())

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One name per class, if they are known and classes are predicted; else None."""
        return self.pool.class_names if self.head == "classification" else None

    @property
    def remark(self) -> str | None:
        """A sentence that says how many sentences were left out, or None."""
        skipped = self.pool.skipped
        total = len(self.lines.sentences)
        return f"{skipped} of {total} sentences are longer than {self.tokens} tokens: left out" if skipped else None

    @property
    def set_aside(self) -> tuple[tuple[int, ...], ...]:
        """The surrogate sentences, and those that are too long."""
        return self.pool.surrogate

    def load(self) -> TextPool:
        """Tokenises every sentence; those that are too long, and the surrogate share of the rest, are set aside.

        Raises:
            UserError: no sentence is short enough.
        """
        tokenizer, lines = self._tokenizer(), self.lines
        encoded = [tuple(tokenizer.encode(sentence)) for sentence in lines.sentences]
        real = [not tokenizer.special.issuperset(sentence) for sentence in encoded]
        fitting = [i for i, sentence in enumerate(encoded) if real[i] and len(sentence) <= self.tokens]
        if not fitting:
            shortest = min(map(len, encoded))
            raise UserError(
                f"data.tokens={self.tokens}: no sentence of data '{self.title}' has so few ({shortest} at least)"
            )
        # The choice depends on positions alone, not on the seed, so that the pool is the same for all victims.
        order = [fitting[place] for place in shuffled(len(fitting), 0, SURROGATE)]
        back = set(order[: int(self.surrogate * len(order))])
        dealt = [i for i in fitting if i not in back]
        long = {i for i, sentence in enumerate(encoded) if real[i] and len(sentence) > self.tokens}
        tokens, lengths = padded([encoded[i] for i in dealt], tokenizer.pad)
        return TextPool(
            tokens=tokens,
            lengths=lengths,
            labels=np.array([lines.labels[i] for i in dealt], dtype=np.int64),
            classes=lines.classes,
            class_names=lines.class_names,
            surrogate=tuple(encoded[i] for i in sorted(back | long)),
            tokenizer=tokenizer.digest,
            skipped=len(long),
        )

    def private(self, ids: Sequence[int], samples: Integers, labels: Integers) -> dict[str, Tensor]:
        """Returns tokens and mask `[V, B, T]`, and classes `[V, B]` or the tokens to predict `[V, B, T]`.

        Args:
            ids: numbers of V victims.
            samples: `[V, B]`, the sentences that they hold.
            labels: `[V, B]`, the classes of these sentences, or the drawn ones.
        """
        tokens, mask = self.pool.inputs(samples), self.pool.mask(samples)
        if self.head == "classification":
            return {"inputs": tokens, "labels": torch.from_numpy(labels), "mask": mask}
        nothing = torch.full_like(tokens, NO_TARGET)
        if self.head == "causal":
            predicted = mask.clone()
            predicted[..., :1] = False
            return {"inputs": tokens, "labels": torch.where(predicted, tokens, nothing), "mask": mask}
        predicted = torch.stack([self._predicted(victim, row) for victim, row in zip(ids, tokens)])
        targets = torch.where(predicted, tokens, nothing)
        behind = self._tokenizer().mask
        if self.hidden and behind is not None:
            tokens = tokens.masked_fill(predicted, behind)
        return {"inputs": tokens, "labels": targets, "mask": mask}

    def _predicted(self, victim: int, tokens: Tensor) -> Tensor:
        """Returns which tokens `[B, T]` of one victim are predicted; this does not depend on the other victims."""
        special = torch.tensor(sorted(self._tokenizer().special))
        words = ~torch.isin(tokens, special)
        if not self.hidden:
            return words
        drawn = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(HIDDEN, int(victim))))
        random = torch.from_numpy((drawn.random_raw(tokens.numel()) >> np.uint64(11)).astype(np.int64))
        # This orders the places of words at random; other places come last.
        rank = random.view_as(tokens).masked_fill(~words, torch.iinfo(torch.int64).max).argsort(-1).argsort(-1)
        counts = (self.hidden * words.sum(-1, keepdim=True)).round().clamp(min=1)
        return words & (rank < counts)

    def _tokenizer(self) -> TokenizerProtocol:
        if self.tokenizer is None:
            raise RuntimeError("call adopt() before setup()")
        return self.tokenizer
