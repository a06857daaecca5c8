"""Protects: a token counts if it stands at its place, over the places of the sentence's own words."""

import math
from collections.abc import Callable

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.metrics.text.token_accuracy import TokenAccuracy, share_in_place

tokens = st.lists(st.integers(-1, 7), min_size=6, max_size=6)


@given(st.lists(st.tuples(tokens, tokens), min_size=1, max_size=4))
def test_the_share_is_that_of_a_loop_over_the_places(batch: Callable, pairs: list) -> None:
    guess, truth = ([[pair[side]] for pair in pairs] for side in (0, 1))
    found = TokenAccuracy().score(batch(guess), batch(truth)).flatten().tolist()
    for (g, t), score in zip(pairs, found, strict=True):
        places = [place for place in range(6) if t[place] in (1, 5, 6, 7)]
        right = sum(g[place] == t[place] for place in places)
        assert math.isnan(score) if not places else score == right / len(places)


def test_a_sentence_that_is_shifted_by_a_place_scores_nothing(batch: Callable) -> None:
    truth = batch([[[2, 5, 6, 7, 8, 3]]])
    assert TokenAccuracy().score(batch([[[5, 6, 7, 8, 3]]]), truth).item() == 0
    assert TokenAccuracy().score(truth, truth).item() == 1


def test_only_the_given_places_count_and_without_one_there_is_no_share() -> None:
    guess, truth = torch.tensor([[1, 2, 3], [1, 2, 3]]), torch.tensor([[1, 9, 3], [9, 9, 9]])
    real = torch.tensor([[True, True, False], [False, False, False]])
    found = share_in_place(guess, truth, real)
    assert found[0] == 0.5 and found[1].isnan() and found.dtype == torch.float64
