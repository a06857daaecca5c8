"""Sentences: the tokens `[V, B, T]` of the model's vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.modalities.base import Modality, at
from bench.modalities.scale import LeakageScale, mean_above

if TYPE_CHECKING:
    from torch import Tensor

    from bench.messages.reconstruction import Reconstruction
    from bench.messages.victims import Victims
    from bench.metrics.base import SampleMetric
    from bench.metrics.scorer import Scorer, Scores
    from bench.models.text.tokenizer import Tokenizer


class SentenceModality(Modality):
    """Sentences, whose words and tokens are compared."""

    name = "sentences"
    noun = "sentence"
    metric = "text"
    model = "bert_tiny"
    scale = LeakageScale(
        name="ROUGE-1",
        unit="",
        places=3,
        column="rouge_1",
        recovered="exact_match",
        control="noise",
        columns=("leak_rouge_1", "exact_match"),
        bounds=(0.0, 1.0),
        score=mean_above,
        hit=lambda exact: np.nan_to_num(exact) == 1,
        score_in_words="ROUGE-1 (F-measure of the words in common, 0 to 1)",
        end_in_words="1",
        control_in_words="noise, tokens drawn at random,",
        rate_in_words="share of sentences that came back token for token",
    )
    ranking = (("rouge_1", "up"), ("exact_match", "up"))
    tokenized = True
    meaningless = ("input_range", "public_images")
    unlabelled = "a language model predicts tokens: its sentences have no labels"
    groups = ("scores", "labels", "costs")
    by_batch = True
    linked = ("sentences", "sentences")

    def describe_shape(self, shape: tuple[int, ...]) -> str:
        """The shape `(T,)` in words: `16 tokens at most`."""
        return f"{shape[0]} tokens at most"

    def scorer(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer | None) -> Scorer:
        """What compares tokens with the private ones; see `Modality.scorer`."""
        from bench.metrics.text.scorer import TextScorer

        assert tokenizer is not None
        return TextScorer(metrics, tokenizer)

    def record(
        self, rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: Tensor
    ) -> dict[str, np.ndarray] | None:
        """Adds the sentences in words to their rows, and returns the curve of the objective; see `Modality.record`."""
        _spell(rows, guess, truth, scores, kept.tolist())
        if not len(kept) or "curve" not in guess.trace:
            return None
        tensors = {"ids": guess.ids, "curve_at": guess.trace["curve_at"], "curve": guess.trace["curve"]}
        return at(tensors, kept)


def _spell(rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: list[int]) -> None:
    """Adds to the rows of the victims at the places `kept` what was said, what came back, and how it came about."""
    batch, tokenizer = truth.labels.shape[1], scores.guess.tokenizer
    for v in kept:
        said, found, traces = truth.sentences[v].tolist(), scores.guess.inputs[v].tolist(), _traces(guess, scores, v)
        for b in range(batch):
            rows[v * batch + b] |= {
                "text": tokenizer.decode(said[b]),
                "text_guess": tokenizer.spell(found[b]) if scores.scored[v] else None,
                "text_trace": None if traces is None else json.dumps(traces[b], ensure_ascii=False),
            }


def _traces(guess: Reconstruction, scores: Scores, v: int) -> list[list[tuple[int, str]]] | None:
    """`(iteration, sentence)` at each moment of each of a victim's sentences, assigned as the scores are; or None."""
    if "tokens" not in guess.trace:
        return None
    order = scores.permutation[v].to(guess.trace["tokens"].device)
    moments = guess.trace["moments"][v].tolist()
    sentences = guess.trace["tokens"][v][:, order].transpose(0, 1).tolist()
    spell = scores.guess.tokenizer.spell
    return [[(at, spell(tokens)) for at, tokens in zip(moments, each) if at >= 0] for each in sentences]


MODALITY = SentenceModality()
