"""What stands around every sentence is found for every kind of tokeniser, and put where the sentence ends."""

import pytest
import torch

from bench.models.frame import frame, framed
from bench.models.vocabulary import Vocabulary

CORPUS = ["the cat sat on the mat", "a dog ran after the cat", "all of them were late again"]


class Wrapped:
    """Words as numbers between what a model wants around them."""

    def __init__(self, before: list[int], behind: list[int]) -> None:
        self.before, self.behind = before, behind

    def encode(self, sentence: str) -> list[int]:
        return [*self.before, *(10 + len(word) for word in sentence.split()), *self.behind]


@pytest.mark.parametrize("before", [[], [1], [1, 2]])
@pytest.mark.parametrize("behind", [[], [3], [1], [3, 4]])
def test_it_is_told_apart_from_what_stands_between(before: list[int], behind: list[int]) -> None:
    """Start and end may even be the same token."""
    assert frame(Wrapped(before, behind)) == (before, behind)


def test_learned_vocabularies_of_both_kinds() -> None:
    pieces = Vocabulary(None, "wordpiece", 300).make(CORPUS)
    encoded = pieces.encode(CORPUS[0])
    assert frame(pieces) == ([encoded[0]], [encoded[-1]]) and {encoded[0], encoded[-1]} <= pieces.special
    assert frame(Vocabulary(None, "bytes", 300).make(CORPUS)) == ([], [])


def test_the_end_moves_with_the_length() -> None:
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    assert framed(mask, Wrapped([1], [3, 4])).tolist() == [[1, -1, -1, 3, 4], [1, 3, 4, -1, -1]]
    assert framed(mask, Wrapped([], [])).tolist() == [[-1] * 5] * 2
    short = torch.tensor([[True, False], [False, False]])  # shorter than the frame: what fits
    assert framed(short, Wrapped([1], [3])).tolist() == [[3, -1], [-1, -1]]
