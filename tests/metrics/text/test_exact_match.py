"""Protects: exact is the same words in the same order and number; a sentence that failed counts as not recovered."""

from collections.abc import Callable

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.metrics.text.exact_match import ExactMatch

tokens = st.lists(st.integers(-1, 7), min_size=6, max_size=6)


def kept(sentence: list[int]) -> list[int]:
    """The words; 0, 2, 3 and 4 are special tokens, and -1 is no claim."""
    return [token for token in sentence if token in (1, 5, 6, 7)]


@given(st.lists(st.tuples(tokens, tokens), min_size=1, max_size=4))
def test_two_sentences_match_if_their_words_are_the_same_list(batch: Callable, pairs: list) -> None:
    guess, truth = ([[pair[side]] for pair in pairs] for side in (0, 1))
    found = ExactMatch().score(batch(guess), batch(truth))
    assert found.flatten().tolist() == [float(kept(g) == kept(t)) for g, t in pairs]


def test_known_pairs(batch: Callable) -> None:
    truth = [2, 5, 6, 7, 3]
    guesses = [[2, 5, 6, 7, 3], [5, 6, 7], [2, 5, 0, 6, 7, 3], [2, 5, 6, 3], [2, 5, 7, 6, 3], [2, 5, 6, 7, 7, 3]]
    found = ExactMatch().score(batch([guesses]), batch([[truth] * 6]))
    assert found.tolist() == [[1, 1, 1, 0, 0, 0]]


def test_every_sentence_is_counted() -> None:
    """The share is over all sentences, not over those that have a score."""
    scores = torch.tensor([[1.0, torch.nan], [1.0, 0.0]], dtype=torch.float64)
    found = ExactMatch().counted(scores, torch.tensor([False, True]))
    assert found.tolist() == [[1, 0], [0, 0]]
