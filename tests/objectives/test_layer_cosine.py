"""LAMP's distance against torch's cosine of each layer, and what becomes of layers that have no angle."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bench.objectives.cosine import cosine_distance
from bench.objectives.layer_cosine import LayerCosine, layer_cosine_distance


def gradients(seed: int, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    shapes = {"embedding": (9, 4), "key.weight": (4, 4), "head.bias": (3,)}
    return {n: torch.randn(2, *shape, generator=g, dtype=dtype) for n, shape in shapes.items()}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6))
def test_it_is_the_mean_of_one_minus_torchs_cosine_of_each_layer_whatever_its_length(seed, lengths) -> None:
    ours, theirs = gradients(seed), gradients(seed + 1)
    each = [1 - functional.cosine_similarity(ours[n].flatten(1), theirs[n].flatten(1)) for n in ours]
    scaled = [
        {n: s * v for s, (n, v) in zip(part, of.items())} for part, of in ((lengths[:3], ours), (lengths[3:], theirs))
    ]
    torch.testing.assert_close(layer_cosine_distance(*scaled), torch.stack(each).mean(0), rtol=1e-12, atol=1e-12)


def test_of_one_layer_it_is_the_cosine_distance_of_inverting_gradients() -> None:
    ours, theirs = ({"key.weight": gradients(seed)["key.weight"]} for seed in (0, 1))
    torch.testing.assert_close(layer_cosine_distance(ours, theirs), cosine_distance(ours, theirs), rtol=1e-12, atol=0)


def test_a_layer_of_rounding_counts_for_nobody_but_as_published() -> None:
    """A gradient 1e-9 as long as the others: its angle is noise, and its slope would be 1e9 times as steep."""
    ours, theirs = gradients(0), gradients(1)
    noise, other = (1e-9 * torch.randn(2, 4, generator=torch.Generator().manual_seed(s)).double() for s in (2, 3))
    with_noise = {**theirs, "key.bias": noise}
    mine = {**ours, "key.bias": other.requires_grad_()}
    quiet = LayerCosine(1e-5)(mine, with_noise)
    torch.testing.assert_close(quiet, layer_cosine_distance(ours, theirs), rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(quiet.sum(), other)
    assert not slope.any()
    (loud,) = torch.autograd.grad(LayerCosine(0.0)(mine, with_noise).sum(), other)
    assert loud.abs().max() > 1e6


def test_zeros_have_a_finite_distance_and_slope() -> None:
    """A layer shared as exactly zero never counts; a dummy's gradient of zero is as far as a right angle is halfway."""
    ours, theirs = gradients(0), gradients(1)
    nothing = {**theirs, "head.bias": torch.zeros(2, 3, dtype=torch.float64)}
    rest = {n: v for n, v in theirs.items() if n != "head.bias"}
    torch.testing.assert_close(layer_cosine_distance(ours, nothing), layer_cosine_distance(ours, rest))
    still = {n: torch.zeros_like(v).requires_grad_() for n, v in theirs.items()}
    value = layer_cosine_distance(still, theirs)
    assert value.tolist() == pytest.approx([0.5, 0.5])
    for slope in torch.autograd.grad(value.sum(), list(still.values())):
        assert torch.isfinite(slope).all()
    dead = {n: torch.zeros_like(v) for n, v in theirs.items()}
    assert layer_cosine_distance(ours, dead).tolist() == [0.0, 0.0]


def test_victims_are_judged_apart_and_a_share_out_of_range_is_named() -> None:
    ours, theirs = gradients(0), gradients(1)
    theirs["head.bias"][0] = 0
    both = LayerCosine(1e-5)(ours, theirs)
    for i in range(2):
        alone = LayerCosine(1e-5)(*({n: v[[i]] for n, v in of.items()} for of in (ours, theirs)))
        torch.testing.assert_close(both[[i]], alone, rtol=1e-14, atol=0)
    with pytest.raises(ValueError, match="negligible=1"):
        LayerCosine(1.0)
