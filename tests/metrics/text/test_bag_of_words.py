"""Protects: a token counts as often as both sentences have it, and naming more tokens earns nothing."""

import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bench.metrics.text.bag_of_words import BagOfWords, TokenSet, jaccard, overlap, recovered

sentences = st.lists(st.integers(0, 4), max_size=7)


def struck_out(guess: list[int], truth: list[int]) -> int:
    """The number of tokens in common, counted by striking each one out."""
    left = list(truth)
    for token in guess:
        if token in left:
            left.remove(token)
    return len(truth) - len(left)


@given(sentences, sentences)
def test_the_overlap_is_that_of_striking_out(guess: list[int], truth: list[int]) -> None:
    assert overlap(guess, truth) == overlap(truth, guess) == struck_out(guess, truth)
    share = recovered(guess, truth)
    assert math.isnan(share) if not truth else share == struck_out(guess, truth) / len(truth)


@given(sentences, sentences, st.randoms())
def test_the_order_does_not_matter_and_all_tokens_are_all(guess: list[int], truth: list[int], random) -> None:
    shuffled = random.sample(guess, len(guess))
    if truth:
        assert recovered(shuffled, truth) == recovered(guess, truth) <= recovered(guess + truth, truth) == 1


@given(sentences, sentences)
def test_jaccard_counts_each_token_of_either_side_once(guess: list[int], truth: list[int]) -> None:
    either = [token for token in range(5) if token in guess or token in truth]
    both = [token for token in either if token in guess and token in truth]
    assert jaccard(set(guess), set(truth)) == (len(both) / len(either) if either else 1.0)


def test_a_sentence_is_scored_by_itself_and_a_set_by_its_batch(batch: Callable) -> None:
    truth = batch([[[2, 5, 6, 6, 3], [2, 7, 3]], [[2, 3], [8, 8, 8]]])
    guess = batch([[[6, 6, 6, 5, -1], [5, 6]], [[5], [3, 8, 0, 2, 8]]])
    bag = BagOfWords().score(guess, truth)
    assert bag[0].tolist() == [1.0, 0.0] and math.isnan(bag[1, 0]) and bag[1, 1] == 2 / 3
    assert TokenSet().score(guess, truth).tolist() == [[2 / 3] * 2, [1 / 2] * 2]  # {5, 6} of {5, 6, 7}; {5, 8} for {8}
