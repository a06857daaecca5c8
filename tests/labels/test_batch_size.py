"""Protects: the rank of a linear layer's gradient is the batch size, up to what the layer can show."""

from dataclasses import replace

import pytest
import torch
from label_batches import shared

from bench.labels.batch_size import inferred_batch_size, numerical_rank


@pytest.mark.parametrize("size", [1, 2, 7, 16])
def test_the_batch_size_is_the_rank(size) -> None:
    """In both precisions, with labels that repeat, and with fewer classes than examples."""
    labels = torch.randint(4, (3, size), generator=torch.Generator().manual_seed(size))
    seen = shared(labels, 4)
    for dtype in (torch.float64, torch.float32):
        lower = replace(seen, gradients={name: value.to(dtype) for name, value in seen.gradients.items()})
        found = inferred_batch_size(lower)
        assert found is not None
        assert found[0].tolist() == [size] * 3 and found[1] == 36


def test_a_layer_shows_no_more_than_its_smaller_side_and_the_last_one_less_than_its_classes() -> None:
    seen = shared([[0, 1, 2, 3] * 20], 10)
    last = replace(seen, gradients={"3.weight": seen.gradients["3.weight"]})
    ranks, most = inferred_batch_size(last) or (None, 0)
    assert ranks is not None and most == 9 and int(ranks[0]) <= 9


def test_without_a_linear_layer_nothing_is_said() -> None:
    seen = shared([[0]], 10)
    assert inferred_batch_size(replace(seen, gradients={"3.bias": seen.gradients["3.bias"]})) is None


def test_a_matrix_of_zeros_or_one_that_is_not_finite_has_rank_zero() -> None:
    assert numerical_rank(
        torch.stack([torch.zeros(3, 4), torch.full((3, 4), torch.nan), torch.ones(3, 4)])
    ).tolist() == [0, 0, 1]
