"""What lies in the span of a linear layer's inputs, and which tokens that leaves."""

import torch

from bench.attacks.exact.span_check import Span, distances, nearest_first, projections, span_of


def test_a_span_is_that_of_the_inputs_where_single_gradients_miss_some() -> None:
    """Two linear layers on the same five inputs; one gradient leaves out the first input, the other the last."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5, 20, generator=generator)
    outputs = torch.randn(2, 12, 5, generator=generator)
    outputs[0, :, 0] = outputs[1, :, 4] = 0
    blocks = [1e-4 * outputs[0] @ inputs, outputs[1] @ inputs]
    span = span_of(blocks, 3e-7, most=20)
    assert span.basis.shape == (5, 20) and span.distance(inputs).max() < 1e-5
    outside = torch.linalg.lstsq(inputs.mT, torch.eye(20)).solution.mT @ inputs  # of unit vectors: what lies inside
    torch.testing.assert_close(span.distance(torch.eye(20)), (torch.eye(20) - outside).norm(dim=1), rtol=1e-4, atol=0)
    assert span_of(blocks[:1], 3e-7, most=20).distance(inputs)[0] > 0.5
    assert span_of(blocks, 3e-7, most=3).basis.shape == (3, 20)
    assert span_of([torch.zeros(3, 4)], 3e-7, most=4).basis.shape == (0, 4)


def test_candidates_have_a_floor_and_a_ceiling() -> None:
    distance = torch.tensor([0.3, 0.0, 0.2, 0.0])
    assert nearest_first(distance, 0.1, least=0, most=9) == [1, 3]
    assert nearest_first(distance, 0.1, least=3, most=9) == [1, 3, 2]
    assert nearest_first(distance, 0.1, least=0, most=1) == [1]


def test_distances_do_not_depend_on_how_many_tokens_are_read_at_a_time() -> None:
    """A token at a position lies in the plane of the first two axes exactly if its vector does."""
    vectors = torch.randn(7, 3, 4, generator=torch.Generator().manual_seed(0))
    vectors[2, 1, 2:] = 0
    span = Span(torch.eye(4)[:2])
    place = torch.arange(3)
    found = distances(lambda tokens: vectors[tokens, place], span, 7, 3, chunk=3)
    torch.testing.assert_close(found, vectors[..., 2:].norm(dim=-1) / vectors.norm(dim=-1))
    assert (found == 0).nonzero().tolist() == [[2, 1]]
    assert torch.equal(found, distances(lambda tokens: vectors[tokens, place], span, 7, 3, chunk=100))


def test_a_fused_weight_is_taken_apart_into_query_key_and_value() -> None:
    """GPT-2 stores `[D, 3 out]`: the transpose of three weights side by side."""
    apart = {name: torch.randn(2, 4, generator=torch.Generator().manual_seed(i)) for i, name in enumerate("qkv")}
    fused = torch.cat([value.mT for value in apart.values()], 1)
    for found in (projections({"c_attn": fused}, ["c_attn"]), projections(apart, list("qkv"))):
        assert all(torch.equal(one, other) for one, other in zip(found, apart.values(), strict=True))
