"""LAMP's regulariser: known values, its slope, and that only the places that are optimised count."""

import pytest
import torch

from bench.priors.embedding_length import EmbeddingLength, length_error, mean_length


def test_known_lengths() -> None:
    """3-4-5 and 5-12-13 triangles in a batch of two sentences: a mean of 9."""
    embeddings = torch.tensor([[[[3.0, 4.0], [1e3, 0.0]], [[5.0, 12.0], [0.0, 0.0]]]])
    places = torch.tensor([[[True, False], [True, False]]])
    assert length_error(embeddings, places, torch.tensor([9.0])).tolist() == [0.0]
    assert length_error(embeddings, places, torch.tensor([7.0])).tolist() == [4.0]
    assert EmbeddingLength(0.5)(embeddings, places, torch.tensor([7.0])).tolist() == [2.0]
    assert length_error(embeddings, torch.zeros_like(places), torch.tensor([2.0])).tolist() == [4.0]
    with pytest.raises(ValueError, match="weight=-1"):
        EmbeddingLength(-1.0)


def test_its_slope_is_the_quotient_of_differences_and_zero_where_an_embedding_is() -> None:
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(2, 2, 3, 4, generator=generator, dtype=torch.float64)
    places = torch.tensor([[[True, True, False], [True, False, False]]]).expand(2, -1, -1)
    target = torch.tensor([1.0, 3.0], dtype=torch.float64)
    points = embeddings.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: length_error(x, places, target), (points,))
    flat = torch.zeros(1, 1, 2, 4, requires_grad=True)
    value = length_error(flat, torch.ones(1, 1, 2, dtype=torch.bool), torch.tensor([1.0]))
    (slope,) = torch.autograd.grad(value.sum(), flat)
    assert value.tolist() == [1.0] and not slope.any()


def test_the_target_is_the_victims_own_and_one_table_is_measured_once() -> None:
    tables = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    allowed = torch.tensor([False, True, True, True, True, False])
    lengths = [sum(float(row.norm()) for row in table[1:5]) / 4 for table in tables]
    assert mean_length(tables, allowed).tolist() == pytest.approx(lengths)
    shared = mean_length(tables[:1].expand(4, -1, -1), allowed)
    assert shared.tolist() == pytest.approx([lengths[0]] * 4) and shared.stride(0) == 0
