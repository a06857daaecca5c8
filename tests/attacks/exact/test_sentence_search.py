"""Sentences are found from their tokens, guided by a distance, and told apart by their lengths."""

import torch

from bench.attacks.exact.sentence_search import Descent, Found, ended, from_left_to_right


def differing(*wanted):
    """A check that counts the places in which a sentence differs from the nearest of those wanted."""

    def check(tokens):
        close = [[sum(a != b for a, b in zip(row, one)) for one in wanted] for row in tokens.tolist()]
        return torch.tensor(close, dtype=torch.float64).min(1).values

    return check


def test_a_descent_finds_every_sentence_and_repeats_one_that_was_there_twice() -> None:
    candidates, where = [[1], [2, 5], [3, 6, 4], [9]], torch.device("cpu")
    random = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
    search = Descent(differing((1, 2, 3, 9), (1, 5, 6, 9)), 0.5, 20, where)
    found = search(candidates, [4, 4], True, 2, random, 9)
    assert {one.tokens for one in found} == {(1, 2, 3, 9), (1, 5, 6, 9)}
    found = search(candidates, [3, 4], False, 2, random, 9)  # of unknown lengths, those that pass
    assert {one.tokens for one in found} == {(1, 2, 3, 9), (1, 5, 6, 9)}
    same = Descent(differing((1, 2, 3, 9)), 0.5, 20, where)([[1], [2], [3], [9]], [4, 4], True, 2, random, 9)
    assert [one.tokens for one in same] == [(1, 2, 3, 9)] * 2


def test_a_sentence_that_begins_another_is_told_from_it_by_its_length() -> None:
    kept = {(1,), (1, 2), (1, 2, 3), (4,), (4, 2)}

    def check(tokens):
        return torch.tensor([0.0 if tuple(row) in kept else 1.0 for row in tokens.tolist()])

    candidates = [[1, 4], [2, 3], [3]]
    levels = from_left_to_right(check, candidates, [0, 0, 0], 0.5, 9, torch.device("cpu"))
    assert {one.tokens for level in levels for one in level} == kept
    assert [one.tokens for one in ended(levels, [2, 3, 2], 3)] == [(4, 2), (1, 2, 3), (1, 2)]
    assert {one.tokens for one in ended(levels, None, 3)} == {(4, 2), (1, 2, 3)}
    assert ended(levels, [5], 1) == [Found((), 0.0)]


def test_the_best_beginnings_are_kept_and_a_sentence_that_must_go_on_does() -> None:
    """Noise lets nothing pass: as long as a sentence is known to reach a position, its nearest beginning is kept."""
    check = differing((1, 2, 3))
    where = torch.device("cpu")
    levels = from_left_to_right(lambda t: 1 + check(t), [[1, 4], [2, 5], [3]], [1, 1, 0], 0.5, 9, where)
    assert [[one.tokens for one in level] for level in levels] == [[(1,)], [(1, 2)]]
    wide = from_left_to_right(lambda t: 0 * check(t), [[1, 4], [2, 5], [3]], [1, 1, 1], 0.5, 3, where)
    assert [len(level) for level in wide] == [2, 3, 3]


def test_a_descent_that_finds_nothing_says_how_near_it_came() -> None:
    random = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    far = Descent(lambda t: 1 + differing((1, 2, 9))(t), 0.5, 4, torch.device("cpu"))
    assert far([[1, 4], [2, 5], [9]], [3], True, 1, random, 9) == [Found((1, 2, 9), 0.0)]
    assert far([[1, 4], [2, 5], [9]], [3], True, 1, random, 9)[0].distance == 1.0
    assert far([[1, 4], [2, 5], [9]], [3], False, 1, random, 9) == []
