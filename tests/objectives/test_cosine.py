"""The cosine distance against torch's own, and where it differs: near zero, in float32."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bench.objectives.cosine import Cosine, cosine_distance


def gradients(seed: int, victims: int = 3, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    shapes = {"conv.weight": (4, 3, 2, 2), "conv.bias": (4,), "fc.weight": (5, 7)}
    return {n: torch.randn(victims, *shape, generator=g, dtype=dtype) for n, shape in shapes.items()}


def flat(of: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.flatten(1) for value in of.values()], 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_it_is_one_minus_torchs_cosine_of_the_whole_gradient_whatever_the_lengths(seed, left, right) -> None:
    """One vector of all parameters, not a mean over layers."""
    ours, theirs = gradients(seed), gradients(seed + 1)
    expected = 1 - functional.cosine_similarity(flat(ours), flat(theirs))
    found = cosine_distance({n: left * v for n, v in ours.items()}, {n: right * v for n, v in theirs.items()})
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_its_derivative_is_that_of_the_quotient() -> None:
    ours, theirs = gradients(0), gradients(1)
    for value in ours.values():
        value.requires_grad_()
    found = torch.autograd.grad(cosine_distance(ours, theirs).sum(), list(ours.values()))
    quotient = 1 - functional.cosine_similarity(flat(ours), flat(theirs))
    expected = torch.autograd.grad(quotient.sum(), list(ours.values()))
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_in_float32_it_tells_angles_apart_that_a_difference_from_one_cannot() -> None:
    """An angle of 1e-5: the distance is about 5e-11, and 1 - cos in float32 is a multiple of 6e-8."""
    theirs = gradients(0, dtype=torch.float32)
    noise = gradients(1, dtype=torch.float32)
    ours = {n: v + 1e-5 * noise[n] for n, v in theirs.items()}
    wide = {n: v.double() for n, v in theirs.items()}
    exact = cosine_distance({n: v.double() for n, v in ours.items()}, wide)
    assert (exact < 1e-10).all()
    torch.testing.assert_close(cosine_distance(ours, theirs).double(), exact, rtol=0.05, atol=0)
    naive = 1 - functional.cosine_similarity(flat(ours), flat(theirs))
    assert ((naive.double() - exact).abs() > 0.99 * exact).all()


def test_a_gradient_of_zero_has_a_finite_distance_and_derivative() -> None:
    """Where a dummy's softmax saturates nothing is left of its gradient."""
    theirs = gradients(0)
    ours = {n: torch.zeros_like(v).requires_grad_() for n, v in theirs.items()}
    value = cosine_distance(ours, theirs)
    assert value.tolist() == pytest.approx([0.5] * 3)
    for slope in torch.autograd.grad(value.sum(), list(ours.values())):
        assert torch.isfinite(slope).all()


def test_parameters_that_were_not_shared_do_not_count() -> None:
    ours, theirs = gradients(0), gradients(1)
    part = {"fc.weight": theirs["fc.weight"]}
    assert torch.equal(cosine_distance(ours, part), cosine_distance({"fc.weight": ours["fc.weight"]}, part))


def test_the_scale_is_a_factor() -> None:
    ours, theirs = gradients(0), gradients(1)
    assert torch.equal(Cosine(1000.0)(ours, theirs), 1000 * cosine_distance(ours, theirs))
    with pytest.raises(ValueError, match="scale=0"):
        Cosine(0.0)
