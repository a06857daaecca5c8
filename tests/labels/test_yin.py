"""Protects: Yin's rule finds labels that all differ, and has a figure for every other batch."""

import torch
from label_batches import shared

from bench.labels.yin import YinRule, lowest_rows


def test_the_rows_with_the_lowest_minimum_are_the_labels() -> None:
    gradient = torch.tensor([[[0.1, 0.2], [-0.5, 0.3], [0.0, -0.1], [0.2, 0.2]]])
    assert lowest_rows(gradient, 2).tolist() == [[0, 1, 1, 0]]


def test_labels_that_differ_are_found_in_a_real_network() -> None:
    labels = torch.stack([torch.randperm(20, generator=torch.Generator().manual_seed(v))[:8] for v in range(5)])
    assert torch.equal(YinRule()(shared(labels, 20)), labels.sort(1).values)


def test_a_label_that_occurs_twice_is_found_once_and_a_large_batch_begins_again() -> None:
    twice = YinRule()(shared([[3, 3]], 10))[0]
    assert 3 in twice and len(set(twice.tolist())) == 2
    assert torch.bincount(YinRule()(shared([[1] * 25], 10))[0], minlength=10).tolist().count(3) == 5


def test_a_gradient_that_is_not_finite_has_a_figure() -> None:
    assert int(lowest_rows(torch.full((1, 4, 2), torch.nan), 6).sum()) == 6
