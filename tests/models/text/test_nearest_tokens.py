"""Protects: tokens come back from their own embeddings, noisy ones too, and never a token that is not allowed."""

import pytest
import torch

from bench.models.text.nearest_tokens import nearest

GENERATOR = torch.Generator().manual_seed(0)
TABLES = torch.randn(3, 50, 8, generator=GENERATOR, dtype=torch.float64)
TOKENS = torch.randint(5, 50, (3, 2, 6), generator=GENERATOR)
WORDS = torch.arange(50) >= 5


def embed(tokens):
    return torch.stack([table[row] for table, row in zip(TABLES, tokens)])


@pytest.mark.parametrize("measure", ["euclidean", "cosine"])
def test_equals_a_plain_search(measure):
    points = embed(TOKENS) + torch.randn(3, 2, 6, 8, generator=GENERATOR, dtype=torch.float64)
    found = nearest(points, TABLES, WORDS, measure)
    for v, b, t in torch.cartesian_prod(torch.arange(3), torch.arange(2), torch.arange(6)).tolist():
        rows = TABLES[v, 5:]
        if measure == "euclidean":
            expected = (rows - points[v, b, t]).norm(dim=1).argmin() + 5
        else:
            expected = torch.cosine_similarity(rows, points[v, b, t][None], dim=1).argmax() + 5
        assert found[v, b, t] == expected
    assert torch.equal(nearest(embed(TOKENS), TABLES, WORDS, measure), TOKENS)


def test_only_allowed_tokens_are_named_and_length_is_nothing_to_the_cosine():
    special = torch.zeros(3, 1, 1, dtype=torch.int64)
    assert (nearest(embed(special), TABLES, WORDS, "euclidean") >= 5).all()
    assert torch.equal(nearest(7.5 * embed(TOKENS), TABLES, WORDS, "cosine"), TOKENS)


def test_refusals():
    with pytest.raises(ValueError, match="measure='l1': want one of euclidean, cosine"):
        nearest(embed(TOKENS), TABLES, WORDS, "l1")
    with pytest.raises(ValueError, match="no token is allowed"):
        nearest(embed(TOKENS), TABLES, torch.zeros(50, dtype=torch.bool), "cosine")
