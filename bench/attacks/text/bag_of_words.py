"""The words of a batch, read off the word embedding's gradient."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.controls import claim
from bench.engine.settings import EngineSettings
from bench.messages import Observation, Reconstruction


def words_of(gradient: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Which rows of a word embedding's gradient are not zero: those of the words that were embedded.

    An embedding is a matrix product with a one-hot vector, so the gradient of row n is the sum of the gradients with
    respect to the embeddings of token n, and nothing where it does not occur (Melis et al. 2019, Exploiting Unintended
    Feature Leakage in Collaborative Learning, arXiv 1805.04049; used by Fowl et al. 2022, Decepticons, arXiv
    2201.12675).

    Args:
        gradient: `[V, N, D]`.
        threshold: share of the longest row's length that a row has to exceed.

    Returns:
        `[V, N]`, bool, which rows are longer; and their lengths `[V, N]`.
    """
    length = gradient.norm(dim=-1)
    return length > threshold * length.amax(-1, keepdim=True), length


class BagOfWords(Attack):
    """The set of words in the batch, without order or multiplicity, by which rows have a gradient.

    Exact as a set where the word embedding is not the output layer too: with a tied one, the softmax moves every row,
    and no test of single rows is sound. Padding has no gradient, for nothing attends to it; special tokens have one,
    and belong to no sentence.

    A claim has an order, so the words stand in ascending order in the places of the first sentence, then of the second
    (the places where tokens are known to be, where lengths are granted; else all): how the set is cut into sentences
    means nothing, and `token_set` is the metric that ignores it. There are never more words than places, unless a
    defence adds noise to every row: then the longest rows are claimed, as many as there are places.

    Args:
        threshold: share of the longest row's length that a row has to exceed; 0 where nothing is perturbed.
        engine: unused.

    Raises:
        ValueError: the threshold is not a share.
    """

    of_sentences = True

    def __init__(self, threshold: float, *, engine: EngineSettings) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold={threshold}: must be >= 0 and < 1 (share of the longest row's length)")
        self.threshold = threshold

    @property
    def needs(self) -> frozenset[str]:
        """B, and an untied word embedding's gradient."""
        return frozenset({"batch_size", "untied", "word_embedding"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """One claim for all victims."""
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
    """Tokens `[B, T]`: those that `there` `[N]` marks in ascending order at `places` `[B, T]`, -1 elsewhere.

    Where there are more tokens than places, those with the greatest `length` `[N]`.

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
