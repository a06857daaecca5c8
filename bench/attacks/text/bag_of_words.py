"""The words of a batch, inferred from the gradient of the word embedding (Melis et al. 2019, arXiv 1805.04049)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.controls import claim
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


def words_of(gradient: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Finds the rows of a word embedding's gradient that are not zero: those of the words in the batch.

    An embedding is a matrix product with a one-hot vector. The gradient of row n is therefore the sum of the gradients
    with respect to the embeddings of token n, and zero if the token does not occur (Melis et al. 2019, Exploiting
    Unintended Feature Leakage in Collaborative Learning, arXiv 1805.04049; used by Fowl et al. 2022, Decepticons, arXiv
    2201.12675).

    Args:
        gradient: `[V, N, D]`.
        threshold: a row counts if it is longer than this share of the longest row's length.

    Returns:
        `[V, N]`, bool, which rows count, and the lengths `[V, N]` of all rows.
    """
    length = gradient.norm(dim=-1)
    return length > threshold * length.amax(-1, keepdim=True), length


class BagOfWordsAttack(Attack):
    """Reconstructs the set of words in the batch, without order or multiplicity, from the rows that have a gradient.

    The set is exact if the word embedding is not also the output layer. With a tied output layer, the softmax changes
    every row, and no test of single rows is sound. Padding has no gradient, because no token attends to it. Special
    tokens have a gradient, but belong to no sentence and are left out.

    A reconstruction has an order, so the words are put in ascending order into the places of the first sentence, then
    of the second. The places are those of tokens if lengths are granted, and else all. The way in which the set is cut
    into sentences has no meaning; the metric `token_set` ignores it. There are never more words than places, unless a
    defence adds noise to every row. Then the longest rows are taken, as many as there are places.

    Args:
        threshold: a row counts if it is longer than this share of the longest row's length, in [0, 1); 0 suits
            gradients without noise.
        engine: not used.

    Raises:
        ValueError: the threshold is not in [0, 1).
    """

    of_sentences = True

    def __init__(self, threshold: float, *, engine: EngineSettings) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold={threshold}: must be >= 0 and < 1 (share of the longest row's length)")
        self.threshold = threshold

    @property
    def needs(self) -> frozenset[str]:
        """The batch size, an untied word embedding and its gradient."""
        return frozenset({"batch_size", "untied", "word_embedding"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields one reconstruction of all victims.

        Args:
            seen: see `Attack.reconstruct`.
            seed: not used.
        """
        self.check(seen)
        begin = time.perf_counter()
        language = seen.task.language
        assert language is not None and seen.batch_size is not None
        gradient = seen.gradients[language.embedding]
        allowed = torch.tensor(language.tokenizer.allowed(), device=gradient.device)
        there, length = words_of(gradient[:, : len(allowed)], self.threshold)
        places = seen.mask
        if places is None:
            shape = (len(seen), seen.batch_size, *seen.task.input_shape)
            places = torch.ones(shape, dtype=torch.bool, device=gradient.device)
        inputs = torch.stack([laid_out(*each) for each in zip(there & allowed, length, places)])
        seconds = torch.full((len(seen),), (time.perf_counter() - begin) / len(seen), dtype=torch.float64)
        yield replace(claim(seen, inputs), seconds=seconds)


def laid_out(there: Tensor, length: Tensor, places: Tensor) -> Tensor:
    """Puts tokens in ascending order into places.

    Args:
        there: `[N]`, bool, the tokens.
        length: `[N]`; if there are more tokens than places, those of the greatest length are taken.
        places: `[B, T]`, bool.

    Returns:
        `[B, T]`, int64, -1 at places without a token.

    Example:
        >>> there = torch.tensor([False, True, False, True])
        >>> laid_out(there, torch.ones(4), torch.tensor([[True, False], [True, True]]))
        tensor([[ 1, -1],
                [ 3, -1]])
    """
    room = int(places.sum())
    tokens = there.nonzero().flatten()
    if len(tokens) > room:
        tokens = tokens[length[tokens].topk(room).indices].sort().values
    inputs = torch.full(places.shape, -1, device=places.device)
    inputs[places.nonzero()[: len(tokens)].unbind(1)] = tokens
    return inputs
