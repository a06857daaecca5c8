"""What every set of sentences has in common: how they become tokens, what is predicted, what is held back."""

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
from bench.messages import NO_TARGET, Tokenizer

HIDDEN, SURROGATE = 5, 6  # separate streams of random numbers, beside those of the dealer and of training


@dataclass(eq=False, repr=False, kw_only=True)
class TextDataModule(VictimDataModule[TextPool]):
    """Deals batches of tokenised sentences `[V, B, T]` with their masks; a family says where they are and reads them.

    The tokeniser belongs to the model: `adopt` hands it over, before `setup`. T is the length of the longest sentence
    that is kept, special tokens included: one length for all victims of a cell.

    What is predicted depends on the model's head. `classification`: the class. `causal`: every token but the first.
    `masked`: a share `hidden` of each sentence's tokens, at least one, is hidden behind the mask token and predicted
    (Devlin et al. 2019, arXiv 1810.04805, section 3.1, where one in five of them is left or swapped instead); with
    `hidden` 0 nothing is hidden and every token predicted.

    Args:
        tokens: the longest sentence, in tokens, special ones included; longer ones are left out, never cut.
        hidden: share of a sentence's tokens that a masked language model has to predict, 0 to 1.
        surrogate: share of the sentences, 0 to below 1, that no victim ever holds: what an attacker's language model
            may learn from, together with those left out for their length.

    Raises:
        UserError: a value out of range, here; no sentence is short enough, in `setup`.
    """

    tokens: int
    hidden: float
    surrogate: float
    things: ClassVar[str] = "sentences"
    tokenizer: Tokenizer | None = field(init=False, default=None)
    head: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("data.tokens", self.tokens, 1, "longest sentence, special tokens included")
        check_share("data.hidden", self.hidden, "share of the tokens that a masked language model predicts")
        check_share("data.surrogate", self.surrogate, "share of the sentences that no victim holds")
        if self.surrogate == 1:
            raise UserError("data.surrogate=1: must be < 1 (a victim needs sentences as well)")

    @abstractmethod
    def read(self) -> Lines:
        """Every sentence with its class; called when nothing is missing.

        Raises:
            UserError: a file is damaged: its name, and what is wrong with it.
        """

    def adopt(self, make: Maker, head: str) -> Tokenizer:
        """Takes the tokeniser that `make` returns for the corpus, and what the model's head predicts.

        A vocabulary that is learned is learned from all sentences of the dataset and the packaged ones: it is a public
        part of the model, as every model's is.

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
        """Every sentence with its class, as text."""
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
        """Class count; of a language model, whose targets are tokens, the size of the vocabulary."""
        return self.pool.classes if self.head == "classification" else len(self._tokenizer())

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One name a class, where known and where classes are predicted."""
        return self.pool.class_names if self.head == "classification" else None

    @property
    def remark(self) -> str | None:
        """How many sentences were left out, or None."""
        skipped = self.pool.skipped
        total = len(self.lines.sentences)
        return f"{skipped} of {total} sentences are longer than {self.tokens} tokens: left out" if skipped else None

    def load(self) -> TextPool:
        """Tokenises every sentence; those too long, and the surrogate share of the rest, are set aside."""
        tokenizer, lines = self._tokenizer(), self.lines
        encoded = [tuple(tokenizer.encode(sentence)) for sentence in lines.sentences]
        real = [not tokenizer.special.issuperset(sentence) for sentence in encoded]
        fitting = [i for i, sentence in enumerate(encoded) if real[i] and len(sentence) <= self.tokens]
        if not fitting:
            shortest = min(map(len, encoded))
            raise UserError(
                f"data.tokens={self.tokens}: no sentence of data '{self.title}' has so few ({shortest} at least)"
            )
        # by position alone, whatever the seed: the pool is the same for all victims
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
        """Tokens and mask `[V, B, T]`; classes `[V, B]`, or the tokens to predict `[V, B, T]`."""
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
        """Which tokens `[B, T]` of one victim are predicted: drawn for the victim, whoever it is dealt with."""
        special = torch.tensor(sorted(self._tokenizer().special))
        words = ~torch.isin(tokens, special)
        if not self.hidden:
            return words
        drawn = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(HIDDEN, int(victim))))
        random = torch.from_numpy((drawn.random_raw(tokens.numel()) >> np.uint64(11)).astype(np.int64))
        # the places of words in a random order; other places come last
        rank = random.view_as(tokens).masked_fill(~words, torch.iinfo(torch.int64).max).argsort(-1).argsort(-1)
        counts = (self.hidden * words.sum(-1, keepdim=True)).round().clamp(min=1)
        return words & (rank < counts)

    def _tokenizer(self) -> Tokenizer:
        if self.tokenizer is None:
            raise RuntimeError("call adopt() before setup()")
        return self.tokenizer
