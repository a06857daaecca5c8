"""Sentences meet here: the scorer's three steps for tokens."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.messages import Reconstruction, Victims
from bench.metrics.base import SampleMetric
from bench.metrics.matching import permute
from bench.metrics.scorer import Scorer
from bench.metrics.text.bag_of_words import overlap
from bench.metrics.text.batch import TextBatch
from bench.metrics.text.rouge import f_measure
from bench.metrics.text.token_accuracy import share_in_place
from bench.models.text.tokenizer import Tokenizer

_TIE = 1e-3  # weight of the order where two sentences share equally many tokens


def assign_sentences(guess: TextBatch, truth: TextBatch) -> Tensor:
    """The permutation of each victim's sentences with the most tokens in common (Hungarian assignment, Kuhn 1955).

    What is summed is the F-measure of tokens in common (ROUGE-1 on the model's tokens; LAMP assigns by ROUGE-1 on
    words), and a thousandth of the share of tokens in place, which decides between sentences of the same tokens. One to
    one, so no sentence is credited twice; the identity where B = 1.

    Args:
        guess: `[V, B, T]`.
        truth: `[V, B, T]`.

    Returns:
        `[V, B]`, int64: the reconstruction of truth i is `guess[v, permutation[v, i]]`.
    """
    v, b = truth.labels.shape
    permutation = torch.arange(b, device=truth.labels.device).repeat(v, 1)
    if b == 1:
        return permutation
    # entry (i, j): truth i against guess j
    places = share_in_place(
        guess.inputs[:, None], truth.inputs[:, :, None], truth.real[:, :, None].expand(-1, -1, b, -1)
    )
    for victim in range(v):
        words = [[f_measure(overlap(g, t), len(g), len(t)) for g in guess.words[victim]] for t in truth.words[victim]]
        gain = torch.tensor(words, dtype=torch.float64) + _TIE * places[victim].nan_to_num(0.0).cpu()
        _, columns = linear_sum_assignment(gain.numpy(), maximize=True)
        permutation[victim] = torch.from_numpy(columns).to(permutation)
    return permutation


class TextScorer(Scorer):
    """Scores sentences: the private tokens (`Victims.sentences`) against those claimed.

    Args:
        metrics: `{metric key: metric}`.
        tokenizer: the model's.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer) -> None:
        super().__init__(metrics)
        self._tokenizer = tokenizer

    def match(self, reconstruction: Reconstruction, victims: Victims) -> Tensor:
        """See `assign_sentences`."""
        guess = TextBatch(reconstruction.inputs, reconstruction.labels, self._tokenizer)
        return assign_sentences(guess, self._truth(victims))

    def sides(
        self, reconstruction: Reconstruction, victims: Victims, permutation: Tensor
    ) -> tuple[TextBatch, TextBatch]:
        """The reconstructions in the order of the truth, and the truth."""
        inputs, labels = permute(reconstruction.inputs, permutation), permute(reconstruction.labels, permutation)
        return TextBatch(inputs, labels, self._tokenizer), self._truth(victims)

    def _truth(self, victims: Victims) -> TextBatch:
        return TextBatch(victims.sentences, victims.classes, self._tokenizer)
