"""All sentences of a set as tokens: filled up, masked, and told apart by a fingerprint."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.datamodules.text_pool import TextPool, padded


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=6), max_size=5))
def test_sentences_are_filled_up_to_the_longest_and_keep_their_tokens(sentences: list[list[int]]) -> None:
    tokens, lengths = padded(sentences, pad=0)
    assert tokens.shape == (len(sentences), max(map(len, sentences), default=0)) and tokens.dtype == np.int64
    assert [row[:length].tolist() for row, length in zip(tokens, lengths)] == sentences
    assert all(not row[length:].any() for row, length in zip(tokens, lengths))


def pool() -> TextPool:
    tokens, lengths = padded([[5, 6, 7], [8], [9, 9]], pad=0)
    return TextPool(tokens, lengths, np.array([0, 1, 1]), 2, ("no", "yes"), ((4, 4),), "digest", skipped=3)


def test_inputs_and_masks_are_those_of_the_samples_in_any_arrangement() -> None:
    samples = np.array([[2, 0], [1, 1]])
    assert pool().inputs(samples).tolist() == [[[9, 9, 0], [5, 6, 7]], [[8, 0, 0], [8, 0, 0]]]
    mask = pool().mask(samples)
    assert mask.dtype is torch.bool and mask.sum(-1).tolist() == [[2, 3], [1, 1]] and mask[..., 0].all()
    assert len(pool()) == 3 and pool().shape == (3,)


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"tokens": np.array([[5, 6, 1], [8, 0, 0], [9, 9, 0]])}, True),
        ({"lengths": np.array([3, 2, 2])}, True),
        ({"labels": np.array([0, 1, 0])}, True),
        ({"classes": 3}, True),
        ({"surrogate": ()}, True),
        ({"tokenizer": "another"}, True),
        ({"class_names": None}, False),  # names change no number
        ({"skipped": 0}, False),
    ],
)
def test_a_fingerprint_tells_everything_apart_that_can_change_a_result(change: dict, other: bool) -> None:
    assert (replace(pool(), **change).fingerprint != pool().fingerprint) == other
