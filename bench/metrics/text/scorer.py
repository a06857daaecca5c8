"""The scorer of sentences: how tokens are assigned, put in order and compared."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.base import SampleMetric
from bench.metrics.matching import permute
from bench.metrics.scorer import Scorer
from bench.metrics.text.bag_of_words import overlap
from bench.metrics.text.batch import TextBatch
from bench.metrics.text.rouge import f_measure
from bench.metrics.text.token_accuracy import share_in_place
from bench.models.text.tokenizer import Tokenizer

_TIE = 1e-3  # the weight of the tokens in place, which decides if two sentences share equally many tokens


def assign_sentences(guess: TextBatch, truth: TextBatch) -> Tensor:
    """The permutation of each victim's sentences with the most tokens in common (Hungarian assignment, Kuhn 1955).

    The gain of a pair is the F-measure of the tokens in common (ROUGE-1 on the model's tokens; LAMP assigns by ROUGE-1
    on words) plus a thousandth of the share of tokens in place, which decides between sentences of the same tokens. The
    assignment is one to one, so that no sentence is credited twice. For B = 1 it is the identity.

    Args:
        guess: the reconstructions, `[V, B, T]`.
        truth: the private sentences, `[V, B, T]`.

    Returns:
        `[V, B]`, int64: the reconstruction of truth i is `guess[v, permutation[v, i]]`.
    """
    v, b = truth.labels.shape
    permutation = torch.arange(b, device=truth.labels.device).repeat(v, 1)
    if b == 1:
        return permutation
    # Entry (i, j) compares truth i with guess j.
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
    """Scores sentences: the claimed tokens against the private ones (`Victims.sentences`).

    Args:
        metrics: `{metric key: metric}`.
        tokenizer: the model's tokeniser.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer) -> None:
        super().__init__(metrics, "sentences", "text")
        self._tokenizer = tokenizer

    def match(self, reconstruction: Reconstruction, victims: Victims) -> Tensor:
        """The index of the sentence that is compared with each private one, `[V, B]`; see `assign_sentences`."""
        guess = TextBatch(reconstruction.inputs, reconstruction.labels, self._tokenizer)
        return assign_sentences(guess, self._truth(victims))

    def sides(
        self, reconstruction: Reconstruction, victims: Victims, permutation: Tensor
    ) -> tuple[TextBatch, TextBatch]:
        """The two sides of the comparison: the reconstructions in the order of the truth, and the truth.

        Args:
            reconstruction: the result of the attack.
            victims: the private sentences.
            permutation: `[V, B]`, the result of `match`.
        """
        inputs, labels = permute(reconstruction.inputs, permutation), permute(reconstruction.labels, permutation)
        return TextBatch(inputs, labels, self._tokenizer), self._truth(victims)

    def _truth(self, victims: Victims) -> TextBatch:
        return TextBatch(victims.sentences, victims.classes, self._tokenizer)
