"""Protects: special tokens and places without a claim are no part of a sentence; shapes that disagree are refused."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.metrics.text.batch import TextBatch, each
from bench.metrics.text.exact_match import ExactMatch


def test_words_texts_and_places_of_a_sentence(batch: Callable) -> None:
    """The token for an unknown word (1) is a word; padding, start, end, mask and -1 are not."""
    found = batch([[[2, 5, 1, -1, 4, 3]], [[0, 6, 0, 11]], [[-1]]])
    assert found.words == [[[5, 1]], [[6, 11]], [[]]]
    assert found.texts == [["w5 [UNK]"], ["w6 w11"], [""]]
    assert found.real.int().tolist() == [[[0, 1, 1, 0, 0, 0]], [[0, 1, 0, 1, 0, 0]], [[0] * 6]]


@given(st.data())
def test_the_places_are_those_of_the_words(batch: Callable, data: st.DataObject) -> None:
    """The two are computed apart, of tensors and of lists."""
    tokens = st.lists(st.integers(-1, 11), min_size=6, max_size=6)
    found = batch(data.draw(st.lists(st.lists(tokens, min_size=2, max_size=2), min_size=1, max_size=3)))
    for v, b in [(v, b) for v in range(len(found.words)) for b in range(2)]:
        assert found.inputs[v, b][found.real[v, b]].tolist() == found.words[v][b]


def test_chosen_victims_are_scored_as_all_are(batch: Callable) -> None:
    whole = batch([[[5], [6]], [[7], [8]], [[9], [10]]])
    whole.labels[:] = torch.arange(6).reshape(3, 2)
    some = whole.victims(torch.tensor([True, False, True]))
    assert some.words == [whole.words[0], whole.words[2]] and some.labels.tolist() == [[0, 1], [4, 5]]


@pytest.mark.parametrize(("inputs", "labels"), [((2, 3), (2, 3)), ((2, 3, 4), (2,)), ((2, 3, 4), (3, 2))])
def test_shapes_that_disagree_are_refused(inputs: tuple[int, ...], labels: tuple[int, ...], batch: Callable) -> None:
    tokenizer = batch([[[5]]]).tokenizer
    with pytest.raises(ValueError, match=r"want \[V, B, T\] and \[V, B\]"):
        TextBatch(torch.zeros(inputs).long(), torch.zeros(labels).long(), tokenizer)


def test_each_pair_has_its_place_and_a_lost_sentence_is_an_error() -> None:
    guess, truth = [[1, 2, 3], [4, 5, 6]], [[10, 20, 30], [40, 50, 60]]
    like = torch.zeros(2, 3, 7)
    found = each(lambda g, t: t - g, guess, truth, like)
    assert found.tolist() == [[9, 18, 27], [36, 45, 54]] and found.dtype == torch.float64
    assert each(lambda g, t: 0.0, [], [], torch.zeros(0, 3)).shape == (0, 3)
    for short in ([[1, 2, 3]], [[1, 2, 3], [4, 5]]):
        with pytest.raises(ValueError, match="zip"):
            each(lambda g, t: 0.0, short, truth, like)


def test_a_metric_of_sentences_has_no_facts_of_images() -> None:
    facts = ExactMatch().facts()
    assert facts["range"] is None and facts["smallest"] is None and facts["unit"] == "share"
    assert ExactMatch.modality == "sentences"
