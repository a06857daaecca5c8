"""A pretrained causal language model of Hugging Face's transformers (such as GPT-2) that judges sentences."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import UserError
from bench.messages.observation import Observation
from bench.messages.victims import NO_TARGET
from bench.models.text.base import TextModel
from bench.models.text.pretrained import load
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import read
from bench.priors.language_model import Disfluency, LanguageModel

_KEY = "attack.language_model.source"


class Causal(LanguageModel):
    """Scores the words that the attacked model's tokens spell, split into tokens of its own.

    The language model is public and needs no sentences of the victims' kind. LAMP (Balunovic et al. 2022, arXiv
    2202.08827, section 5) uses a GPT-2 on the tokens of BERT (its code loads transformer_wikitext-103.pth).

    Departs: if the tokenisers differ, sentences are decoded to words and tokenised again, so any GPT-2 can be used. If
    the model has a token that begins a text, it is put before each sentence, and the first word is scored too.

    Args:
        source: a folder that `save_pretrained` wrote, with its `tokenizer.json`, or the name of a model on the hub.
        batch: number of sentences that are scored together, >= 1.

    Raises:
        ValueError: batch < 1.
    """

    def __init__(self, source: str, batch: int) -> None:
        if batch < 1:
            raise ValueError(f"batch={batch}: must be >= 1 (sentences scored together)")
        self.source, self.batch = source, batch
        self._loaded: _Judge | None = None

    def check(self, seen: Observation) -> None:
        """Loads the model, if it has not been loaded yet.

        Raises:
            UserError: the model cannot be found or read; the message says where it was looked for.
        """
        self._judge()

    def _judge(self) -> _Judge:
        if self._loaded is None:
            network, info = load(self.source, "causal", key=_KEY)
            if info["missing_keys"]:
                raise UserError(f"{_KEY}={self.source!r}: no causal language model (its weights lack the output layer)")
            positions = getattr(network.config, "max_position_embeddings", None)
            start = network.config.bos_token_id
            model = TextModel(network, "causal").eval().requires_grad_(False)
            self._loaded = _Judge(model, read(self.source, _KEY), start, positions, self.batch)
        return self._loaded

    def learn(self, seen: Observation) -> Disfluency:
        """Returns the score; nothing is learned, since the weights are fixed."""
        assert seen.task.language is not None
        judge, theirs = self._judge(), seen.task.language.tokenizer
        judge.model.to(seen.ids.device)
        own = judge.tokenizer.digest == theirs.digest

        def disfluency(tokens: Tensor) -> Tensor:
            rows = [[token for token in row if token >= 0 and token not in theirs.special] for row in tokens.tolist()]
            pieces = rows if own else [judge.cut(theirs.decode(row)) for row in rows]
            return judge(pieces, tokens.device)

        return disfluency


@dataclass
class _Judge:
    """A network with its tokeniser.

    Args:
        model: the network.
        tokenizer: its tokeniser.
        start: the token before a text, or None.
        positions: the most tokens that it can read, or None.
        batch: number of sentences that are scored together.
    """

    model: TextModel
    tokenizer: Tokenizer
    start: int | None
    positions: int | None
    batch: int

    def cut(self, text: str) -> list[int]:
        """Splits a text into the network's tokens, without special ones."""
        return self.tokenizer.words(self.tokenizer.encode(text))

    def __call__(self, sentences: list[list[int]], device: torch.device) -> Tensor:
        """Returns the log-perplexity of each sentence `[N]`, float64; 0 if there is nothing to predict."""
        before = [] if self.start is None else [self.start]
        whole = [tuple([*before, *sentence][: self.positions]) for sentence in sentences]
        distinct = sorted(set(whole), key=len)  # many edits are equal, and sorting by length saves padding
        found: dict[tuple[int, ...], float] = {}
        for first in range(0, len(distinct), self.batch):
            part = distinct[first : first + self.batch]
            found.update(zip(part, self._scores(part, device).tolist()))
        return torch.tensor([found[sentence] for sentence in whole], dtype=torch.float64, device=device)

    @torch.no_grad()
    def _scores(self, sentences: list[tuple[int, ...]], device: torch.device) -> Tensor:
        longest = max(1, max(map(len, sentences)))
        rows = [[*sentence, *[NO_TARGET] * (longest - len(sentence))] for sentence in sentences]
        tokens = torch.tensor(rows, dtype=torch.long, device=device)
        mask = tokens != NO_TARGET
        mask[:, 0] = True  # attention needs at least one position, even in an empty sentence
        logits = self.model(tokens.clamp(min=0), mask)[:, 1:].double()
        chosen = logits.log_softmax(-1).gather(-1, tokens[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
        there = mask[:, 1:]
        return -(chosen * there).sum(1) / there.sum(1).clamp(min=1)
