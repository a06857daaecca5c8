"""Two gradients in units in which they can be compared: divided by the known factor, or by their own lengths."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.units import comparable


def gradients(seed: int, victims: int = 3) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {name: torch.randn(victims, *shape, generator=g, dtype=torch.float64) for name, shape in SHAPES.items()}


SHAPES = {"weight": (2, 3), "bias": (4,)}


def flat(of: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.flatten(1) for value in of.values()], 1)


def test_a_gradient_needs_no_unit_and_a_known_factor_is_divided_out() -> None:
    ours, theirs = gradients(0), gradients(1)
    assert comparable(ours, theirs, 1.0) == (ours, theirs)
    for found, given_one in zip(comparable({**ours, "unshared": ours["bias"]}, theirs, 0.25), (ours, theirs)):
        assert set(found) == set(theirs)
        torch.testing.assert_close(flat(found), 4 * flat(given_one))


@given(st.integers(0, 50), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_without_a_unit_the_squared_error_is_twice_one_minus_the_cosine(seed: int, one: float, other: float) -> None:
    """Whatever the two lengths are; and the sign stays, so that an update that points the other way is at 4."""
    ours = {name: one * value for name, value in gradients(seed).items()}
    theirs = {name: other * value for name, value in gradients(seed + 1).items()}
    a, b = (flat(found) for found in comparable(ours, theirs, None))
    cosine = torch.nn.functional.cosine_similarity(flat(gradients(seed)), flat(gradients(seed + 1)))
    torch.testing.assert_close((a - b).square().sum(1), 2 * (1 - cosine))
    a, b = (flat(found) for found in comparable(ours, {name: -value for name, value in ours.items()}, None))
    torch.testing.assert_close((a - b).square().sum(1), torch.full((3,), 4.0, dtype=torch.float64))


def test_a_length_counts_only_the_entries_that_were_shared() -> None:
    """A pruned update is at distance 0 from the gradient that it was pruned from, on the entries that are left."""
    ours = gradients(0)
    theirs = {"weight": ours["weight"] * (ours["weight"] > 0), "bias": torch.zeros_like(ours["bias"])}
    a, b = comparable(ours, theirs, None)
    shared = flat(theirs) != 0
    torch.testing.assert_close(flat(a)[shared], flat(b)[shared])
    torch.testing.assert_close(flat(b).norm(dim=1), torch.ones(3, dtype=torch.float64))


def test_an_update_of_zeros_stays_one_and_is_no_division_by_zero() -> None:
    nothing = {name: torch.zeros_like(value) for name, value in gradients(0).items()}
    for found in comparable(gradients(0), nothing, None):
        assert torch.isfinite(flat(found)).all()
    assert not flat(comparable(gradients(0), nothing, None)[1]).any()
