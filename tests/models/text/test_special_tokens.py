"""The frame of a sentence for tokenisers of every kind, and tokens named around it."""

import pytest
import torch

from bench.datamodules.public_domain import packaged
from bench.models.text.special_tokens import nearest_tokens, special_tokens, special_tokens_of
from bench.models.text.vocabulary import Vocabulary


class Framing:
    """A tokeniser of letters with any frame."""

    special = frozenset({90, 91, 92})

    def __init__(self, start, end):
        self.start, self.end = start, end

    def encode(self, sentence):
        return [*self.start, *map(ord, sentence), *self.end]


@pytest.mark.parametrize(("start", "end"), [([90], [91]), ([], []), ([90], []), ([], [91]), ([90, 92], [91])])
def test_the_frame_is_parted_where_a_word_comes_in(start, end) -> None:
    tokenizer = Framing(start, end)
    assert special_tokens_of(tokenizer) == (tuple(start), tuple(end))
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    word = "uvwxyz"
    for row, length in zip(special_tokens(mask, tokenizer).tolist(), (6, 4)):
        letters = length - len(start) - len(end)
        sentence = tokenizer.encode(word[:letters])
        assert row == [t if t in tokenizer.special else -1 for t in sentence] + [-1] * (6 - length)


def test_a_sentence_shorter_than_its_frame_has_of_it_what_fits() -> None:
    short = torch.tensor([[True, False], [False, False]])
    assert special_tokens(short, Framing([90], [91])).tolist() == [[91, -1], [-1, -1]]


@pytest.mark.parametrize("kind", ["wordpiece", "bytes"])
def test_real_tokenisers(kind) -> None:
    """Every real sentence has the frame where it is said to be, and no special token elsewhere."""
    sentences = packaged().sentences
    tokenizer = Vocabulary(None, kind, 400).make(sentences)
    for sentence in sentences[:8]:
        tokens = torch.tensor(tokenizer.encode(sentence))
        frame = special_tokens(torch.ones_like(tokens, dtype=torch.bool), tokenizer)
        assert torch.equal(frame >= 0, torch.isin(tokens, torch.tensor(sorted(tokenizer.special))))
        assert torch.equal(tokens[frame >= 0], frame[frame >= 0])


def test_what_is_named_is_the_frame_then_the_nearest_allowed_then_nothing() -> None:
    """Each embedding is a row of the table: the row's own number comes back, for victims with tables of their own."""
    table = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[[3, 4, 5]], [[6, 3, 3]], [[4, 4, 6]]])
    points = torch.stack([one[row] for one, row in zip(table, tokens)])
    mask = torch.tensor([True, True, False]).expand(3, 1, 3)
    frame = torch.tensor([1, -1, -1]).expand(3, 1, 3)
    allowed = torch.arange(7) > 2
    expected = torch.where(mask, torch.where(frame >= 0, frame, tokens), -1)
    assert torch.equal(nearest_tokens(points, table, mask, frame, allowed, "cosine"), expected)
    shared = table[:1].expand(3, -1, -1)
    points = shared[0][tokens]
    assert torch.equal(nearest_tokens(points, shared, mask, frame, allowed, "euclidean"), expected)
    assert torch.equal(nearest_tokens(2 * points, shared.clone(), mask, frame, allowed, "cosine"), expected)
